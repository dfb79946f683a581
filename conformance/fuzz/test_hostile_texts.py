"""Texts that mean something elsewhere, in every text parameter: nothing fails, and what is asked for is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import Operation, paths
from conformance.contract.generation import MISSING
from conformance.contract.operations import Parameter
from conformance.contract.values import Schema
from conformance.fuzz.driver import Driver
from conformance.fuzz.hostile import EMPTY, NO_PATTERNS, TEXTS, TOGETHER, WILDCARDS
from conformance.fuzz.space import Subject, marked, subjects
from conformance.fuzz.witness import to_change
from conformance.requirements import requirement
from conformance.target.http.answer import Answer
from conformance.target.resources.collection import Collection, arranged
from conformance.target.target import Target

pytestmark = pytest.mark.fuzz

Rows = list[dict[str, Any]]

_CHECKED = frozenset(
    {
        "node", "ip_address", "proto_ver", "position", "max_payload_bytes", "match_topic", "match_from", "topic",
        "peerhost", "gte_created_at", "lte_created_at", "gte_connected_at", "lte_connected_at", "fields", "action",
        "source", "from",
    }
)  # fmt: skip
"""Parameters whose texts are of a certain form: a server may refuse others, or find nothing."""

_REFUSALS = frozenset({400, 404})
_ONE_PAGE = 1000
"""Elements of a list that others hardly use; of a longer one it is not judged what it shows."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two elements of a list, one that holds every hostile text, and one that holds none.

    ``shown``: what a filter is about, by its name: the value of an element that it is compared with. ``needs``: the
    capability without which there are no such elements.
    """

    elements: Callable[[Target], Rows]
    shown: Mapping[str, Callable[[Mapping[str, Any]], Any]]
    needs: str | None = None


def _users(target: Target) -> Rows:
    mark = target.sandbox.name("hostile")
    return [{"user_id": target.users.create(user_id=f"{mark}{end}")} for end in (TOGETHER, "plain")]


def _rules_of(kind: str) -> Callable[[Target], Rows]:
    def elements(target: Target) -> Rows:
        collection = getattr(target, kind)
        mark, field = target.sandbox.name("hostile"), collection.parameter
        return [{field: collection.create(**{field: f"{mark}{end}"})} for end in (TOGETHER, "plain")]

    return elements


def _clients(target: Target) -> Rows:
    mark = target.sandbox.name("hostile")
    return [target.clients.read(target.connect(f"{mark}{end}").client_id) for end in (TOGETHER, "plain")]


def _subscriptions(target: Target) -> Rows:
    mark = target.sandbox.name("hostile")
    rows: Rows = []
    for end in (TOGETHER, "plain"):
        client = target.listen(target.sandbox.topic("hostile"), client_id=f"{mark}{end}", qos=0)
        rows += target.subscriptions.listed(clientid=client.client_id)
    return rows


def _bans(target: Target) -> Rows:
    mark = target.sandbox.name("hostile")
    ids = [target.bans.create(kind=kind, who=f"{mark}{end}") for kind in ("clientid", "username")
           for end in (TOGETHER, "plain")]  # fmt: skip
    return [ban for ban in target.bans.listed() if target.bans.identify(ban) in ids]


def _rules(target: Target) -> Rows:
    """Two that there are anyway, one with another description."""
    mark, rules = target.sandbox.name("hostile"), target.rules
    hostile = to_change(target, rules)
    arranged(rules.put(hostile, {**rules.body(id=None), "description": f"{mark}{TOGETHER}"}), 200)
    plain = [rule["id"] for rule in rules.listed(like_id=target.sandbox.prefix) if _is_plain(rule)]
    others = [rules.read(rule) for rule in plain if rules.owns(rule)][:1]
    return [rules.read(hostile), *(others or [rules.read(target.borrow_rule(description=f"{mark}plain"))])]


def _is_plain(rule: Mapping[str, Any]) -> bool:
    description = rule.get("description")
    return isinstance(description, str) and not any(text in description for text in TEXTS.values())


def _field(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda element: element.get(name)


def _subject(kind: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda ban: ban["who"] if ban["as"] == kind else None


PAIRS: Mapping[str, Pair] = {
    f"GET {paths.USERS}": Pair(_users, {"like_user_id": _field("user_id")}),
    f"GET {paths.USER_RULES}": Pair(_rules_of("user_rules"), {"like_username": _field("username")}),
    f"GET {paths.CLIENT_RULES}": Pair(_rules_of("client_rules"), {"like_clientid": _field("clientid")}),
    "GET /clients": Pair(
        _clients,
        {
            name: _field(name.removeprefix("like_"))
            for name in ("clientid", "username", "like_clientid", "like_username")
        },
        "mqtt",
    ),
    "GET /subscriptions": Pair(
        _subscriptions, {"clientid": _field("clientid"), "share_group": lambda element: None}, "mqtt"
    ),
    "GET /banned": Pair(_bans, {name: _subject(name) for name in ("clientid", "username")}),
    "GET /rules": Pair(_rules, {"like_id": _field("id"), "like_description": _field("description")}),
}
"""By list the elements that are looked for."""


def _is_text(schema: Schema) -> bool:
    return any(
        branch.get("type") == "string" and "enum" not in branch
        for branch in (schema, schema.get("items", {}), *schema.get("oneOf", ()), *schema.get("anyOf", ()))
    )


def _texts_of(operation: Operation, location: str) -> Iterator[Parameter]:
    return (one for one in operation.parameters_in(location) if _is_text(one.schema))


def _filters(operation: Operation) -> bool:
    return operation.method == "GET" and any(_texts_of(operation, "query"))


def _filtered() -> Iterator[Any]:
    for parameter in subjects(_filters, by_type=False, fills=PAIRS):
        pair = PAIRS.get(parameter.values[0].label)
        yield marked(parameter, *([pytest.mark.needs(pair.needs)] if pair is not None and pair.needs else []))


@requirement("GEN-61")
@pytest.mark.parametrize("subject", list(_filtered()))
def test_hostile_queries(subject: Subject, driver: Driver, target: Target, recorder: Recorder) -> None:
    """A filter takes every character as it is: no text makes the target fail, and each finds exactly what it should."""
    pair = PAIRS.get(subject.label)
    rows = [] if pair is None else pair.elements(target)
    whole = {"limit": _ONE_PAGE} if driver.operation.label in PAIRS else {}
    for parameter in _texts_of(driver.operation, "query"):
        shown = None if pair is None else pair.shown.get(parameter.name)
        values = {"the empty text": EMPTY, **TEXTS}
        names = sorted((shown(row) for row in rows if shown(row)), key=len) if shown is not None else []
        if names and not parameter.name.startswith("like_"):
            values |= {f"a name followed by {what}": f"{names[0]}{TEXTS[what]}" for what in WILDCARDS}
            values |= {f"the name {name}": name for name in names}
        for what, text in values.items():
            answer = driver.send(query={parameter.name: text, **whole})
            told = _wrong(driver, parameter, text, answer, rows, shown)
            if answer.status < 500:  # decided by GEN-15
                recorder.expect(
                    told is None, "GEN-61", "hostile_query", f"{parameter.name} with {what}: {told}", answer
                )


def _wrong(
    driver: Driver, parameter: Parameter, text: str, answer: Answer, rows: Rows,
    shown: Callable[[Mapping[str, Any]], Any] | None,
) -> str | None:  # fmt: skip
    """What is wrong with an answer to a filter, None if nothing is."""
    is_pattern = driver.record.patterns and parameter.name.startswith("like_")
    if answer.status in _REFUSALS:
        fitting = parameter.name in _CHECKED or (is_pattern and text in NO_PATTERNS)
        return None if fitting else f"answered {answer.status} to a text like any other"
    if not answer.ok:
        return f"answered {answer.status}"
    if is_pattern and text in NO_PATTERNS:
        return f"answered {answer.status} to what is no regular expression"
    listed = answer.json["data"] if shown is not None else []
    if shown is None or len(listed) >= _ONE_PAGE:
        return None
    own, like = {_identity(row) for row in rows}, parameter.name.startswith("like_")
    # A filter by a part that is empty filters nothing, not even what lacks the field: clients without a user.
    undecided = like and not text
    found = sorted(
        str(shown(row)) for row in listed if _identity(row) in own and not (undecided and shown(row) is None)
    )
    expected = sorted(
        str(value) for value in map(shown, rows) if value is not None and (text in value if like else text == value)
    )
    return None if found == expected else f"finds {found}, expected {expected}"


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("id", "user_id", "username", "clientid", "topic", "as", "who"))


@requirement("GEN-62", sentence="What has an id made of such characters is read and deleted under it.")
@pytest.mark.needs("authenticator", "authorization", "retainer")
@pytest.mark.state("authorization", "bans", "retained")
@pytest.mark.parametrize("kind", ["users", "user_rules", "client_rules", "bans", "retained"])
def test_hostile_id_is_found(kind: str, target: Target, recorder: Recorder) -> None:
    """What has an id made of characters that mean something elsewhere is read and deleted under it."""
    collection: Collection = getattr(target, kind)
    fields = {"bans": "who", "retained": "topic"}
    name = target.sandbox.topic("hostile") if kind == "retained" else target.sandbox.name("hostile")
    text = "".join(character for character in TOGETHER if kind != "retained" or character not in "+#")
    identifier = collection.create(**{fields.get(kind, collection.parameter): f"{name}{text}"})
    others = collection.create()
    for what, answer, expected in (
        ("read", collection.get(identifier) if kind != "bans" else None, 200),
        ("deleted", collection.delete(identifier), 204),
        ("deleted again", collection.delete(identifier), 404),
        ("another one deleted", collection.delete(others), 204),
    ):
        if answer is not None:
            told = f"{what}, it answers {answer.status}, expected {expected}"
            recorder.expect(answer.status == expected, "GEN-62", "hostile_id_is_found", told, answer)


_UPSERTS = frozenset({"PUT /rules/{id}", f"PUT {paths.RULES_OF_USER}", f"PUT {paths.RULES_OF_CLIENT}"})
_ANSWERED_ANYHOW = frozenset({"GET /actions/{id}/metrics", "PUT /actions/{id}/metrics/reset"})
"""Operations on actions that answer something else for an unknown id (ACT-08)."""


def _names_something(operation: Operation) -> bool:
    return any(_texts_of(operation, "path")) and operation.label not in _UPSERTS | _ANSWERED_ANYHOW


@requirement("GEN-62")
@pytest.mark.parametrize("subject", subjects(_names_something, by_type=False, arranges=False))
def test_hostile_ids(subject: Subject, driver: Driver, recorder: Recorder) -> None:
    """An id in a path is looked up as it is: one that nobody has answers 404 or 400, whatever its characters mean."""
    unknown = driver.unknown_path()
    name = next(parameter.name for parameter in reversed(list(_texts_of(driver.operation, "path"))))
    for what, text in TEXTS.items():
        path = {**unknown, name: f"{unknown[name]}{text}"}
        body = driver.valid_body(path)
        if not driver.is_safe(path, b"" if body is MISSING else body):
            continue  # with a colon it could be of another type
        answer = driver.send(path=path, query=driver.fixed_query(), body=body)
        told = f"answered {answer.status} for an unknown id that ends in {what}, expected 404 or 400"
        if answer.status < 500:
            recorder.expect(answer.status in _REFUSALS, "GEN-62", "hostile_id", told, answer)
