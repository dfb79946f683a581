"""Authorization rules of users, clients and everybody, as the API keeps them (AUTZ)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.near import nearly_equal
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Deviation
from conformance.target.resources.access import Rulings
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("authorization"), pytest.mark.state("authorization")]

LISTS = tuple(f"GET {path}" for path in (paths.USER_RULES, paths.CLIENT_RULES))
CREATES = tuple(f"POST {path}" for path in (paths.USER_RULES, paths.CLIENT_RULES))
READS, REPLACES, DELETES = (
    tuple(f"{method} {path}" for path in (paths.RULES_OF_USER, paths.RULES_OF_CLIENT))
    for method in ("GET", "PUT", "DELETE")
)
READ_ALL, REPLACE_ALL, DELETE_ALL = (f"{method} {paths.RULES_OF_ALL}" for method in ("GET", "POST", "DELETE"))
PURGE = f"DELETE {paths.AUTHORIZATION_RULES}"

MOST_RULES = 100
"""``max_rules`` of the built-in database, by default."""

KINDS = pytest.mark.parametrize("kind", ["users", "clients"])


def rulings(target: Target, kind: str) -> Rulings:
    return target.user_rules if kind == "users" else target.client_rules


def rule(topic: str, permission: str = "allow", action: str = "all", **fields: Any) -> dict[str, Any]:
    return {"topic": topic, "permission": permission, "action": action, **fields}


def many(target: Target, count: int) -> list[dict[str, Any]]:
    root = target.sandbox.topic("acl")
    return [rule(f"{root}/{number}") for number in range(count)]


@requirement("AUTZ-01", *READS, *REPLACES)
@KINDS
def test_rules_are_kept_in_order(target: Target, kind: str) -> None:
    """Rules that are put are read in the same order, with their defaults filled in and an eq prefix kept."""
    collection, topic = rulings(target, kind), target.sandbox.topic("acl")
    name = collection.create()
    rules = [
        rule(topic, "deny", "publish"),
        rule(f"eq {topic}/#", "allow", "subscribe", qos=[1, 2]),
        rule(f"eq eq {topic}", "allow", "publish", qos=[2, 0]),
        rule(f"{topic}/${{clientid}}/${{username}}", "deny", "all", retain=False),
    ]

    collection.put(name, {collection.parameter: name, "rules": rules}).expect(204)
    read = collection.read(name)
    expected = [{"qos": [0, 1, 2], "retain": "all", **given} for given in rules]
    assert read == {collection.parameter: name, "rules": expected}, f"read {read['rules']}, expected {expected}"
    created = collection.read(collection.create(rules=rules))["rules"]
    assert created == expected, f"created with POST they are read as {created}, expected {expected}"
    listed = collection.listed(**{f"like_{collection.parameter}": name})
    assert listed == [read], f"the list shows {listed}"


@requirement("AUTZ-13", *REPLACES, *DELETES, *READS)
@KINDS
def test_put_creates_and_delete_removes(target: Target, kind: str) -> None:
    """PUT creates rules for a user or client that has none; DELETE removes them, a second one answers 404."""
    collection, name = rulings(target, kind), target.sandbox.name("authz")
    namesakes = rulings(target, "clients" if kind == "users" else "users")
    collection.get(name).expect(404)

    collection.put(name, {collection.parameter: name, "rules": []}).expect(204)
    assert collection.read(name)["rules"] == [], "an empty list of rules is not kept"
    namesakes.get(name).expect(404)
    namesakes.put(name, {namesakes.parameter: name, "rules": many(target, 1)}).expect(204)
    assert collection.read(name)["rules"] == [], f"rules of the {namesakes.parameter} became those of its namesake"
    before = namesakes.read(name)
    collection.delete(name).expect(204)
    collection.get(name).expect(404, code="NOT_FOUND")
    collection.delete(name).expect(404, code="NOT_FOUND")
    after = namesakes.get(name)
    if after.status != 200 or after.json != before:
        raise Deviation(f"with the rules of its namesake those of a {namesakes.parameter} changed as well", after)


@requirement("AUTZ-07", *CREATES, *READS)
@KINDS
def test_batch_is_all_or_nothing(target: Target, kind: str) -> None:
    """A batch that names somebody who has rules already is refused with 409 as a whole."""
    collection, key = rulings(target, kind), rulings(target, kind).parameter
    label = f"POST {collection.path}"
    known, fresh = collection.create(), [target.sandbox.name("authz") for _ in range(2)]
    before = collection.read(known)

    batch = [{key: name, "rules": []} for name in (fresh[0], known, fresh[1])]
    target.api.call(label, json=batch).expect(409, code="ALREADY_EXISTS")
    assert collection.read(known) == before, "the refused batch changed the rules"
    for name in fresh:
        collection.get(name).expect(404)
    target.api.call(label, json=[{key: name, "rules": []} for name in fresh]).expect(204)
    for name in fresh:
        collection.get(name).expect(200)


@requirement("AUTZ-08", *CREATES, *REPLACES)
@KINDS
def test_number_of_rules_is_limited(target: Target, kind: str) -> None:
    """One hundred rules are taken and one more is refused with 400, on POST and on PUT."""
    collection, key = rulings(target, kind), rulings(target, kind).parameter
    most = many(target, MOST_RULES)
    name = collection.create(rules=most)
    assert len(collection.read(name)["rules"]) == MOST_RULES, "not all rules are kept"

    too_many = [*most, *many(target, 1)]
    collection.put(name, {key: name, "rules": too_many}).expect(400, code="BAD_REQUEST")
    assert len(collection.read(name)["rules"]) == MOST_RULES, "the refused PUT changed the rules"
    # Each entry is counted by itself, without what it takes the place of.
    collection.put(name, {key: name, "rules": most}).expect(204)
    both = [{key: target.sandbox.name("authz"), "rules": most[: MOST_RULES // 2 + 1]} for _ in range(2)]
    target.api.call(f"POST {collection.path}", json=both).expect(204)
    other = target.sandbox.name("authz")
    body = [{key: other, "rules": too_many}]
    target.api.call(f"POST {collection.path}", json=body).expect(400, code="BAD_REQUEST")
    collection.get(other).expect(404)


@requirement("AUTZ-11", *REPLACES, level="SHOULD")
@KINDS
def test_body_and_path_must_agree(target: Target, kind: str) -> None:
    """A PUT whose body names somebody else than its path is refused with 400 and changes nobody's rules."""
    collection, key = rulings(target, kind), rulings(target, kind).parameter
    name, other = collection.create(), target.sandbox.name("authz")
    before = collection.read(name)

    refused = collection.put(name, {key: other, "rules": []})
    assert collection.read(name) == before, "the rules of the path were changed"
    collection.get(other).expect(404)
    refused.expect(400)


@requirement("AUTZ-14", *CREATES, *REPLACES, level="SHOULD")
@KINDS
def test_rules_may_not_be_missing(target: Target, kind: str) -> None:
    """An entry without rules is refused with 400, on POST and on PUT."""
    collection, key = rulings(target, kind), rulings(target, kind).parameter
    name = collection.create()
    before = collection.read(name)

    created = target.api.call(f"POST {collection.path}", json=[{key: target.sandbox.name("authz")}])
    replaced = collection.put(name, {key: name})
    assert collection.read(name) == before, "a PUT without rules changed them"
    created.expect(400)
    replaced.expect(400)


@requirement("AUTZ-15", *REPLACES, level="SHOULD")
@KINDS
def test_topic_must_be_a_text(target: Target, kind: str) -> None:
    """A rule whose topic is a number is refused with 400."""
    collection, key = rulings(target, kind), rulings(target, kind).parameter
    name = collection.create()
    before = collection.read(name)

    refused = collection.put(name, {key: name, "rules": [{**rule("t"), "topic": 5}]})
    assert collection.read(name) == before, "the refused PUT changed the rules"
    refused.expect(400)


@requirement("AUTZ-16", *CREATES, *READS, *DELETES, *LISTS)
@KINDS
@pytest.mark.parametrize("suffix", ["a b", "a/b", "100%+", "a?b#c", "ünï-✓", "x" * 200], ids=lambda text: text[:6])
def test_any_text_is_a_name(target: Target, kind: str, suffix: str) -> None:
    """Rules can be read, found and deleted under any name, by its percent-encoded form."""
    collection = rulings(target, kind)
    name = collection.create(**{collection.parameter: target.sandbox.name("id") + suffix})

    assert collection.read(name)[collection.parameter] == name, "GET answers another name"
    assert name in collection.ids(**{f"like_{collection.parameter}": name}), "the filter does not find the name"
    collection.delete(name).expect(204)
    collection.get(name).expect(404)


@requirement(
    "AUTZ-16",
    *CREATES,
    *READS,
    *REPLACES,
    *DELETES,
    sentence="Rules of nearly equal names are those of different ones.",
)
@KINDS
def test_nearly_equal_names_are_different(target: Target, kind: str) -> None:
    """Names that differ in the case of a letter, a blank or a Unicode form have rules of their own."""
    collection = rulings(target, kind)
    key = collection.parameter
    base = target.sandbox.name("near")
    names, part = nearly_equal(base), {f"like_{key}": base}
    for name in names:
        collection.create(**{key: name})

    for number, name in enumerate(names):
        collection.put(name, {key: name, "rules": []}).expect(204)
        emptied = {entry[key] for entry in collection.listed(**part) if not entry["rules"]}
        assert emptied == {*names[: number + 1]}, f"with a change for {name!r} there are no rules for {emptied}"
    for number, name in enumerate(names):
        collection.delete(name).expect(204)
        left = set(collection.ids(**part))
        assert left == {*names[number + 1 :]}, f"the rules of {name!r} were deleted, and there are left {left}"


@pytest.fixture
def rules_of_all(target: Target) -> Iterator[list[dict[str, Any]]]:
    """The rules of everybody as they were, which are put back after the item."""
    before: list[dict[str, Any]] = target.api.call(READ_ALL).expect(200).json["rules"]
    yield before
    target.api.call(REPLACE_ALL, json={"rules": before}).expect(204)


@requirement("AUTZ-09", READ_ALL, REPLACE_ALL, DELETE_ALL)
@pytest.mark.mode(Mode.EXCLUSIVE, "it replaces the rules of everybody")
@pytest.mark.writes(REPLACE_ALL, DELETE_ALL)
@pytest.mark.state("authorization", alone=True)
def test_rules_of_everybody_are_one_list(target: Target, rules_of_all: list[dict[str, Any]]) -> None:
    """The rules of everybody are replaced as a whole, emptied by DELETE, and readable also when there are none."""
    topic = target.sandbox.topic("acl")
    for rules in ([rule(topic), rule(f"{topic}/b", "deny", "publish")], [], [rule(f"{topic}/c", "deny")]):
        target.api.call(REPLACE_ALL, json={"rules": rules}).expect(204)
        read = target.api.call(READ_ALL).expect(200).json["rules"]
        expected = [{"qos": [0, 1, 2], "retain": "all", **given} for given in rules]
        assert read == expected, f"read {read}, expected {expected}"

    for _ in range(2):
        target.api.call(DELETE_ALL).expect(204)
        assert target.api.call(READ_ALL).expect(200).json == {"rules": []}, "DELETE left rules"


@requirement("AUTZ-08", REPLACE_ALL, sentence="So are the rules of everybody.")
@pytest.mark.mode(Mode.EXCLUSIVE, "it replaces the rules of everybody")
@pytest.mark.writes(REPLACE_ALL)
@pytest.mark.state("authorization", alone=True)
def test_number_of_rules_of_everybody_is_limited(target: Target, rules_of_all: list[dict[str, Any]]) -> None:
    """Of everybody, too, one hundred rules are taken and one more is refused with 400 and changes nothing."""
    most = many(target, MOST_RULES)
    target.api.call(REPLACE_ALL, json={"rules": most}).expect(204)
    target.api.call(REPLACE_ALL, json={"rules": [*most, *many(target, 1)]}).expect(400, code="BAD_REQUEST")
    kept = target.api.call(READ_ALL).expect(200).json["rules"]
    assert [one["topic"] for one in kept] == [one["topic"] for one in most], (
        f"{len(kept)} rules are left of {MOST_RULES}"
    )


@requirement("AUTZ-10", PURGE, *READS)
@pytest.mark.mode(Mode.EXCLUSIVE, "it could delete all rules")
@pytest.mark.writes(PURGE)
@pytest.mark.state("authorization", alone=True)
def test_rules_in_use_cannot_be_purged(target: Target) -> None:
    """While the source is enabled, deleting all its rules is refused with 400 and deletes none."""
    names = {kind: rulings(target, kind).create() for kind in ("users", "clients")}

    target.api.call(PURGE).expect(400, code="BAD_REQUEST")
    for kind, name in names.items():
        rulings(target, kind).get(name).expect(200)
