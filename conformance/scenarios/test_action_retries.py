"""What an HTTP action does when its sink is busy, refuses, hangs up or is slow, and while it is changed (ACT)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.target.resources.typed import configured
from conformance.target.sink import CLOSED, Delivery, HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("sink"), pytest.mark.state("connectors")]

REFUSALS = 5
"""More than one burst of attempts, so that the message waits in the buffer before it is sent again."""

SLOW_S = 2.0


@dataclass(frozen=True, slots=True)
class Chain:
    """A rule on ``topic`` whose HTTP action posts all that is selected to a path that the message names."""

    connector: str
    action: str
    topic: str
    path: str
    sink: HttpSink

    def send(self, target: Target, kind: str) -> str:
        """Publish a message, and return the mark that tells it from others."""
        mark = target.sandbox.name("message")
        target.publish(self.topic, json.dumps({"kind": kind, "mark": mark}), qos=1)
        return mark

    def answered(self, kind: str, mark: str) -> Callable[[Delivery], bool]:
        """Matches the deliveries of a message that the sink accepted."""
        return lambda delivery: delivery.answered == 200 and self._is_of(kind, mark, delivery)

    def sent(self, kind: str, mark: str) -> list[int]:
        """What the sink answered each time the message came."""
        return [delivery.answered for delivery in self.sink.received(lambda d: self._is_of(kind, mark, d))]

    def _is_of(self, kind: str, mark: str, delivery: Delivery) -> bool:
        if delivery.path != f"{self.path}/{kind}":
            return False
        expected: dict[str, Any] = {"kind": kind, "mark": mark}
        return bool(json.loads(delivery.body) == expected)


@pytest.fixture
def chain(context: Context, target: Target, sink: HttpSink) -> Chain:
    """Serves all items of the worker: connectors and actions are costly to create."""
    topic, path = context.once("topic and path of retries", lambda: (target.sandbox.topic("retried"), "/retried"))

    connector = context.lasting(
        "retried connector",
        lambda: target.connectors.running(sink.url, resource_opts={"health_check_interval": "1s"}),
        lambda known: target.connectors.get(known).ok,
    )
    parameters = {"path": f"{path}/${{kind}}", "method": "post", "headers": {}}
    options = {"health_check_interval": "1s"}
    action = context.lasting(
        "retried action",
        lambda: target.actions.create(connector=connector, parameters=parameters, resource_opts=options),
        lambda known: target.actions.get(known).ok,
    )
    sql = f'SELECT payload.kind AS kind, payload.mark AS mark FROM "{topic}"'
    context.lasting(
        "retried rule",
        lambda: target.rules.create(sql=sql, actions=[action]),
        lambda known: target.rules.get(known).ok,
    )
    return Chain(connector, action, topic, path, sink)


def counted(target: Target, chain: Chain, before: dict[str, Any], **more: int) -> dict[str, int]:
    """How much the counters have grown, once by ``more`` or as it is after a while."""
    after = target.actions.counted(chain.action, {name: before[name] + count for name, count in more.items()})
    return {name: after[name] - before[name] for name in more}


@requirement("ACT-18", "POST /actions", "GET /actions/{id}/metrics")
@pytest.mark.parametrize("status", [429, 503])
def test_busy_sink_gets_the_message_again(target: Target, chain: Chain, status: int) -> None:
    """A message that the sink answers with 429 or 503 is sent again until accepted, once; it counts as retried."""
    before = target.actions.metrics(chain.action)
    chain.sink.then(f"{chain.path}/busy", *[status] * REFUSALS)

    mark = chain.send(target, "busy")

    arrived = chain.sink.wait_for(chain.answered("busy", mark), target.timing.redelivered)
    assert arrived, f"after {chain.sent('busy', mark)} the message did not come again"
    expected = {"matched": 1, "success": 1, "failed": 0, "retried": 1, "dropped": 0}
    grown = counted(target, chain, before, **expected)
    assert grown == expected, f"one message was accepted after {REFUSALS} answers {status}, counted were {grown}"
    answers = chain.sent("busy", mark)
    assert answers == [*[status] * REFUSALS, 200], f"the message was sent with the answers {answers}"


@requirement("ACT-19", "POST /actions", "GET /actions/{id}/metrics")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_refused_message_is_not_sent_again(target: Target, chain: Chain, status: int) -> None:
    """A message that the sink refuses with another status counts as failed and is not sent again; the next one is."""
    before = target.actions.metrics(chain.action)
    chain.sink.then(f"{chain.path}/refused", status)

    mark = chain.send(target, "refused")
    expected = {"matched": 1, "success": 0, "failed": 1, "retried": 0, "dropped": 0}
    grown = counted(target, chain, before, **expected)
    assert grown == expected, f"one message was refused with {status}, counted were {grown}"

    later = chain.send(target, "refused")
    arrived = chain.sink.wait_for(chain.answered("refused", later), target.timing.redelivered)
    assert arrived, f"after a refusal with {status} the next message did not come"
    expected |= {"matched": 2, "success": 1}
    grown = counted(target, chain, before, **expected)
    assert grown == expected, f"one message was refused with {status} and one accepted, counted were {grown}"
    answers = chain.sent("refused", mark)
    assert answers == [status], f"the refused message was sent with the answers {answers}"


@requirement("ACT-20", "POST /actions", "GET /actions/{id}/metrics")
@pytest.mark.parametrize("kind", ["closing", "slow"])
def test_unreliable_sink_gets_every_message(target: Target, chain: Chain, kind: str) -> None:
    """A message whose connection is closed without an answer is sent again; one that is answered late only once."""
    before = target.actions.metrics(chain.action)
    path = f"{chain.path}/{kind}"
    if kind == "closing":
        chain.sink.then(path, CLOSED, CLOSED)
    else:
        chain.sink.delays[path] = SLOW_S

    mark = chain.send(target, kind)

    arrived = chain.sink.wait_for(chain.answered(kind, mark), target.timing.redelivered)
    assert arrived, f"the message did not arrive; answered was {chain.sent(kind, mark)}"
    expected = {"matched": 1, "success": 1, "failed": 0, "dropped": 0, "late_reply": 0}
    grown = counted(target, chain, before, **expected)
    assert grown == expected, f"one message was accepted by a {kind} sink, counted were {grown}"
    accepted = chain.sent(kind, mark).count(200)
    assert accepted == 1, f"the sink accepted the message {accepted} times"


CHANGES = ("update of the action", "update of the connector", "enabling the action", "enabling the connector", "start")


@requirement(
    "ACT-21",
    "PUT /actions/{id}",
    "PUT /connectors/{id}",
    "PUT /actions/{id}/enable/{enable}",
    "PUT /connectors/{id}/enable/{enable}",
    "POST /actions/{id}/{operation}",
    "POST /connectors/{id}/{operation}",
)
@pytest.mark.parametrize("change", CHANGES)
def test_message_right_after_a_change_is_delivered(target: Target, chain: Chain, change: str) -> None:
    """A message right after the answer to an update, enabling or start of an action or its connector is delivered."""
    collection, identifier = (
        (target.connectors, chain.connector) if "connector" in change else (target.actions, chain.action)
    )
    target.actions.reset_metrics(chain.action).expect(204)
    if change == "start":
        target.connectors.start(chain.connector).expect(204)
        target.actions.start(chain.action).expect(204)
    elif change.startswith("enabling"):
        collection.enable(identifier, False).expect(204)
        collection.enable(identifier, True).expect(204)
    else:
        description = {"description": target.sandbox.name("changed")}
        collection.put(identifier, {**configured(collection.read(identifier)), **description}).expect(200)

    mark = chain.send(target, "changed")

    arrived = chain.sink.wait_for(chain.answered("changed", mark), target.timing.redelivered)
    assert arrived, f"the message that was published right after the {change} did not arrive"
    answers = chain.sent("changed", mark)
    assert answers == [200], f"the message right after the {change} arrived {len(answers)} times"
    success = target.actions.counted(chain.action, {"success": 1})["success"]
    assert success == 1, f"the message right after the {change} was delivered, success is {success}"
