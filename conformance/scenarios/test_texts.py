"""Texts: what is printable is taken, what is not is refused (GEN; erratum B26)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conformance.contract import paths
from conformance.fuzz.space import Subject, subjects
from conformance.requirements import requirement
from conformance.target.http.answer import Answer
from conformance.target.resources.access import PASSWORD
from conformance.target.target import TO_DELETE, Target

pytestmark = pytest.mark.scenario

PRINTABLE = "\b\t\n\v\f\r\x1b ~\xa0\u0378\ue000\ufdd0\ufffd\U0001fffe\U0010ffff"
"""Of every range of what is printable the first or the last character, and all of the printable controls."""
UNPRINTABLE = ("\0", "\a", "\x0e", "\x1a", "\x1c", "\x1f", "\x7f", "\x80", "\x9f", "\ufffe", "\uffff")
"""The bounds of every range of what is not."""

CARRIERS: Mapping[str, Callable[[Target, str], dict[str, Any]]] = {
    "POST /publish": lambda target, text: {"json": {"topic": target.sandbox.topic("text"), "payload": text}},
    "POST /banned": lambda target, text: {
        "json": {"as": "clientid", "who": target.sandbox.name("text"), "reason": text, "until": 4_000_000_000}
    },
    "POST /rules": lambda target, text: {
        "json": {
            "id": target.sandbox.name("text"),
            "sql": f'SELECT * FROM "{target.sandbox.topic("text")}"',
            "description": text,
        }
    },
    f"POST {paths.USERS}": lambda target, text: {
        "json": {"user_id": target.sandbox.name("text"), "password": PASSWORD + text}
    },
    "GET /clients": lambda target, text: {"query": {"username": text}},
    "GET /subscriptions": lambda target, text: {"query": {"clientid": text}},
    f"GET {paths.USER}": lambda target, text: {"path": {"user_id": target.sandbox.name("text") + text}},
}
"""By operation a request, valid but for the text: in a field of its body, a parameter of its query, or its path."""


@requirement("GEN-45", level="SHOULD")
@pytest.mark.parametrize("subject", subjects(lambda operation: operation.label in CARRIERS, by_type=False))
def test_text_that_is_not_printable_is_refused(subject: Subject, target: Target) -> None:
    """A text with a character that is not printable is refused with 400 BAD_REQUEST, in a body, a query and a path."""

    def send(text: str) -> Answer:
        return target.api.call(subject.label, **CARRIERS[subject.label](target, text))

    answer = send(PRINTABLE)
    taken = answer.ok or answer.status == 404  # there is nothing under that path
    assert taken, f"{PRINTABLE!r}, which is printable, was refused: {answer.status} {answer.code}"
    if subject.label == "POST /rules":
        target.keep(target.rules, target.rules.identify(answer.json), TO_DELETE)
    wrong = {}
    in_path = "path" in CARRIERS[subject.label](target, "")
    for character in UNPRINTABLE[1:] if in_path else UNPRINTABLE:  # proxies refuse U+0000 in a path by themselves
        answer = send(f"a{character}b")
        if (answer.status, answer.code) != (400, "BAD_REQUEST"):
            wrong[f"U+{ord(character):04X}"] = f"{answer.status} {answer.code or ''}".strip()
    assert not wrong, f"texts with characters that are not printable were answered {wrong}, expected 400 BAD_REQUEST"
