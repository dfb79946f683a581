"""From the raw request target to an operation, as cowboy's router does it (behaviour 0.1, step 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from conformance.reference.rest.http import Route

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class BadEncoding(ValueError):
    """A percent-encoding that cannot be decoded."""


def decode_segments(raw_path: bytes, *, remove_dots: bool) -> list[str]:
    """Decoded path segments of a raw path; one trailing slash is ignored, empty segments stay.

    Segments are split before they are decoded, so ``%2F`` stays inside one. With ``remove_dots`` the segments ``.``
    and ``..`` are removed after decoding, even when they were written ``%2E``; without, they are ordinary text.
    Bytes that are not UTF-8 become surrogates, which no stored id contains. Raises `BadEncoding`.
    """
    parts = raw_path.split(b"/")[1:]
    if parts and parts[-1] == b"":
        parts.pop()
    if b"%" in raw_path:
        if _BAD_ESCAPE.search(raw_path):
            raise BadEncoding
        segments = [unquote_to_bytes(part).decode("utf-8", "surrogateescape") for part in parts]
    else:
        segments = [part.decode("utf-8", "surrogateescape") for part in parts]
    return _without_dots(segments) if remove_dots else segments


def _without_dots(segments: list[str]) -> list[str]:
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    return kept


def parse_query(query: bytes) -> list[tuple[str, str]]:
    """Pairs of a query string in order, ``+`` read as a space; raises `BadEncoding`."""
    if not query:
        return []
    if _BAD_ESCAPE.search(query):
        raise BadEncoding
    pairs = []
    for part in query.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_query_text(name), _query_text(value)))
    return pairs


def _query_text(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation behind a path: its label, its route and the names of its path parameters."""

    label: str
    route: Route
    parameters: tuple[str, ...]


@dataclass(slots=True)
class PathNode:
    """A place in the tree of paths; ``allow`` is the alphabetical value of an ``Allow`` header."""

    literals: dict[str, PathNode] = field(default_factory=dict)
    parameter: PathNode | None = None
    methods: dict[str, Endpoint] = field(default_factory=dict)

    @property
    def allow(self) -> str:
        return ", ".join(sorted(self.methods))


class Router:
    """All registered operations as a tree of path segments; a literal segment wins over a parameter."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._root = PathNode()
        for label, route in routes.items():
            self._add(label, route)

    def _add(self, label: str, route: Route) -> None:
        method, path = label.split(" ", 1)
        node = self._root
        names = []
        for segment in (route.base + path).strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or PathNode()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, PathNode())
        node.methods[method] = Endpoint(label, route, tuple(names))

    def find(self, segments: list[str]) -> tuple[PathNode, list[str]] | None:
        """The node of a path with the values of its parameters in order, or None for an unknown path."""
        values: list[str] = []
        node = self._descend(self._root, segments, 0, values)
        return (node, values) if node is not None else None

    def _descend(self, node: PathNode, segments: list[str], index: int, values: list[str]) -> PathNode | None:
        if index == len(segments):
            return node if node.methods else None
        child = node.literals.get(segments[index])
        if child is not None:
            found = self._descend(child, segments, index + 1, values)
            if found is not None:
                return found
        if node.parameter is None:
            return None
        values.append(segments[index])
        found = self._descend(node.parameter, segments, index + 1, values)
        if found is None:
            values.pop()
        return found
