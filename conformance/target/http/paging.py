"""Walk a paged list: ``{"data": [...], "meta": {"page", "limit", "count"?, "hasnext"?}}`` (behaviour 0.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.target.http.answer import Answer, UnexpectedAnswer
from conformance.target.http.session import Api

LARGEST_PAGE = 10_000
"""The most entries a page may have by the contract."""

MOST_PAGES = 10_000
"""Pages of a list that are read: a target might answer full ones for ever."""


def pages(
    api: Api, label: str, *, limit: int = 1000, query: Mapping[str, Any] | None = None, **call: Any
) -> Iterator[Answer]:
    """Every page of a list in turn, the last one included, each expected to answer 200.

    Ends at ``hasnext: false`` or at a page that is not full: a full last page may claim a next one (PAG-05), and the
    unfiltered list of bans says nothing about it (erratum A5). Raises `UnexpectedAnswer` for a list without end.
    ``call``: further arguments of `Api.call`.
    """
    for page in range(1, MOST_PAGES + 1):
        answer = api.call(label, query={**(query or {}), "page": page, "limit": limit}, **call).expect(200)
        yield answer
        body = answer.json
        if len(body["data"]) < limit or body["meta"].get("hasnext") is False:
            return
    raise UnexpectedAnswer(answer, f"the list to end within {MOST_PAGES} pages")


def entries(
    api: Api, label: str, *, limit: int = 1000, query: Mapping[str, Any] | None = None, **call: Any
) -> list[Any]:
    """All elements of a list, paged (see `pages`) or bare."""
    first = api.contract.operation(label).parameters_in("query")
    if not any(parameter.name == "page" for parameter in first):
        bare: list[Any] = api.call(label, query=query or {}, **call).expect(200).json
        return bare
    return [entry for page in pages(api, label, limit=limit, query=query, **call) for entry in page.json["data"]]
