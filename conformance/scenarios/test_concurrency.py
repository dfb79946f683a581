"""Several creations at once: of one thing one wins, of different things all are carried out (GEN)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.target.http.session import Call
from conformance.target.resources.collection import Collection
from conformance.target.target import LONGEST, TO_DELETE, Target

pytestmark = pytest.mark.scenario

AT_ONCE = 10

Make = Callable[[Target], tuple[Collection, Mapping[str, Any]]]


def expect_one_winner(collection: Collection, fields: Mapping[str, Any], *duplicate: tuple[int, str]) -> str:
    """Of `AT_ONCE` equal creations at once one succeeds, and the others are answered as duplicates; returns its id."""
    body = collection.body(**fields)
    call = Call(f"POST {collection.path}", json=collection.payload(body))
    answers = [(answer.status, answer.code) for answer in collection.api.together([call] * AT_ONCE)]
    won = [status for status, _ in answers if 200 <= status < 300]
    others = [answer for answer in answers if answer not in duplicate and not 200 <= answer[0] < 300]
    assert not others, f"of {AT_ONCE} equal creations at once, some were answered {others}, expected {duplicate}"
    taken = " or ".join(sorted({str(status) for status in won})) or "with a success"
    assert len(won) == 1, f"of {AT_ONCE} equal creations at once, {len(won)} were answered {taken}, expected one"
    return collection.identify(body)


CHEAP: Mapping[str, tuple[Make, tuple[int, str]]] = {
    f"POST {paths.USERS}": (lambda target: (target.users, {}), (409, "ALREADY_EXISTS")),
    f"POST {paths.USER_RULES}": (lambda target: (target.user_rules, {}), (409, "ALREADY_EXISTS")),
    "POST /banned": (lambda target: (target.bans, {}), (400, "ALREADY_EXISTS")),
}

READABLE = (f"POST {paths.USERS}", f"POST {paths.USER_RULES}")
"""Those whose things can be read one by one."""


def _longest(target: Target) -> dict[str, Any]:
    """A name of 254 characters, for whoever asks for such a connector or action afterwards."""
    return {"name": target.sandbox.name("name").ljust(254, "x")}


CONFIGURED: Mapping[str, tuple[Make, tuple[int, str]]] = {
    "POST /connectors": (lambda target: (target.connectors, _longest(target)), (400, "ALREADY_EXISTS")),
    "POST /actions": (lambda target: (target.actions, _longest(target)), (400, "ALREADY_EXISTS")),
    "POST /rules": (lambda target: (target.rules, {}), (400, "BAD_REQUEST")),
    "POST /schema_registry": (lambda target: (target.schemas, {}), (400, "ALREADY_EXISTS")),
}


@requirement("GEN-23", *CHEAP, random=True)
@pytest.mark.needs("authenticator", "authorization")
@pytest.mark.state("authorization", "bans")
@pytest.mark.parametrize("label", CHEAP)
def test_one_of_equal_creations_wins(label: str, target: Target) -> None:
    """Of several equal creations at once exactly one succeeds; the others are answered as duplicates."""
    make, duplicate = CHEAP[label]
    expect_one_winner(*make(target), duplicate)


@requirement("GEN-23", *READABLE, random=True, sentence="Of several different creations at once all succeed.")
@pytest.mark.needs("authenticator", "authorization")
@pytest.mark.state("authorization")
@pytest.mark.parametrize("label", READABLE)
def test_different_creations_all_succeed(label: str, target: Target) -> None:
    """Of several different creations at once each is carried out, and none undoes another."""
    make, _ = CHEAP[label]
    collection, fields = make(target)
    bodies = [collection.body(**fields) for _ in range(AT_ONCE)]
    answers = collection.api.together([Call(label, json=collection.payload(body)) for body in bodies])
    refused = [(answer.status, answer.code) for answer in answers if not answer.ok]
    assert not refused, f"of {AT_ONCE} different creations at once, some were answered {refused}"

    def missing() -> list[str]:
        return [name for name in map(collection.identify, bodies) if not collection.get(name).ok]

    assert target.eventually(lambda: not missing()), f"created at once with others and not found: {missing()}"


@requirement("GEN-36", *CONFIGURED, level="SHOULD", random=True)
@pytest.mark.parametrize(
    "label",
    [pytest.param(each, marks=pytest.mark.needs("schemas") if "schema" in each else ()) for each in CONFIGURED],
)
def test_one_of_equal_configurations_wins(label: str, target: Target) -> None:
    """Of several equal connectors, actions, rules or schemas created at once one is; the others are duplicates."""
    make, duplicate = CONFIGURED[label]
    collection, fields = make(target)
    winner = expect_one_winner(collection, fields, duplicate)
    target.keep(collection, winner, TO_DELETE, *([LONGEST] if "name" in fields else []))
