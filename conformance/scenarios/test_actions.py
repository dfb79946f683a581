"""Actions: their connectors and rules, their types, and what clients may say of them."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios.chain import OFF, OTHERS, witness
from conformance.scenarios.test_secret_headers import of_http_action, of_s3_action
from conformance.target.resources.typed import configured
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]

A_DAY_MS = 24 * 3600 * 1000


@requirement("ACT-01", "POST /actions", "PUT /actions/{id}", "GET /actions")
def test_action_needs_a_connector_of_its_type(target: Target) -> None:
    """An action whose connector is missing, or of another type, is refused: none appears, and none is changed."""
    connector = target.connector_of("mqtt")
    if target.connectors.get(f"http:{connector.partition(':')[2]}").ok:
        connector = target.connectors.create(type="mqtt")  # another item gave that name to one of type http as well
    action = target.lasting(target.actions, "shared")
    before = configured(target.actions.read(action))

    for wrong, what in ((target.sandbox.name("missing"), "missing"), (connector, "of type mqtt")):
        body = target.actions.body(connector=wrong)
        target.api.call("POST /actions", json=body).expect(400, code="BAD_REQUEST")
        created = target.actions.identify(body)
        assert created not in target.actions.ids(), f"the action is listed although its connector is {what}"
        target.actions.get(created).expect(404)

        target.actions.put(action, {**before, "connector": body["connector"]}).expect(400, code="BAD_REQUEST")
        after = configured(target.actions.read(action))
        assert after == before, f"the refused PUT with a connector that is {what} changed the action to {after}"


def _is_left_to(target: Target, action: str, *rules: str) -> bool:
    """Whether no other rules use an action, once those that do have given up their actions."""
    for rule in set(target.actions.found(action).get("rules", ())) - set(rules):
        target.rules.put(rule, {"actions": []})
    return set(target.actions.found(action).get("rules", "?")) <= set(rules)


def _with_many(context: Context, target: Target, action: str) -> dict[str, Any]:
    """Fields of a rule with many actions, one of them twice: the same for all items of the worker."""
    topic = context.once("topic of a rule with many actions", lambda: target.sandbox.topic("from"))
    other = target.lasting(target.actions, "shared")
    republish = {"function": "republish", "args": {"topic": f"{topic}/out", "payload": "${x}", "qos": 1}}
    sql, actions = f'SELECT * FROM "{topic}"', [action, other, action, republish]
    return {"sql": sql, "actions": actions, "description": "with many actions"}


@requirement("ACT-02", "GET /actions/{id}", "GET /actions")
def test_action_names_its_rules(context: Context, target: Target) -> None:
    """An action lists exactly the ids of the rules that use it, sorted, as rules come, change and go."""
    # The next item goes on with the action, and with the rule that has it twice.
    action = context.lasting("action for rules", target.actions.create, lambda known: _is_left_to(target, known))
    twice = _with_many(context, target, action)

    def expect(*rules: str, after: str) -> None:
        read = target.actions.read(action)["rules"]
        assert read == list(rules), f"after {after} the action names the rules {read}, expected {list(rules)}"

    expect(after="its creation")
    late = target.borrow_rule(sql=twice["sql"], actions=[action])
    expect(late, after="the first rule")
    early = target.rule_to_delete(
        id=target.sandbox.name("early"), actions=[{"function": "console"}, action], enable=False
    )
    both = sorted((early, late))
    expect(*both, after="a second, disabled rule")
    listed = {target.actions.identify(element): element["rules"] for element in target.actions.listed()}
    assert listed[action] == both, f"the list names the rules {listed[action]}, expected {both}"

    target.rules.put(late, {"actions": []}).expect(200)
    expect(early, after="a rule lost its actions")
    target.rules.put(late, {"actions": twice["actions"]}).expect(200)
    expect(*both, after="a rule got the action twice")
    target.rules.delete(early).expect(204)
    expect(late, after="a rule was deleted")


@requirement("ACT-03", "DELETE /actions/{id}", "GET /rules/{id}", "GET /actions/{id}")
def test_action_in_use_is_deleted_only_on_demand(context: Context, target: Target) -> None:
    """DELETE of an action in use answers 400 with its `rules`; with also_delete_dep_actions=true those rules stay."""
    other = target.lasting(target.actions, "shared")
    users_of_other = set(target.actions.read(other)["rules"])

    def users_of(action: str) -> list[str]:
        return [
            target.borrow_rule(**_with_many(context, target, action)),
            target.borrow_rule(OTHERS, actions=[action]),
        ]

    action = context.lasting("action for rules", target.actions.create, lambda known: target.actions.get(known).ok)
    rules = users_of(action)
    if not _is_left_to(target, action, *rules):
        action = target.actions.create()
        rules = users_of(action)
    for query, code in (({}, "BAD_REQUEST"), ({"also_delete_dep_actions": False}, "BAD_REQUEST")):
        refused = target.actions.delete(action, **query).expect(400, code=code)
        assert refused.json.get("rules") == sorted(rules), f"the refusal names the rules {refused.json.get('rules')}"
    target.actions.delete(action, also_delete_dep_actions="maybe").expect(400, code="BAD_REQUEST")
    kept = target.actions.read(action)["rules"]
    assert kept == sorted(rules), f"after refused deletions the action names the rules {kept}"
    before = [target.rules.read(rule) for rule in rules]

    target.actions.delete(action, also_delete_dep_actions=True).expect(204)
    target.actions.get(action).expect(404)
    for rule in before:
        left = target.rules.read(rule["id"])
        others = [each for each in rule["actions"] if each != action]
        # 5.9 and later also tell how the actions of a rule are doing.
        moved: dict[str, Any] = {name: left[name] for name in ("last_modified_at", "action_details") if name in left}
        expected = {**rule, **moved, "actions": others}
        assert left == expected, f"of the rule {rule} is left {left}"
    users = set(target.actions.read(other)["rules"])
    assert users == users_of_other | {rules[0]}, "the other action is not used by its rule any more"


@requirement("ACT-03", "DELETE /actions/{id}", "GET /rules/{id}", "GET /actions/{id}")
def test_source_of_the_same_name_is_another_thing(target: Target) -> None:
    """DELETE of an action in use answers 400 with its `rules`; with also_delete_dep_actions=true those rules stay."""
    action = target.actions.create(type="mqtt")
    topic = target.sandbox.topic("from")
    listening = f"SELECT * FROM \"$bridges/{action}\" WHERE topic = '{topic}'"
    rule = target.borrow_rule(sql=listening, actions=[action])
    named = target.actions.read(action)["rules"]
    assert named == [rule], f"of an action that one rule uses, {rule}, the rules are {named}"

    target.rules.put(rule, {"actions": []}).expect(200)
    named = target.actions.read(action)["rules"]
    assert named == [], f"a rule that listens to the source of its name is among the rules of the action: {named}"
    target.actions.delete(action).expect(204)
    target.rules.get(rule).expect(200)


@requirement("ACT-09", "GET /action_types", "POST /actions")
def test_only_offered_types_are_types(target: Target, recorder: Recorder) -> None:
    """Every type in GET /action_types is a type of actions, and nothing else is."""
    connector = target.connector_of("http")
    target.lasting(target.actions, "shared")
    offered = target.api.call("GET /action_types").expect(200)
    assert len(set(offered.json)) == len(offered.json), f"a type is offered twice: {sorted(offered.json)}"
    if not target.is_newer:
        unknown = sorted(set(offered.json) - set(target.contract.types("actions")))
        assert not unknown, f"offered, but not in the contract: {', '.join(unknown)}"

    # Of types that nobody knows the guard lets nothing pass that could name a host, a header for instance.
    parameters = {"path": "/", "method": "post", "body": "${.}"}
    for resource_type in ("nosuchtype", "HTTP", "http_", "httpx"):
        body = {**target.actions.body(connector=connector, parameters=parameters), "type": resource_type}
        for label in ("POST /actions", "POST /actions_probe"):
            answer = target.api.call(label, json=body)
            refused = (answer.status, answer.code) == (400, "BAD_REQUEST")
            message = f"the type {resource_type!r} answered {answer.status} {answer.code or ''}, expected 400"
            recorder.expect(refused, "ACT-09", "unknown_type", message, answer)
        names = [action["name"] for action in target.actions.listed()]
        recorder.expect(body["name"] not in names, "ACT-09", "not_created", f"there is an action of {resource_type!r}")


@requirement("ACT-12", "PUT /actions/{id}", "POST /actions", level="SHOULD", since="5.8.2")
def test_creation_time_is_set_by_the_server(context: Context, target: Target, recorder: Recorder) -> None:
    """`created_at` of an action is the time of its creation, whatever the client says, and survives every PUT."""
    usual = target.actions.read(target.lasting(target.actions, "to change"))["created_at"]
    shown = of_http_action(context, target)
    (posted, dated), (_, before) = shown.varied, shown.elements[1]
    created_at, action = before["created_at"], shown.identifier

    def expect(check: str, at: int, what: str) -> None:
        message = f"created_at is {at} {what}, expected {created_at}"
        recorder.expect(at == created_at, "ACT-12", check, message)

    read = target.actions.read(action)
    expect("not_put", read["created_at"], f"after a PUT with another one: {dated.status}")
    changed = target.actions.put(action, {**configured(read), "description": "changed again"}).expect(200)
    expect("survives_put", changed.json["created_at"], "after a PUT without it")
    if posted.status != 400:
        at = posted.expect(201).json["created_at"]
        message = f"created_at is {at}, as the client said, instead of the time of the creation"
        recorder.expect(abs(at - usual) < A_DAY_MS, "ACT-12", "not_posted", message, posted)
    target.keep(target.actions, action, OFF)


@requirement("ACT-13", "POST /actions", "PUT /actions/{id}", level="SHOULD")
@pytest.mark.resource_type("s3")
def test_optional_fields_may_be_left_out(context: Context, target: Target, recorder: Recorder) -> None:
    """An action is accepted without its optional fields: one of type s3 without `resource_opts` like any other."""
    for answer, status in zip(of_s3_action(context, target).varied, (201, 200), strict=True):
        message = f"without resource_opts it answered {answer.status} {answer.code or ''}, expected {status}"
        recorder.expect(answer.status == status, "ACT-13", "optional", message, answer)


@requirement("ACT-15", "POST /actions_probe", "GET /actions")
@pytest.mark.needs("sink")
def test_probe_creates_no_action(context: Context, target: Target, sink: HttpSink) -> None:
    """A probe of an action answers 204, or 400 TEST_FAILED if its connector leads nowhere, and creates nothing."""
    known, _ = witness(context, target, sink)
    target.eventually(lambda: target.actions.read(known)["status"] == "connected", target.timing.delivered)
    before = target.actions.read(known)
    connector = target.running(sink.url)
    body = target.actions.body(connector=connector)
    target.actions.probe(body).expect(204)
    unreachable = target.leading_nowhere().partition(":")[2]
    for nowhere in (unreachable, target.sandbox.name("missing")):
        target.actions.probe({**body, "connector": nowhere}).expect(400, code="TEST_FAILED")

    identifier = target.actions.identify(body)
    assert identifier not in target.actions.ids(), "an action that was only probed is listed"
    target.actions.get(identifier).expect(404)
    assert body["name"] not in target.connectors.read(connector)["actions"], "a probed action is on the connector"

    # Under a name that is taken it is another one's probe.
    target.actions.probe({**body, "name": known.partition(":")[2]}).expect(204)
    after = target.actions.read(known)
    assert after == before, f"a probe under the name of an action that was {before} made it {after}"
