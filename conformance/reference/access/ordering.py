"""The order in which EMQX walks its ordered tables."""

from __future__ import annotations

from collections.abc import Iterable


def descending(keys: Iterable[str | int]) -> list[str | int]:
    """Keys from last to first in Erlang's term order: texts by their bytes, then numbers."""
    return sorted(keys, key=_term, reverse=True)


def _term(key: str | int) -> tuple[int, int, bytes]:
    if isinstance(key, str):
        return 1, 0, key.encode("utf-8", "surrogateescape")
    return 0, key, b""
