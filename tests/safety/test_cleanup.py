"""Whatever the suite creates it deletes, however the target answers, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import paths
from conformance.target.errors import SafetyViolation, TargetLost
from conformance.target.http.session import Call, NoAnswer
from conformance.target.journal.resource import KINDS, Resource
from conformance.target.leftovers.cleanup import tidy_up
from conformance.target.mqtt import MqttClient
from tests.faults.proxy import Reply
from tests.safety.populated import FOREIGN_TOPIC, Populated
from tests.safety.scene import BUSY, CRASHED, DELETED, FORBIDDEN, HURRIED, Scene, answering, refusing
from tests.waiting import eventually


@pytest.fixture
def scene(populated: Populated, tmp_path: Path) -> Iterator[Scene]:
    with Scene(populated, tmp_path) as scene:
        yield scene


def create_everything(scene: Scene) -> None:
    """One resource of every kind at least."""
    target = scene.target
    action = target.actions.create()
    target.rules.create(actions=[action])
    target.api.call("POST /rules", json=target.rules.body(id=None)).expect(201)
    target.rules.republish(target.sandbox.topic("in"), target.sandbox.topic_root + "out/${clientid}", retain=True)
    target.schemas.create()
    target.users.create()
    target.user_rules.create()
    target.client_rules.create()
    target.bans.create()
    target.bans.create(kind="clientid_re", who=f"^{target.sandbox.name()}$")
    target.bans.create(kind="peerhost", who=target.sandbox.address())
    target.bans.create(kind="peerhost_net", who="198.51.100.0/28")
    target.retained.create()
    client = target.connect(session_expiry_s=600)
    client.publish(target.sandbox.topic("by-mqtt"), "kept", retain=True)
    target.close()


def test_everything_is_deleted_dependents_first(scene: Scene) -> None:
    create_everything(scene)
    assert {resource.kind for resource in scene.journal} == set(KINDS) - {"rules_of_all"}
    assert scene.populated.state() != scene.before
    scene.seen.clear()

    assert scene.clean_up() == []
    scene.assert_as_before()
    deleted = [line.removeprefix("DELETE ").split("/")[1] for line in scene.seen if line.startswith("DELETE ")]
    assert deleted.index("rules") < deleted.index("actions") < deleted.index("connectors")
    assert not any("also_delete_dep_actions" in line for line in scene.seen)


@pytest.mark.parametrize("answer", [CRASHED, None, Reply(409, {}, b""), Reply(302, {}, b"")], ids=str)
def test_what_was_stored_all_the_same_is_deleted(scene: Scene, answer: Reply | None) -> None:
    """A real server stores connectors that it answers 500 for; an answer can be lost on the way."""
    creations: list[tuple[str, Any]] = [
        ("POST /connectors", scene.target.connectors.body()),
        ("POST /rules", scene.target.rules.body()),
        ("POST /rules", scene.target.rules.body(id=None)),
        ("PUT /rules/{id}", scene.target.rules.body(id=None)),
        ("POST /schema_registry", scene.target.schemas.body()),
        (f"POST {paths.IMPORT_USERS}", [{"user_id": scene.sandbox.name(), "password": "p"}]),
        (f"PUT {paths.RULES_OF_USER}", None),
        ("POST /publish/bulk", [{"topic": scene.sandbox.topic(), "payload": "x", "retain": True}]),
        ("POST /banned", scene.target.bans.body(kind="peerhost", who=scene.sandbox.address())),
    ]
    for label, body in creations:
        scene.fault = answering(label, answer)
        name = scene.sandbox.name()
        path = {"id": name, "username": name} if "{" in label else {}
        query = {"type": "plain"} if label.endswith("import_users") else {}
        try:
            scene.api.call(label, path=path, query=query, json=body or {"username": name, "rules": []})
        except NoAnswer:
            assert answer is None
        scene.fault = None
        scene.api.call("GET /action_types").expect(200)  # the target is alive all the time
    rules = scene.populated.state()["/rules?limit=10000"]
    # Without an answer it was sent again: the rule without an id is there twice.
    assert len(rules) == len(scene.before["/rules?limit=10000"]) + 3 + (answer is None), rules

    assert scene.clean_up() == []
    scene.assert_as_before()


def test_uploaded_users_are_deleted(scene: Scene) -> None:
    names = [scene.sandbox.name() for _ in range(2)]
    csv = "user_id,password_hash,salt,is_superuser\n" + "".join(f"{name},abc,s,false\n" for name in names)
    content = (
        '--x\r\nContent-Disposition: form-data; name="filename"; filename="users.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n{csv}\r\n--x--\r\n"
    )
    scene.api.call(
        f"POST {paths.IMPORT_USERS}",
        query={"type": "hash"},
        content=content.encode(),
        content_type="multipart/form-data; boundary=x",
    ).expect(200)
    assert {scene.populated.status(f"{paths.USERS}/{name}") for name in names} == {200}

    assert scene.clean_up() == []
    scene.assert_as_before()


def test_refused_creations_are_not_deleted(scene: Scene) -> None:
    scene.api.call("POST /connectors", json={"type": "http", "name": scene.sandbox.name()}).expect(400)
    assert len(scene.journal) == 0


def test_simultaneous_duplicates_are_deleted(scene: Scene) -> None:
    body = scene.target.schemas.body()
    answers = scene.api.together([Call("POST /schema_registry", json=body)] * 6)
    assert 201 in {answer.status for answer in answers}

    assert scene.clean_up() == []
    scene.assert_as_before()


# --- a target that deletes badly --------------------------------------------------------------------------------------


def test_deletion_is_tried_again(scene: Scene) -> None:
    scene.target.rules.create()
    scene.fault = refusing("DELETE /rules/{id}", CRASHED, times=2)
    assert scene.clean_up() == []
    scene.assert_as_before()


def test_deletion_that_crashes_but_deletes_is_enough(scene: Scene) -> None:
    scene.target.rules.create()
    scene.fault = answering("DELETE /rules/{id}", CRASHED)
    assert scene.clean_up() == []
    scene.assert_as_before()


@pytest.mark.parametrize(
    ("reply", "at_fault", "problem"),
    [
        (CRASHED, True, "DELETE answered 500"),
        (Reply(400, {}, b""), True, "DELETE answered 400"),
        (Reply(200, {}, b""), True, "DELETE answered 200"),
        (FORBIDDEN, False, "DELETE answered 403"),
        (BUSY, False, "DELETE answered 503"),
    ],
)
def test_what_stays_is_told_with_who_is_to_blame(scene: Scene, reply: Reply, at_fault: bool, problem: str) -> None:
    rule, schema = scene.target.rules.create(), scene.target.schemas.create()
    scene.fault = refusing("DELETE /rules/{id}", reply)
    (left,) = scene.clean_up()
    assert (left.kind, left.id, left.operation, left.problem) == ("rule", rule, "DELETE /rules/{id}", problem)
    assert left.at_fault is at_fault
    assert left.curl is not None
    assert scene.populated.deployment.api_secret not in left.curl
    assert list(scene.journal) == [Resource("rule", rule)], f"and {schema} is gone"

    scene.fault = None
    assert scene.clean_up() == []
    scene.assert_as_before()


def test_deletion_that_is_answered_and_not_carried_out_is_noticed(scene: Scene) -> None:
    schema = scene.target.schemas.create()
    scene.fault = refusing("DELETE /schema_registry/{name}", DELETED)
    (left,) = scene.clean_up()
    assert (left.id, left.at_fault) == (schema, True)
    assert "still there" in left.problem
    assert Resource("schema", schema) in set(scene.journal)

    scene.fault = None
    assert scene.clean_up() == []
    scene.assert_as_before()


def test_dead_target_leaves_the_journal_as_it_is(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.http.session.time.sleep", lambda _seconds: None)
    rule = scene.target.rules.create()
    scene.fault = lambda _request, _forward: None
    with pytest.raises(TargetLost):
        scene.clean_up()
    assert list(scene.journal) == [Resource("rule", rule)]

    scene.fault = None
    assert scene.clean_up() == []
    scene.assert_as_before()


def test_undeletable_item_does_not_hold_up_the_next_one(scene: Scene) -> None:
    rule = scene.target.rules.create()
    scene.fault = refusing("DELETE /rules/{id}", CRASHED)
    scene.seen.clear()
    tidy_up(scene.api, scene.journal, scene.sandbox, list(scene.journal))
    assert sum(line.startswith("DELETE") for line in scene.seen) == 1
    assert list(scene.journal) == [Resource("rule", rule)]

    scene.fault = None
    scene.clean_up()
    scene.assert_as_before()


# --- what belongs to others -------------------------------------------------------------------------------------------


def test_action_that_a_stranger_uses_stays_and_so_does_the_rule(scene: Scene) -> None:
    """The flag also_delete_dep_actions would take the action out of the stranger's rule."""
    action = scene.target.actions.create()
    scene.populated.call("PUT", "/rules/billing", {"actions": ["http:billing", action]})
    scene.seen.clear()
    lefts = {left.kind: left for left in scene.clean_up()}
    assert lefts.keys() == {"action", "connector"}
    assert lefts["action"].problem == "DELETE answered 400, because billing use it"
    assert not lefts["action"].at_fault
    assert not lefts["connector"].at_fault
    assert not any("also_delete_dep_actions" in line for line in scene.seen)
    assert scene.populated.call("GET", "/rules/billing").json()["actions"] == ["http:billing", action]

    scene.populated.call("PUT", "/rules/billing", {"actions": ["http:billing"]})
    assert scene.clean_up() == []
    scene.assert_as_before()


def test_action_that_only_a_rule_of_the_run_uses_is_deleted(scene: Scene) -> None:
    action = scene.target.actions.create()
    rule = scene.target.rules.create(actions=[action])
    scene.fault = refusing("DELETE /rules/{id}", FORBIDDEN)
    (left,) = scene.clean_up()
    assert left.id == rule
    assert scene.populated.status(f"/actions/{action}") == 404

    scene.fault = None
    assert scene.clean_up() == []
    scene.assert_as_before()


def test_rule_of_a_stranger_is_never_deleted_by_its_name_or_invented_id(scene: Scene) -> None:
    name = scene.sandbox.name("rule")
    scene.journal.record([Resource("named_rule", "billing"), Resource("rule", "billing", name)])
    problems = sorted(left.problem for left in scene.clean_up())
    assert problems == [
        f"not deleted: it does not show the name {name}",
        "not deleted: the name billing is outside the sandbox",
    ]
    scene.journal.gone(scene.journal)
    scene.assert_as_before()


def test_whatever_the_journal_says_the_guard_has_the_last_word(scene: Scene) -> None:
    foreign = [
        Resource("rule", "billing"), Resource("connector", "http:billing"), Resource("user", "operator"),
        Resource("client", "press-17"), Resource("ban", "clientid/intruder"), Resource("retained", FOREIGN_TOPIC),
        Resource("retained", "#"), Resource("schema", "reading"), Resource("user_rules", "operator"),
    ]  # fmt: skip
    scene.journal.record(foreign)
    scene.seen.clear()
    lefts = scene.clean_up()
    assert len(lefts) == len(foreign)
    assert all(left.problem.startswith("not deleted: ") and not left.at_fault for left in lefts)
    assert not any(line.startswith("DELETE") for line in scene.seen)
    scene.journal.gone(foreign)
    scene.assert_as_before()


def test_rule_with_an_invented_id_may_be_used_once_it_showed_its_name(scene: Scene) -> None:
    answer = scene.api.call("POST /rules", json=scene.target.rules.body(id=None)).expect(201)
    identifier = answer.json["id"]
    assert not scene.sandbox.owns_name(identifier)
    scene.target.rules.put(identifier, {"enable": False}).expect(200)
    with pytest.raises(SafetyViolation):
        scene.target.rules.put("billing", {"enable": False})
    assert scene.clean_up() == []
    scene.assert_as_before()


# --- what comes late --------------------------------------------------------------------------------------------------


def test_message_that_is_retained_after_its_deletion_is_deleted_again(scene: Scene) -> None:
    scene.api.timing = replace(HURRIED, retained=30.0)
    topic = scene.sandbox.topic()
    scene.journal.record([Resource("retained", topic)])
    tidy_up(scene.api, scene.journal, scene.sandbox, list(scene.journal))
    assert list(scene.journal) == [Resource("retained", topic)], "404 proves nothing yet"

    scene.populated.call("POST", "/publish", {"topic": topic, "payload": "late", "retain": True})
    scene.api.timing = HURRIED
    assert scene.clean_up() == []
    scene.assert_as_before()


def test_messages_that_rules_retain_are_deleted(scene: Scene) -> None:
    source, destination = scene.sandbox.topic("in"), scene.sandbox.topic_root + "out/${id}"
    scene.target.rules.republish(source, destination, retain=True)
    for _ in range(2):
        scene.target.publish(source, "kept")
    stored = paths.RETAINED_MESSAGES + "?limit=10000"
    eventually(lambda: len(scene.populated.call("GET", stored).json()["data"]) == 3)

    assert scene.clean_up() == []
    scene.assert_as_before()


@pytest.mark.parametrize("options", [{"session_expiry_s": 600}, {"protocol": 4, "clean_start": False}], ids=str)
def test_session_that_outlives_its_connection_is_ended(scene: Scene, options: dict[str, Any]) -> None:
    client = scene.target.connect(**options)
    client.subscribe(scene.sandbox.topic())
    client.close()
    assert scene.populated.status(f"/clients/{client.client_id}") == 200

    assert scene.clean_up() == []
    scene.assert_as_before()


def test_session_that_ends_with_its_connection_costs_nothing(scene: Scene) -> None:
    assert scene.populated.deployment.mqtt is not None
    MqttClient(scene.populated.deployment.mqtt, scene.sandbox.name(), journal=scene.journal).connect().close()
    assert len(scene.journal) == 0
