"""The flagship: connector -> action -> rule -> test -> metrics -> disable -> dependencies -> cascade -> gone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.answer import Answer
from conformance.target.http.session import Api
from conformance.target.sink import Delivery, HttpSink
from conformance.target.target import Target
from conformance.target.timing import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.needs("sink"), pytest.mark.state("connectors")]


@dataclass(frozen=True, slots=True)
class Chain:
    """A connector to the sink, an action on it and a rule that uses the action; ``topic`` triggers the rule."""

    connector: str
    action: str
    rule: str
    topic: str
    path: str


@pytest.fixture
def chain(target: Target, sandbox: Sandbox, sink: HttpSink) -> Chain:
    return chain_to(target, sink, sandbox.topic("readings"))


def chain_to(target: Target, sink: HttpSink, topic: str) -> Chain:
    """A new chain from ``topic`` to a path of its own at the sink."""
    connector = target.connectors.running(sink.url)
    path = f"/{target.sandbox.name('hook')}"
    body = '{"reading":${payload.value},"from":"${topic}"}'
    action = target.actions.create(
        connector=connector, parameters={"path": path, "method": "post", "body": body}, resource_opts=None
    )
    sql = f'SELECT payload, topic FROM "{topic}" WHERE payload.value > 10'
    rule = target.rules.create(sql=sql, actions=[action])
    return Chain(connector, action, rule, topic, path)


def publish(api: Api, topic: str, value: int) -> Answer:
    answer = api.call("POST /publish", json={"topic": topic, "payload": json.dumps({"value": value}), "qos": 1})
    assert answer.status in (200, 202), f"publish answered {answer.status}"
    return answer


def metrics(api: Api, label: str, identifier: str) -> dict[str, Any]:
    answer = api.call(label, path={"id": identifier})
    assert answer.status == 200, f"{label} answered {answer.status}"
    counters: dict[str, Any] = answer.json["metrics"]
    return counters


def arrived_at(path: str, value: int) -> Any:
    def matches(delivery: Delivery) -> bool:
        return delivery.path == path and f'"reading":{value},'.encode() in delivery.body

    return matches


@requirement("FLOW-01", "POST /connectors", "POST /actions", "POST /rules", "POST /publish")
def test_message_reaches_the_sink(api: Api, chain: Chain, sink: HttpSink) -> None:
    """A published message that matches a rule arrives, rendered, where the rule's HTTP action sends it."""
    publish(api, chain.topic, 42)
    delivery = sink.wait_for(arrived_at(chain.path, 42), api.timing.delivered)
    assert delivery is not None, f"nothing arrived at the sink within {api.timing.delivered:g} s of the publish"
    assert delivery.method == "POST", f"delivered as {delivery.method}"
    assert json.loads(delivery.body) == {"reading": 42, "from": chain.topic}, f"delivered {delivery.body!r}"

    publish(api, chain.topic, 7)
    publish(api, chain.topic, 43)
    assert sink.wait_for(arrived_at(chain.path, 43), api.timing.delivered), "a later message did not arrive"
    assert not sink.received(arrived_at(chain.path, 7)), "a message that fails the WHERE clause was delivered"


@requirement("FLOW-02", "GET /actions/{id}/metrics", "GET /rules/{id}/metrics")
def test_metrics_count_the_messages(api: Api, chain: Chain, sink: HttpSink) -> None:
    """The metrics of rule and action count exactly the messages that matched and were delivered."""
    for value in (11, 5, 12):
        publish(api, chain.topic, value)
    assert sink.wait_for(arrived_at(chain.path, 12), api.timing.delivered), "the messages did not arrive"

    def settled() -> bool:
        return bool(metrics(api, "GET /actions/{id}/metrics", chain.action)["success"] >= 2)

    eventually(settled, api.timing.delivered)
    of_action = metrics(api, "GET /actions/{id}/metrics", chain.action)
    assert (of_action["matched"], of_action["success"], of_action["failed"]) == (2, 2, 0), f"action: {of_action}"
    of_rule = metrics(api, "GET /rules/{id}/metrics", chain.rule)
    assert (of_rule["matched"], of_rule["passed"], of_rule["failed"]) == (3, 2, 1), f"rule: {of_rule}"
    assert of_rule["failed.no_result"] == 1, f"rule: {of_rule}"


@requirement("FLOW-03", "POST /rules/{id}/test")
def test_rule_test_tells_match_from_mismatch(api: Api, chain: Chain, sink: HttpSink) -> None:
    """A rule test answers 200 for a context that matches and 412 for one that does not, and delivers nothing."""

    def run(value: int) -> Answer:
        context: dict[str, Any] = {
            "event_type": "message_publish",
            "topic": chain.topic,
            "payload": json.dumps({"value": value}),
        }
        context |= {"qos": 1, "clientid": "c", "username": "u"}
        return api.call("POST /rules/{id}/test", path={"id": chain.rule}, json={"context": context})

    matched = run(50)
    assert matched.status == 200, f"a matching context answered {matched.status} {matched.code}"
    mismatched = run(3)
    assert (mismatched.status, mismatched.code) == (412, "NOT_MATCH"), f"a mismatch answered {mismatched.status}"

    publish(api, chain.topic, 51)
    assert sink.wait_for(arrived_at(chain.path, 51), api.timing.delivered), "the rule does not deliver at all"
    assert not sink.received(arrived_at(chain.path, 50)), "the test of the rule delivered a message"


@requirement("FLOW-04", "PUT /actions/{id}/enable/{enable}", "POST /actions/{id}/{operation}")
def test_disabled_action_delivers_nothing(api: Api, chain: Chain, sink: HttpSink) -> None:
    """A disabled action delivers nothing, refuses to start, and delivers again once it is enabled."""
    publish(api, chain.topic, 20)
    assert sink.wait_for(arrived_at(chain.path, 20), api.timing.delivered), "the enabled action does not deliver"

    enable = "PUT /actions/{id}/enable/{enable}"
    assert api.call(enable, path={"id": chain.action, "enable": "false"}).status == 204
    enabled = api.call("GET /actions/{id}", path={"id": chain.action}).json["enable"]
    assert enabled is False, f"the action was disabled, and its enable is {enabled}"
    start = api.call("POST /actions/{id}/{operation}", path={"id": chain.action, "operation": "start"})
    assert start.status == 400, f"start of a disabled action answered {start.status}"
    publish(api, chain.topic, 21)

    assert api.call(enable, path={"id": chain.action, "enable": "true"}).status == 204
    publish(api, chain.topic, 22)
    assert sink.wait_for(arrived_at(chain.path, 22), api.timing.delivered), "the action does not deliver after enabling"
    assert not sink.received(arrived_at(chain.path, 21)), "a disabled action delivered a message"


@requirement("FLOW-05", "DELETE /connectors/{id}", "DELETE /actions/{id}", "GET /rules/{id}")
def test_chain_is_deleted_from_the_top(api: Api, chain: Chain) -> None:
    """What others depend on cannot be deleted; with the cascade flag the action goes and its rule stays without it."""
    connector = api.call("GET /connectors/{id}", path={"id": chain.connector}).json
    assert connector["actions"] == [chain.action.partition(":")[2]], f"the connector lists {connector['actions']}"
    action = api.call("GET /actions/{id}", path={"id": chain.action}).json
    assert action["rules"] == [chain.rule], f"the action lists {action['rules']}"

    in_use = api.call("DELETE /connectors/{id}", path={"id": chain.connector})
    assert (in_use.status, in_use.code) == (400, "BAD_REQUEST"), f"a connector in use: {in_use.status} {in_use.code}"
    assert api.call("GET /connectors/{id}", path={"id": chain.connector}).status == 200, "refused, but deleted"
    in_use = api.call("DELETE /actions/{id}", path={"id": chain.action})
    assert in_use.status == 400, f"an action in use answered {in_use.status}"
    assert in_use.json.get("rules") == [chain.rule], f"the refusal names {in_use.json.get('rules')}"

    cascade = {"also_delete_dep_actions": True}
    assert api.call("DELETE /actions/{id}", path={"id": chain.action}, query=cascade).status == 204
    rule = api.call("GET /rules/{id}", path={"id": chain.rule})
    assert rule.status == 200, f"the rule answered {rule.status} after its action was deleted"
    assert rule.json["actions"] == [], f"the rule still has {rule.json['actions']}"


@requirement("FLOW-06", "DELETE /rules/{id}", "DELETE /actions/{id}", "DELETE /connectors/{id}")
def test_deleted_chain_is_gone(api: Api, target: Target, chain: Chain, sink: HttpSink) -> None:
    """Rule, action and connector are gone after their deletion: 404 each, absent from the lists, nothing delivered."""
    publish(api, chain.topic, 30)
    assert sink.wait_for(arrived_at(chain.path, 30), api.timing.delivered), "the chain does not deliver"

    for collection, identifier in (("rules", chain.rule), ("actions", chain.action), ("connectors", chain.connector)):
        item = f"/{collection}/{{id}}"
        assert api.call(f"DELETE {item}", path={"id": identifier}).status == 204, f"DELETE of {identifier}"
        assert api.call(f"GET {item}", path={"id": identifier}).status == 404, f"{identifier} is still readable"
        assert api.call(f"DELETE {item}", path={"id": identifier}).status == 404, f"{identifier} deleted twice"

    names = [entry["name"] for entry in api.call("GET /connectors").json]
    assert chain.connector.partition(":")[2] not in names, "the deleted connector is still listed"
    marker = chain_to(target, sink, chain.topic)  # hears the same message: once it arrived, the other would have
    publish(api, chain.topic, 31)
    assert sink.wait_for(arrived_at(marker.path, 31), api.timing.delivered), "a new chain does not deliver"
    assert not sink.received(arrived_at(chain.path, 31)), "a deleted rule delivered a message"
