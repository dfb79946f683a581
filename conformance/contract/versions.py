"""Versions of EMQX: the one reading of what nodes, options, files and requirements call so, and ranges of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.version import InvalidVersion, Version

from conformance.contract.document import DocumentError

__all__ = ["Version", "VersionError", "VersionRange", "is_later", "release_of", "same_release"]

_LONGEST = 100
_OPERATORS = (">=", "<=", "==", "!=", ">", "<")
_TAG = re.compile(r"[ve](?=\d)", re.ASCII)
# What follows the numbers and PEP 440 does not know: pre-releases and builds of semver.org, as nodes say them.
_SUFFIX = re.compile(r"[-+][0-9A-Za-z]+(?:[-+.][0-9A-Za-z]+)*", re.ASCII)


class VersionError(DocumentError):
    """The text is no EMQX version."""


@lru_cache
def release_of(text: str) -> Version:
    """The release that a version is, leads to or was built from, with its three numbers.

    Read are releases (``5.8.9``, ``5.8``), tags (``e5.8.9``, ``v5.8.9``), and what nodes say of pre-releases and builds
    (``5.8.9-rc.1``, ``5.8.9-alpha.1+gabc``, ``5.8.9-g1234``, ``6.0.0-M1.202507``). The rest is left out, because the
    contract describes releases: a candidate of 5.8.9 is checked as 5.8.9. Raises `VersionError`, one sentence.
    """
    numbers = _numbers(text.strip()) if len(text) <= _LONGEST else None
    if numbers is None:
        raise VersionError(f"{text!r:.60} is no EMQX version; expected one like 5.8.9")
    return Version(".".join(map(str, numbers)))


def same_release(one: str, other: str) -> bool:
    """Whether two versions are of the same release; raises `VersionError`."""
    return release_of(one) == release_of(other)


def is_later(told: str | None, described: str) -> bool:
    """Whether the release that a target says it is comes after ``described``; not where it says nothing readable."""
    try:
        return release_of(told or "") > release_of(described)
    except VersionError:
        return False


def _numbers(text: str) -> Sequence[int] | None:
    """Major, minor and patch (0 where there is none); None if ``text`` is no version."""
    text = text[1:] if _TAG.match(text) else text
    try:
        version = Version(text)
    except InvalidVersion:
        cut = re.search(r"[-+]", text)
        if cut is None or not _SUFFIX.fullmatch(text[cut.start() :]):
            return None
        try:
            version = Version(text[: cut.start()])
        except InvalidVersion:
            return None
        if version.is_prerelease or version.is_postrelease:
            return None
    if version.epoch or not 2 <= len(version.release) <= 3:
        return None
    return (*version.release, 0)[:3]


@dataclass(frozen=True, slots=True)
class VersionRange:
    """All of its bounds hold."""

    bounds: tuple[Specifier, ...]

    @classmethod
    def parse(cls, text: str) -> VersionRange:
        """Read comma-separated bounds of releases such as ``>=5.8.0,<5.9``; raises ValueError with one sentence.

        Missing numbers of a bound are 0.
        """
        try:
            return cls(tuple(map(_bound, text.split(","))))
        except (InvalidSpecifier, InvalidVersion):
            raise ValueError(f"{text!r:.60} is no range of versions like '>=5.8.0,<5.9'") from None

    def contains(self, version: str | None) -> bool:
        """Whether the release of ``version`` lies within (see `release_of`); never for an unknown one."""
        try:
            release = release_of(version or "")
        except VersionError:
            return False
        return all(bound.contains(release) for bound in self.bounds)


def _bound(text: str) -> Specifier:
    if len(text) > _LONGEST:
        raise InvalidSpecifier(text)
    bound = Specifier(text)
    release = Version(bound.version)
    plain = str(release) == release.base_version and not release.epoch and len(release.release) <= 3
    if bound.operator not in _OPERATORS or not plain:
        raise InvalidSpecifier(text)
    return bound
