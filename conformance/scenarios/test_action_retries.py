"""What an HTTP action does when its sink is busy, refuses, hangs up or is slow, and while it is changed (ACT)."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.scenarios.chain import OTHER_BODY, PASSES, Chain, chain_of
from conformance.scenarios.changes import AS_UPDATED, MARKS, First, Part, first, switched, updated
from conformance.target.http.answer import Answer, Deviation
from conformance.target.sink import CLOSED, HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("sink"), pytest.mark.state("connectors")]

REFUSALS = 5
"""More than one burst of attempts, so that the message waits in the buffer before it is sent again."""

SLOW_S = 2.0


@pytest.fixture
def chain(context: Context, target: Target, sink: HttpSink) -> Chain:
    """The chain of the worker, which posts where the message says, with counters that start from 0."""
    return chain_of(context, target, sink, counts=True)


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

    chain.publish(PASSES, "busy")

    assert chain.accepted(PASSES, "busy"), f"after {chain.sent(PASSES, 'busy')} the message did not come again"
    expected = {"matched": 1, "success": 1, "failed": 0, "retried": 1, "dropped": 0}
    grown = counted(target, chain, before, **expected)
    assert grown == expected, f"one message was accepted after {REFUSALS} answers {status}, counted were {grown}"
    answers = chain.sent(PASSES, "busy")
    assert answers == [*[status] * REFUSALS, 200], f"the message was sent with the answers {answers}"


@requirement("ACT-19", "POST /actions", "GET /actions/{id}/metrics")
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 500])
def test_refused_message_is_not_sent_again(target: Target, chain: Chain, status: int) -> None:
    """A message that the sink refuses with another status counts as failed and is not sent again; the next one is."""
    before = target.actions.metrics(chain.action)
    chain.sink.then(f"{chain.path}/refused", status)

    chain.publish(PASSES, "refused")
    expected = {"matched": 1, "success": 0, "failed": 1, "retried": 0, "dropped": 0}
    grown = counted(target, chain, before, **expected)
    assert grown == expected, f"one message was refused with {status}, counted were {grown}"

    later = PASSES + 1
    chain.publish(later, "refused")
    assert chain.accepted(later, "refused"), f"after a refusal with {status} the next message did not come"
    expected |= {"matched": 2, "success": 1}
    grown = counted(target, chain, before, **expected)
    assert grown == expected, f"one message was refused with {status} and one accepted, counted were {grown}"
    answers = chain.sent(PASSES, "refused")
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

    chain.publish(PASSES, kind)

    assert chain.accepted(PASSES, kind), f"the message did not arrive; answered was {chain.sent(PASSES, kind)}"
    expected = {"matched": 1, "success": 1, "failed": 0, "dropped": 0, "late_reply": 0}
    grown = counted(target, chain, before, **expected)
    assert grown == expected, f"one message was accepted by a {kind} sink, counted were {grown}"
    accepted = chain.sent(PASSES, kind).count(200)
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
def test_message_right_after_a_change_is_delivered(context: Context, chain: Chain, change: str) -> None:
    """A message right after the answer to an update, enabling or start of an action or its connector is delivered."""
    part: Part = "connector" if "connector" in change else "action"
    if change == "start":
        answer, message = started(chain)
    elif change.startswith("enabling"):
        done = switched(context, chain, part)
        answer, message = done.steps[-1].answer.expect(204), done.first
    else:
        update = updated(context, chain, part)
        answer, message = update.answer.expect(200), update.first

    if message.delivery is None:
        raise Deviation(f"the message that was published right after the {change} did not arrive", answer)
    times, success = len(message.answers), message.success
    if message.answers != [200]:
        raise Deviation(f"the message right after the {change} arrived {times} times", answer)
    if success != 1:
        raise Deviation(f"the message right after the {change} was delivered, success is {success}", answer)


@requirement("ACT-24", "PUT /actions/{id}", "PUT /connectors/{id}", sentence=AS_UPDATED)
@pytest.mark.parametrize("part", ["action", "connector"])
def test_update_is_in_effect(context: Context, chain: Chain, part: Part) -> None:
    """The header and the body that an update gives to an action, or the header of its connector, is what is sent."""
    update = updated(context, chain, part)
    update.answer.expect(200)
    delivery = update.first.delivery
    assert delivery is not None, f"the message that was published after the update of the {part} did not arrive"
    header = MARKS[part]
    mark = delivery.headers.get(header)
    assert mark == update.mark, f"after the update of the {part} to {header}: {update.mark} it sends {mark!r}"
    if part == "action":
        assert delivery.body.startswith(b'{"mark"'), f"updated to send {OTHER_BODY}, an action sends {delivery.body!r}"


def started(chain: Chain) -> tuple[Answer, First]:
    """The answer to a start of the action, whose connector was started before, and the message right after it."""
    target = chain.target
    target.actions.reset_metrics(chain.action).expect(204)
    target.connectors.start(chain.connector).expect(204)
    return target.actions.start(chain.action).expect(204), first(chain)
