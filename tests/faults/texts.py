"""Faults of the requirement on texts that are not printable (GEN)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from conformance.contract import load_contract
from conformance.reference.rest import checking
from tests.faults.proxy import Reply, Request
from tests.faults.seeded import broken, json_reply, nothing, seed

_unprintable = load_contract().unprintable
assert _unprintable is not None
UNPRINTABLE = _unprintable
NO_CLIENTS = json_reply(200, {"data": [], "meta": {"page": 1, "limit": 100, "count": 0, "hasnext": False}})


def item(subject: str) -> str:
    return f"conformance/scenarios/test_texts.py::test_text_that_is_not_printable_is_refused[{subject}]"


seed(
    "a text may hold any character",
    broken(checking._Pass, "_check_printable", nothing),
    item("POST /publish"),
    "GEN-45",
)


def delete_passes(original: Callable[..., None]) -> Callable[..., None]:
    return lambda self, schema, text, path: original(self, schema, text.replace("\x7f", ""), path)


seed(
    "DELETE passes for a printable character",
    broken(checking._Pass, "_check_printable", delete_passes),
    item("POST /banned"),
    "GEN-45",
)


def crashes(_: Callable[..., None]) -> Callable[..., None]:
    def check(self: Any, schema: Any, text: str, path: str) -> None:
        if UNPRINTABLE.search(text):
            raise RuntimeError("badarg")

    return check


seed(
    "a text that is not printable crashes the check",
    broken(checking._Pass, "_check_printable", crashes),
    item("POST /rules"),
    "GEN-45",
    ("GEN-15", "POST /rules", "no_server_error"),
)


def unchecked(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A query finds nobody by a text that nobody can have."""
    texts = [value for _, value in parse_qsl(request.query)]
    found = request.is_for("GET /clients") and any(UNPRINTABLE.search(text) for text in texts)
    return NO_CLIENTS if found else forward()


seed("a query may hold any character", unchecked, item("GET /clients"), "GEN-45")


def refused(original: Callable[..., None]) -> Callable[..., None]:
    return lambda self, schema, text, path: original(self, schema, text.replace("\x1b", "\0"), path)


seed(
    "ESCAPE is refused, although it is printable",
    broken(checking._Pass, "_check_printable", refused),
    item("POST /publish"),
    "GEN-45",
)
