"""Whether two answers to one read say the same, although a target lives on between them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from conformance.target.http.answer import Answer

_ATTEMPTS = 3

# Move by themselves: rates of metrics, counters of a client's traffic, the load of its process.
_MOVING_PREFIXES = ("rate", "matched.rate", "recv_", "send_")
_MOVING = frozenset({"heap_size", "reductions", "mailbox_len", "position", "start"})


def difference(usual: Callable[[], Answer], other: Callable[[], Answer]) -> tuple[str | None, Answer]:
    """How the answer to ``other`` differs from those to ``usual`` before and after it, and that answer.

    What others do to the target meanwhile shows between the usual answers; a difference that stays over several
    attempts is one of the requests.
    """
    for _ in range(_ATTEMPTS):
        first, between, again = usual(), other(), usual()
        told = _difference(first, between, again)
        if told is None:
            break
    return told, between


def _difference(first: Answer, between: Answer, again: Answer) -> str | None:
    if first.status == again.status != between.status:
        return f"answered {between.status} {between.code or ''}, not {first.status}"
    if not (first.ok and again.ok and between.ok):
        return None
    for what, view in (("body", settled), ("structure", shape)):
        if view(first.json) == view(again.json):
            same = view(between.json) == view(first.json)
            return None if same else f"answered {between.status} with a body of another {what}"
    return None


def settled(value: Any) -> Any:
    """``value`` without what moves by itself; lists in one order, for the API promises none."""
    if isinstance(value, dict):
        return {name: settled(member) for name, member in value.items() if not _moves(name)}
    if isinstance(value, list):
        return sorted(map(settled, value), key=lambda element: json.dumps(element, sort_keys=True))
    return value


def owned(value: Any, prefix: str) -> Any:
    """A list, or the data of a page, reduced to elements that name the sandbox; anything else as it is."""
    if isinstance(value, list):
        return [element for element in value if prefix in json.dumps(element)]
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        return owned(value["data"], prefix)
    return value


def shape(value: Any) -> Any:
    """The structure of a value: names and kinds, without the values and the number of elements."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(element), sort_keys=True) for element in value})
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _moves(name: str) -> bool:
    return name in _MOVING or name.startswith(_MOVING_PREFIXES)
