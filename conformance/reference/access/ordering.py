"""The order in which EMQX walks its ordered tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Place = tuple[int, int, bytes]
"""Where a key stands in Erlang's term order: its kind, then a number or the bytes of a text."""

NUMBER, TEXT = 0, 9

Key = TypeVar("Key")


def place(key: str | int) -> Place:
    """The place of a text or a number."""
    return (TEXT, 0, key.encode("utf-8", "surrogateescape")) if isinstance(key, str) else (NUMBER, key, b"")


def descending(keys: Iterable[Key], place: Callable[[Key], Place]) -> list[Key]:
    """Keys from last to first in Erlang's term order: texts by their bytes, numbers at the end."""
    return sorted(keys, key=place, reverse=True)
