"""The ``{data, meta}`` envelope of paged lists (behaviour 0.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from conformance.reference.defects import NO_TRAITS, Defect, Traits

DEFAULT_PAGE = 1
DEFAULT_LIMIT = 100

Item = TypeVar("Item")


def page_of(items: Sequence[Item], page: int, limit: int, traits: Traits = NO_TRAITS) -> tuple[list[Item], bool]:
    """Items of a page (counted from 1) and whether another page follows.

    With `Defect.FULL_LAST_PAGE_HAS_NEXT` a full page always claims a next one, even when it is the last (PAG-05).
    """
    start = (page - 1) * limit
    data = list(items[start : start + limit])
    more = start + limit < len(items)
    return data, more or (len(data) == limit and Defect.FULL_LAST_PAGE_HAS_NEXT in traits)


def envelope(
    items: Sequence[Any], page: int, limit: int, traits: Traits = NO_TRAITS, *, countable: bool = True
) -> dict[str, Any]:
    """``{"data": [...], "meta": {"page", "limit", "hasnext", "count"?}}`` of one page of ``items``.

    ``items`` are all that match, in order. ``countable`` False leaves ``count`` out, as fuzzy filters do.
    """
    data, hasnext = page_of(items, page, limit, traits)
    meta: dict[str, Any] = {"page": page, "limit": limit, "hasnext": hasnext}
    if countable:
        meta["count"] = len(items)
    return {"data": data, "meta": meta}
