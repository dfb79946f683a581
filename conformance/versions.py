"""Ranges of EMQX versions such as ``>=5.8.0,<5.9``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Version = tuple[int, int, int]

_COMPARISONS: Mapping[str, Callable[[Version, Version], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_BOUND = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d{1,6}(?:\.\d{1,6}){0,2})", re.ASCII)
_VERSION = re.compile(r"[ve]?(\d{1,6}(?:\.\d{1,6}){0,2})(?![\d.])", re.ASCII)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """All of its bounds hold: comparison and version, missing parts read as 0."""

    bounds: tuple[tuple[str, Version], ...]

    @classmethod
    def parse(cls, text: str) -> VersionRange:
        """Read comma-separated bounds; raises ValueError with one sentence."""
        bounds = []
        for part in text.split(","):
            match = _BOUND.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"{text!r:.60} is no range of versions like '>=5.8.0,<5.9'")
            bounds.append((match[1], _padded(match[2])))
        return cls(tuple(bounds))

    def contains(self, version: str | None) -> bool:
        """Whether ``version`` lies within; never for an unknown one. A suffix such as ``-rc.1`` is ignored."""
        match = _VERSION.match(version or "")
        if match is None:
            return False
        return all(_COMPARISONS[comparison](_padded(match[1]), bound) for comparison, bound in self.bounds)


def _padded(text: str) -> Version:
    parts = [int(part) for part in text.split(".")]
    major, minor, patch = [*parts, 0, 0][:3]
    return major, minor, patch
