"""The flagship: connector -> action -> rule -> test -> metrics -> disable -> dependencies -> cascade -> gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios.chain import Chain, chain_of, local_topic
from conformance.scenarios.changes import switched
from conformance.target.http.answer import Answer, Deviation
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("sink"), pytest.mark.state("connectors")]


@pytest.fixture
def chain(context: Context, target: Target, sink: HttpSink) -> Chain:
    """The chain that the items of the worker share; the last two take it apart."""
    return chain_of(context, target, sink)


@pytest.fixture
def counted(context: Context, target: Target, sink: HttpSink) -> Chain:
    """The same, with counters that start from 0."""
    return chain_of(context, target, sink, counts=True)


@requirement("FLOW-01", "POST /connectors", "POST /actions", "POST /rules", "POST /publish")
def test_message_reaches_the_sink(chain: Chain) -> None:
    """A published message that matches a rule arrives, rendered, where the rule's HTTP action sends it."""
    # A message that matches: what the template of the action makes of it is posted.
    chain.publish(42)
    delivery = chain.arrival(42)
    within_s = chain.target.timing.delivered
    assert delivery is not None, f"nothing arrived at the sink within {within_s:g} s of the publish"
    assert delivery.method == "POST", f"delivered as {delivery.method}"
    expected = {"reading": 42, "from": chain.topic, "mark": chain.mark}
    assert json.loads(delivery.body) == expected, f"delivered {delivery.body!r}"

    # One that fails the WHERE clause: it would have come before the next one that matches.
    chain.publish(7)
    chain.publish(43)
    assert chain.arrival(43), "a later message did not arrive"
    assert not chain.arrived(7), "a message that fails the WHERE clause was delivered"


@requirement("FLOW-02", "GET /actions/{id}/metrics", "GET /rules/{id}/metrics")
def test_metrics_count_the_messages(target: Target, counted: Chain) -> None:
    """The metrics of rule and action count exactly the messages that matched and were delivered."""
    # Two messages that match, and one between them that does not.
    for value in (11, 5, 12):
        counted.publish(value)
    assert counted.arrival(12), "the messages did not arrive"

    # The action counts what it was given and delivered, once its counters have caught up.
    target.eventually(lambda: target.actions.metrics(counted.action)["success"] >= 2, target.timing.delivered)
    of_action = target.actions.metrics(counted.action)
    assert (of_action["matched"], of_action["success"], of_action["failed"]) == (2, 2, 0), f"action: {of_action}"

    # The rule counts what it heard, and why it passed or not.
    of_rule = target.rules.metrics(counted.rule)
    assert (of_rule["matched"], of_rule["passed"], of_rule["failed"]) == (3, 2, 1), f"rule: {of_rule}"
    assert of_rule["failed.no_result"] == 1, f"rule: {of_rule}"


@requirement("FLOW-03", "POST /rules/{id}/test")
def test_rule_test_tells_match_from_mismatch(target: Target, chain: Chain) -> None:
    """A rule test answers 200 for a context that matches and 412 for one that does not, and delivers nothing."""

    def run(value: int) -> Answer:
        event: dict[str, Any] = {"event_type": "message_publish", "topic": chain.topic, "qos": 1}
        event |= {"payload": json.dumps(chain.message(value)), "clientid": "c", "username": "u"}
        return target.rules.test(chain.rule, event)

    # What the rule would select, and what it would not.
    run(50).expect(200)
    run(3).expect(412, code="NOT_MATCH")

    # Nothing was delivered: a published message comes, and by then the tested one would have.
    chain.publish(51)
    assert chain.arrival(51), "the rule does not deliver at all"
    assert not chain.arrived(50), "the test of the rule delivered a message"


@requirement("FLOW-04", "PUT /actions/{id}/enable/{enable}", "POST /actions/{id}/{operation}")
def test_disabled_action_delivers_nothing(context: Context, chain: Chain) -> None:
    """A disabled action delivers nothing, refuses to start, and delivers again once it is enabled."""
    # It works before it is disabled, or nothing is judged.
    change = switched(context, chain, "action")
    off, on = change.steps

    # Disabled, it says so, and cannot be started.
    enabled = off.answer.expect(204) and off.read.expect(200).json["enable"]
    if enabled is not False:
        raise Deviation(f"the action was disabled, and its enable is {enabled}", off.read)
    change.start.expect(400)

    # Enabled again it delivers what comes from then on, and nothing of the time between.
    on.answer.expect(204)
    if change.first.delivery is None:
        raise Deviation("the action does not deliver after enabling", on.answer)
    assert not change.leaked, "a disabled action delivered a message"
    assert not change.late, "an action delivered what came while it was disabled"


AFRESH = "An action created under the id of a deleted one counts from 0, and no rule of the deleted one has it."


@requirement("ACT-25", "POST /actions", "GET /actions/{id}", "GET /actions/{id}/metrics", sentence=AFRESH)
@requirement("FLOW-05", "DELETE /connectors/{id}", "DELETE /actions/{id}", "GET /rules/{id}")
def test_chain_is_deleted_from_the_top(target: Target, chain: Chain, recorder: Recorder) -> None:
    """What others depend on cannot be deleted; with the cascade flag the action goes and its rule stays without it."""
    # It has counted something before it goes.
    chain.publish(20)
    assert chain.arrival(20), "the chain does not deliver"
    counted = target.eventually(lambda: target.actions.metrics(chain.action)["success"])

    # Connector and action tell who uses them.
    users = target.connectors.read(chain.connector)["actions"]
    assert users == [chain.action.partition(":")[2]], f"the connector lists {users}"
    users = target.actions.read(chain.action)["rules"]
    assert users == [chain.rule], f"the action lists {users}"

    # Used, neither can be deleted: the refusal names the users, and nothing is gone.
    target.connectors.delete(chain.connector).expect(400, code="BAD_REQUEST")
    target.connectors.get(chain.connector).expect(200)
    named = target.actions.delete(chain.action).expect(400).json.get("rules")
    assert named == [chain.rule], f"the refusal names {named}"

    # The cascade takes the action out of its rule, and leaves the rule.
    target.actions.delete(chain.action, also_delete_dep_actions=True).expect(204)
    remaining = target.rules.read(chain.rule)["actions"]
    assert remaining == [chain.witness], f"the rule has {remaining}, of two actions {chain.witness} was to stay"

    # A new one of that name is another action; the next item goes on with it.
    chain.action_anew()
    message = f"an action whose deleted namesake had delivered {counted} messages begins with "
    counters = target.actions.metrics(chain.action)
    told = {name: counters[name] for name in ("matched", "success", "failed", "dropped") if counters[name]}
    recorder.expect(not told, "ACT-25", "counts_afresh", f"{message}{told}, expected 0")
    users = target.actions.read(chain.action)["rules"]
    recorder.expect(not users, "ACT-25", "used_by_nobody", f"a new action is used by the rules {users}")


GROWS = "`matched` grows by exactly the number of messages, and no counter of what became of them ever decreases."


@requirement("ACT-05", "GET /actions/{id}/metrics", sentence=GROWS)
@requirement("FLOW-06", "DELETE /rules/{id}", "DELETE /actions/{id}", "DELETE /connectors/{id}")
def test_deleted_chain_is_gone(context: Context, target: Target, chain: Chain, recorder: Recorder) -> None:
    """Rule, action and connector are gone after their deletion: 404 each, absent from the lists, nothing delivered."""
    # It works before it is deleted.
    chain.publish(30)
    assert chain.arrival(30), "the chain does not deliver"
    target.eventually(lambda: target.actions.metrics(chain.action)["success"])

    # What happens around an action is no reason to count again.
    before = target.actions.metrics(chain.action)
    for collection, identifier in ((target.connectors, chain.connector), (target.actions, chain.action)):
        collection.start(identifier).expect(204)
    _never_less(chain, recorder, before, "it and its connector were started")

    # From the top each can be deleted, once, and is then unknown.
    target.rules.delete(chain.rule).expect(204)
    _never_less(chain, recorder, before, "its rule was deleted")
    target.rules.get(chain.rule).expect(404)
    target.rules.delete(chain.rule).expect(404)
    for collection, identifier in ((target.actions, chain.action), (target.connectors, chain.connector)):
        collection.delete(identifier).expect(204)
        collection.get(identifier).expect(404)
        collection.delete(identifier).expect(404)
    assert chain.connector not in target.connectors.ids(), "the deleted connector is still listed"

    # Nothing is delivered any more: a later message gets to the other action, and by then the first one would have.
    chain.publish(31)
    target.publish(f"{local_topic(context, target)}/later", json.dumps(chain.message(32)), qos=1)
    assert chain.witnessed(32), "an action that needs no rule does not deliver"
    assert not chain.arrived(31), "a deleted rule delivered a message"
    assert not chain.came_to_witness(31), "a deleted rule gave a message to its other action"


def _never_less(chain: Chain, recorder: Recorder, before: dict[str, int], since: str) -> None:
    fewer = chain.counted_less(before)
    message = f"since {since} an action counts {fewer}, before it was {before}"
    recorder.expect(not fewer, "ACT-05", "never_less", message)
