"""Which operation a raw path addresses, and what in it could address another one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from conformance.contract import Contract

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNWRITABLE = re.compile(r"[\x00-\x20\x7f]")
_DOTS = (".", "..")
_MOST_DECODINGS = 3

# Texts of EMQX's API are printable (real servers refuse others, also in a path), and what is no Unicode goes on the
# wire as something else.
_UNCARRIED = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")

LONGEST_SEGMENT = 4000
"""Bytes of the longest id in a path, percent-encoded: servers and proxies take request lines of about 8,000."""


def split_path(raw_path: str) -> list[str]:
    """Raw segments of a path without its query, as EMQX's router splits them: one trailing slash is nothing."""
    segments = re.split(r"[?#]", raw_path, maxsplit=1)[0].split("/")[1:]
    if segments and segments[-1] == "":
        segments.pop()
    return segments


class Routes:
    """The operations of a contract by method and shape of their path; a literal segment wins over a parameter."""

    def __init__(self, contract: Contract) -> None:
        self._by_shape: dict[tuple[str, int], list[tuple[tuple[str, ...], str]]] = {}
        for operation in contract.operations.values():
            template = tuple(operation.path.strip("/").split("/"))
            self._by_shape.setdefault((operation.method, len(template)), []).append((template, operation.label))
        for candidates in self._by_shape.values():
            candidates.sort(key=lambda candidate: sum(part.startswith("{") for part in candidate[0]))

    def find(self, method: str, segments: Sequence[str]) -> tuple[str | None, dict[str, str]]:
        """Label and path parameters for decoded segments, (None, {}) if no operation has such a path."""
        for template, label in self._by_shape.get((method, len(segments)), ()):
            parameters = {}
            for expected, segment in zip(template, segments, strict=True):
                if expected.startswith("{"):
                    parameters[expected[1:-1]] = segment
                elif expected != segment:
                    break
            else:
                return label, parameters
        return None, {}

    def is_known(self, segments: Sequence[str]) -> bool:
        """Whether any operation has such a path."""
        return any(self.find(method, segments)[0] for method, _ in self._by_shape)


def unsafe_segment(segments: Sequence[str]) -> str | None:
    """Why a path could address another resource than its segments say, dot segments apart."""
    for segment in segments:
        if segment == "":
            return "the empty path segment could be left out by a server"
        if _BAD_ESCAPE.search(segment) or _UNWRITABLE.search(segment):
            return f"the path segment {segment[:200]!r} goes on the wire in another encoding than it has here"
        if _hides_dots(segment):
            return f"the path segment {segment[:200]!r} could address another resource once it is decoded again"
    return None


def unreachable(identifier: object) -> str | None:
    """Why what is stored under an id could not be read and deleted again, as the end of a sentence.

    None for a text that a path carries to every server alike. Any other value may be stored as it is (EMQX 5.8 stores
    numbers, objects and arrays as ids of users), and then no text in a path is equal to it.
    """
    if not isinstance(identifier, str):
        return "is no text"
    if identifier in ("", *_DOTS):
        return "is left out of a path by servers"
    if match := _UNCARRIED.search(identifier):
        return f"holds U+{ord(match[0]):04X}, which no path carries"
    segment = quote(identifier, safe="")
    if len(segment) > LONGEST_SEGMENT:
        return f"would take {len(segment)} bytes of a path"
    return "could be decoded twice in a path" if unsafe_segment([segment]) else None


def has_dots(segments: Sequence[str]) -> bool:
    """Whether decoded segments hold any that servers may remove."""
    return any(segment in _DOTS for segment in segments)


def without_dots(segments: Sequence[str]) -> list[str]:
    """Decoded segments after EMQX removed ``.`` and ``..`` (behaviour 0.1)."""
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return kept


def decode(segments: Sequence[str]) -> list[str]:
    """Segments percent-decoded once; what is not UTF-8 becomes U+FFFD, which no name of a sandbox has."""
    return [unquote(segment) if "%" in segment else segment for segment in segments]


def _hides_dots(segment: str) -> bool:
    """Dot segments behind an encoded separator, or such that appear only if a server decodes more than once."""
    once = unquote(segment)
    if once in _DOTS:
        return False
    text = once
    for _ in range(_MOST_DECODINGS):
        if any(part in _DOTS for part in re.split(r"[/\\]", text)):
            return True
        text = unquote(text)
    return False


def covers(wiping: str, label: str | None) -> bool:
    """Whether a global operation wipes what ``label`` would change, so that either reading of a path is allowed."""
    return label is None or label.startswith(wiping + "/")
