"""The ``{data, meta}`` envelope of paged lists (behaviour 0.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

DEFAULT_PAGE = 1
DEFAULT_LIMIT = 100

Item = TypeVar("Item")


def page_of(items: Sequence[Item], page: int, limit: int, *, strict: bool) -> tuple[list[Item], bool]:
    """Items of a page (counted from 1) and whether another page follows.

    In strict mode a full page always claims a next one, even when it is the last (PAG-05 is violated by 5.8.9).
    """
    start = (page - 1) * limit
    data = list(items[start : start + limit])
    more = start + limit < len(items)
    return data, more or (strict and len(data) == limit)


def envelope(items: Sequence[Any], page: int, limit: int, *, strict: bool, countable: bool = True) -> dict[str, Any]:
    """``{"data": [...], "meta": {"page", "limit", "hasnext", "count"?}}`` of one page of ``items``.

    ``items`` are all that match, in order. ``countable`` False leaves ``count`` out, as fuzzy filters do.
    """
    data, hasnext = page_of(items, page, limit, strict=strict)
    meta: dict[str, Any] = {"page": page, "limit": limit, "hasnext": hasnext}
    if countable:
        meta["count"] = len(items)
    return {"data": data, "meta": meta}
