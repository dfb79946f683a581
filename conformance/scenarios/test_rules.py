"""Rules as resources: what is stored, merged, refused, generated and deleted (RUL)."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.fuzz.rule_changes import EMPTIED, rule_changes, topics_of
from conformance.requirements import requirement
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Deviation
from conformance.target.http.session import Call
from conformance.target.target import LONGEST, TO_DELETE, Target
from conformance.worker.context import Context

pytestmark = pytest.mark.scenario

LONGEST_ID = 255

GENERATED_IDS = {"smoke": 3, "standard": 3, "deep": 100, "acceptance": 5}
"""How many ids a run lets the target make up, by profile: each costs two writes of its configuration."""
AT_ONCE = {"smoke": 2, "standard": 2, "deep": 4, "acceptance": 4}
"""How many of them at once; the others follow one by one."""

REPUBLISH_DEFAULTS = {
    "qos": "${qos}",
    "retain": "${retain}",
    "payload": "${payload}",
    "user_properties": "${user_properties}",
}

SHOWN_AS_SENT = frozenset({"id", "name", "description", "enable"})
"""Fields of a rule that its answer and its GET show as they are."""


def unparsable(topic: str) -> list[str]:
    """Statements that are no SQL of rules."""
    return [f'SELECT FROM "{topic}"', f'SELECT * FROM "{topic}" WHERE', f'SELEC * FROM "{topic}"']


@requirement("RUL-01", "POST /rules", "GET /rules/{id}")
def test_rule_is_stored_as_sent(target: Target) -> None:
    """A rule is read as it was created, with the defaults of its republish actions filled in."""
    source, destination = target.sandbox.topic("from"), target.sandbox.topic("out")
    full: dict[str, Any] = {
        "topic": destination,
        "qos": 1,
        "retain": True,
        "payload": "${x}",
        "user_properties": "${up}",
    }
    republish = [{"function": "republish", "args": args} for args in ({"topic": destination}, full)]
    sent = target.rules.body(
        id=target.sandbox.name("rule").ljust(LONGEST_ID, "x"),
        sql=f'SELECT payload.x AS x FROM "{source}" WHERE x > 1',
        actions=[{"function": "console"}, *republish],
        enable=False,
        description="as sent: ü, \"quoted\", 'single'",
    )

    created = target.api.call("POST /rules", json=sent).expect(201).json

    stored = target.rules.read(sent["id"])
    assert stored == created, "GET shows another rule than the answer to POST did"
    for name in ("id", "name", "sql", "enable", "description"):
        assert stored[name] == sent[name], f"{name} is {stored[name]!r}, sent was {sent[name]!r}"
    functions = [action["function"] for action in stored["actions"]]
    assert functions == ["console", "republish", "republish"], f"the actions are {functions}"
    for args, shown in zip(({**REPUBLISH_DEFAULTS, "topic": destination}, full), stored["actions"][1:], strict=True):
        kept = {name: shown["args"].get(name) for name in args}
        assert kept == args, f"a republish action is shown with {kept}, expected {args}"
    target.keep(target.rules, sent["id"], LONGEST, TO_DELETE)


@requirement("RUL-02", "POST /rules", "PUT /rules/{id}")
def test_from_lists_the_topics_of_the_statement(context: Context, target: Target) -> None:
    """The field from lists the topics after FROM, in their order, and follows a changed statement."""
    story = rule_changes(context, target, 1)
    topics, listed = topics_of(story.created["sql"]), story.created["from"]
    assert listed == topics, f"the statement names {topics}, from lists {listed}"

    for change in story.changes:
        for answer in (change.answer, change.read) if "sql" in change.sent else ():
            topics, listed = topics_of(change.sent["sql"]), answer.json["from"]
            if listed != topics:
                raise Deviation(f"the new statement names {topics}, from lists {listed}", answer)


@requirement("RUL-03", "POST /rules")
def test_taken_id_is_refused(target: Target) -> None:
    """A POST with an id that is taken answers 400 and leaves the stored rule as it was."""
    rule = target.lasting(target.rules, "shared")
    before = target.rules.read(rule)

    second = target.rules.body(id=rule, description="the second", enable=False)
    target.api.call("POST /rules", json=second).expect(400, code="BAD_REQUEST")

    assert target.rules.read(rule) == before, "the refused POST changed the rule"


@requirement("RUL-03", "POST /rules")
def test_impossible_id_is_refused(target: Target) -> None:
    """An id that is no text, has other characters than letters, digits, - and _, or over 255 of them answers 400."""
    name = target.sandbox.name("rule")
    longest = target.lasting(target.rules, LONGEST, lambda: target.rules.create(id=name.ljust(LONGEST_ID, "x")))
    target.keep(target.rules, longest, TO_DELETE)

    for identifier in (f"{name} b", f"{name}.b", f"{name}/b", f"{name}ü", name.ljust(LONGEST_ID + 1, "x")):
        target.api.call("POST /rules", json=target.rules.body(id=identifier)).expect(400, code="BAD_REQUEST")
        target.rules.get(identifier).expect(404, code="NOT_FOUND")


@requirement("RUL-03", "POST /rules")
@pytest.mark.mode(Mode.DISPOSABLE, "a rule whose id is no text could not be deleted")
def test_id_that_is_no_text_is_refused(target: Target) -> None:
    """An id that is no text answers 400."""
    name = target.sandbox.name("rule")
    target.rules.read(target.lasting(target.rules, "shared"))

    no_text: list[Any] = [None, True, [name], {name: name}]
    for value in no_text:
        body = {**target.rules.body(), "id": value}
        target.api.call("POST /rules", json=body).expect(400, code="BAD_REQUEST")


@requirement("RUL-04", "POST /rules", "GET /rules/{id}")
def test_made_up_ids_are_unique(target: Target) -> None:
    """A rule created without an id gets one that is not empty and that no other rule has."""
    profile = target.configuration.profile
    bodies, at_once = [target.rules.body(id=None) for _ in range(GENERATED_IDS[profile])], AT_ONCE[profile]
    answers = [target.api.call("POST /rules", json=body) for body in bodies[at_once:]]
    answers = [*target.api.together([Call("POST /rules", json=body) for body in bodies[:at_once]]), *answers]

    created = [answer.expect(201).json for answer in answers]
    identifiers = [rule["id"] for rule in created]
    assert all(isinstance(identifier, str) and identifier for identifier in identifiers), (
        f"the ids that the target made up are {identifiers}"
    )
    assert len(set(identifiers)) == len(bodies), f"an id was given twice: {sorted(identifiers)}"
    for rule, body in zip(created, bodies, strict=True):
        assert target.rules.read(rule["id"])["name"] == rule["name"] == body["name"], "an id leads to another rule"


@requirement("RUL-05", "POST /rules", "PUT /rules/{id}")
def test_statement_that_does_not_parse_is_refused(target: Target) -> None:
    """A statement that does not parse answers 400: a POST creates no rule, a PUT leaves the rule as it was."""
    body = target.rules.body()
    topic = target.sandbox.topic("from")
    rule = target.lasting(target.rules, "shared")
    before = target.rules.read(rule)

    for sql in unparsable(topic):
        target.api.call("POST /rules", json={**body, "sql": sql}).expect(400, code="BAD_REQUEST")
        target.rules.put(rule, {"sql": sql, "description": "refused"}).expect(400, code="BAD_REQUEST")

    target.rules.get(body["id"]).expect(404, code="NOT_FOUND")
    assert target.rules.read(rule) == before, "a refused PUT changed the rule"


@requirement("RUL-05", "PUT /rules/{id}")
def test_refused_statement_leaves_the_old_one_running(target: Target) -> None:
    """After a PUT that was refused the rule runs its old statement."""
    rule, topic = target.printing()
    target.publish(topic, "before")
    assert target.rules.counted(rule, {"passed": 1})["passed"] == 1, "the rule does not run at all"

    target.rules.put(rule, {"sql": unparsable(topic)[0]}).expect(400, code="BAD_REQUEST")
    target.publish(topic, "after")

    counters = target.rules.counted(rule, {"matched": 2, "passed": 2})
    assert (counters["matched"], counters["passed"]) == (2, 2), f"the old statement does not run: {counters}"


@requirement("RUL-06", "PUT /rules/{id}")
def test_put_merges_and_creates(context: Context, target: Target) -> None:
    """A PUT changes the fields it has and keeps the others; a PUT to an unknown id creates the rule."""
    story = rule_changes(context, target)
    for change in story.changes:
        answered, sent = change.answer.json, change.sent
        if not (sent.keys() <= SHOWN_AS_SENT or sent == EMPTIED):
            continue
        # 5.9 and later also tell how the actions of a rule are doing.
        moved = {name: answered[name] for name in ("last_modified_at", "action_details") if name in answered}
        if answered != {**change.before, **sent, **moved}:
            raise Deviation(f"{sent} made {answered} of {change.before}", change.answer)
        if change.read.json != answered:
            raise Deviation(f"GET shows another rule than the answer to the PUT of {sent} did", change.read)
    # One of these PUTs disables the rule, and those after it do not speak of that.
    before = target.rules.metrics(story.rule)["matched"]
    topics = topics_of(story.last["sql"])
    target.publish(next(topic for topic in topics if "#" not in topic), "to a rule that is off")
    heard = target.rules.metrics(story.rule)["matched"] - before
    assert not heard, f"a rule that is disabled hears messages again since a PUT of {story.changes[-1].sent}"

    unknown, topic = target.sandbox.name("rule"), target.sandbox.topic("from")
    target.rules.get(unknown).expect(404)
    target.rules.put(unknown, {"description": "without a statement"}).expect(400, code="BAD_REQUEST")
    target.rules.get(unknown).expect(404)
    target.rules.put(unknown, {"sql": f'SELECT * FROM "{topic}"'}).expect(200)
    created = target.rules.read(unknown)
    # What it was created without has its default.
    fields = {"id": unknown, "from": [topic], "enable": True, "name": "", "description": "", "actions": []}
    assert {name: created.get(name) for name in fields} == fields, f"created was {created}"
    target.publish(topic, "to a rule that a PUT created")
    passed = target.rules.counted(unknown, {"passed": 1})["passed"]
    assert passed == 1, f"a rule that a PUT created has passed {passed} messages of 1"
    target.keep(target.rules, unknown, TO_DELETE)


@requirement("RUL-07", "PUT /rules/{id}", since="5.8.2")
def test_put_keeps_the_creation_and_moves_the_modification(context: Context, target: Target) -> None:
    """A PUT keeps created_at and moves last_modified_at forward."""
    story = rule_changes(context, target, 2)
    created_at, modified_at = instants(story.created)

    # What may be made of metadata is another question (RUL-50).
    for change in takewhile(lambda change: "metadata" not in change.sent, story.changes):
        answered = change.answer.json
        if change.read.json != answered:
            raise Deviation("GET shows another rule than the answer to PUT did", change.read)
        created, modified = instants(answered)
        if created != created_at:
            raise Deviation(f"a PUT moved created_at from {created_at} to {created}", change.answer)
        if modified <= modified_at:
            wrong = f"a PUT left last_modified_at at {modified}, it was {modified_at}"
            raise Deviation(wrong, change.answer)
        modified_at = modified


def instants(rule: dict[str, Any]) -> tuple[datetime, datetime]:
    created, modified = (datetime.fromisoformat(rule[name]) for name in ("created_at", "last_modified_at"))
    return created, modified


@requirement("RUL-50", "PUT /rules/{id}", "GET /rules", "GET /rules/{id}", level="SHOULD")
@pytest.mark.state("rules", alone=True)
@pytest.mark.mode(Mode.EXCLUSIVE, "the metadata of a rule can make the list of rules unreadable for everybody")
def test_metadata_that_are_no_times(target: Target) -> None:
    """A rule whose metadata are changed to what is no time is refused, or stays readable, alone and in the list."""
    rule = target.lasting(target.rules, TO_DELETE)
    before = target.rules.read(rule)
    change = {"sql": before["sql"], "metadata": {"created_at": "yesterday", "last_modified_at": "today"}}
    try:
        answer = target.rules.put(rule, change)
        read = target.rules.get(rule)
        # Other lists would fail as well, if they had the rule in them.
        listed = target.api.call("GET /rules", query={"like_id": rule})
    finally:
        target.rules.delete(rule)

    listed.expect(200)
    created = read.expect(200).json["created_at"]
    assert created == before["created_at"], f"created at {before['created_at']}, a rule is read with {created}"
    answer.expect(200, 400)


AFRESH = "A rule created under the id of a deleted one has nothing of it: it hears, counts and is dated as a new one."


@requirement("RUL-44", "POST /rules", "GET /rules/{id}/metrics", sentence=AFRESH)
@requirement("RUL-08", "DELETE /rules/{id}", "GET /rules/{id}/metrics", "PUT /rules/{id}/metrics/reset")
def test_deleted_rule_is_gone(target: Target, recorder: Recorder) -> None:
    """A deleted rule answers 404 to every further operation and is not listed."""
    rule = target.lasting(target.rules, TO_DELETE)
    old = target.rules.read(rule)
    for topic in old["from"]:
        target.publish(topic, "to the old one")
    heard = target.eventually(lambda: target.rules.metrics(rule)["matched"])
    # The id of another rule may begin with its id.
    assert rule in target.rules.ids(like_id=rule), "the rule is not listed"

    target.rules.delete(rule).expect(204)

    target.rules.delete(rule).expect(404, code="NOT_FOUND")
    target.rules.get(rule).expect(404, code="NOT_FOUND")
    target.api.call("GET /rules/{id}/metrics", path={"id": rule}).expect(404, code="NOT_FOUND")
    target.rules.reset_metrics(rule).expect(404, code="NOT_FOUND")
    assert rule not in target.rules.ids(like_id=rule), "the deleted rule is still listed"

    new = target.rules.read(target.rules.create(id=rule))
    counters = [target.rules.metrics(rule)]
    for topic, payload in ((old["from"][0], "to the old one"), (new["from"][0], "to the new one")):
        target.publish(topic, payload)
        counters.append(target.rules.counted(rule, {"matched": len(counters) - 1}))
    matched = [each["matched"] for each in counters]
    message = f"a rule whose deleted namesake had heard {heard} messages counted {matched} after none, one on a topic "
    message += "of the deleted one, and one on its own, expected 0, 0 and 1"
    recorder.expect(matched == [0, 0, 1], "RUL-44", "counts_afresh", message)
    dates = [instants(each)[0] for each in (old, new)]
    message = f"created_at is {dates[1]}, of the deleted rule it was {dates[0]}"
    # Equal they may be where times are told in seconds.
    later = dates[1] > dates[0] or (dates[1] == dates[0] and not dates[1].microsecond)
    recorder.expect(later, "RUL-44", "dated_afresh", message)


@requirement("RUL-21", "POST /rules", "PUT /rules/{id}", level="SHOULD")
@pytest.mark.parametrize("label", ["POST /rules", "PUT /rules/{id}"])
def test_body_that_is_no_object_is_refused(target: Target, label: str) -> None:
    """A body that is no object answers 400, a text also 415, and changes nothing."""
    rule = target.lasting(target.rules, "shared")
    before = target.rules.read(rule)
    path = {"id": rule} if "{id}" in label else {}

    bodies: list[Any] = [[], [{}], 5, True, None, "x"]
    answers = [(body, target.api.call(label, path=path, json=body)) for body in bodies]

    wrong = [(body, answer) for body, answer in answers if answer.status not in ((400, 415) if body == "x" else (400,))]
    if wrong:
        statuses = [(body, answer.status) for body, answer in wrong]
        raise Deviation(f"{label} answered {statuses}, expected 400", wrong[0][1])
    assert target.rules.read(rule) == before, "a refused body changed the rule"


def no_actions(name: str, destination: str) -> list[Any]:
    """What is no action of a rule: ids that are none, objects that are no built-in action or lack what one needs."""
    no_ids = ["", name, "console", f"http{name}", f"http:{name}:{name}", f"no_such_type:{name}"]
    bad_names = [f"http:{bad}" for bad in ("", f"-{name}", f"_{name}", f"{name} b", f"{name}.b", name.ljust(255, "x"))]
    republish = {"topic": destination}
    objects: list[Any] = [
        {},
        {"args": republish},
        {"function": None},
        {"function": 5},
        {"function": ""},
        {"function": "no_such_function"},
        {"function": "console", "x_unknown": 1},
        {"function": "republish"},
        {"function": "republish", "args": [republish]},
        {"function": "republish", "args": {"qos": 1}},
        {"function": "republish", "args": {**republish, "x_unknown": 1}},
    ]
    return [*no_ids, *bad_names, *objects, 5, True, None, []]


@requirement("RUL-22", "POST /rules", "PUT /rules/{id}")
def test_unknown_kind_of_action_is_refused(target: Target) -> None:
    """What is neither an action id nor a built-in action, or lacks what it needs, answers 400 and is not stored."""
    rule = target.lasting(target.rules, "shared")
    before = target.rules.read(rule)
    body = target.rules.body()
    destination = target.sandbox.topic("out")
    fine = {"function": "republish", "args": {"topic": destination}}

    for action in no_actions(target.sandbox.name("act"), destination):
        # Behind one that is fine: each element counts, not the first.
        for actions in ([action], [fine, action]):
            target.api.call("POST /rules", json={**body, "actions": actions}).expect(400, code="BAD_REQUEST")
            target.rules.put(rule, {"actions": actions}).expect(400, code="BAD_REQUEST")
            # A PUT to an unknown id creates a rule.
            unknown = {"sql": body["sql"], "actions": actions}
            target.rules.put(body["id"], unknown).expect(400, code="BAD_REQUEST")

    target.rules.get(body["id"]).expect(404)
    assert target.rules.read(rule) == before, "a refused PUT changed the rule"


@requirement("GEN-25", "POST /rules", level="SHOULD", sentence="A value of another type is refused with 400.")
def test_number_as_a_text_of_a_rule_is_refused(target: Target) -> None:
    """A number where a text belongs is refused with 400."""
    fields = ("name", "description", "sql")
    answers = {name: target.api.call("POST /rules", json={**target.rules.body(), name: 5}) for name in fields}

    wrong = [answer for answer in answers.values() if answer.status != 400]
    if wrong:
        statuses = {name: answer.status for name, answer in answers.items()}
        raise Deviation(f"a number was answered {statuses}, expected 400", wrong[0])
