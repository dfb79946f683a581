"""What the metrics of an action count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios.chain import PASSES, Chain, chain_of
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]

FATES = ("success", "failed", "dropped")
WAITING = ("queuing", "inflight")


@pytest.fixture
def counted(context: Context, target: Target, sink: HttpSink) -> Iterator[Chain]:
    """The chain of the worker, whose counters start from 0; it posts where the message says: to ok or refused."""
    chain = chain_of(context, target, sink, counts=True)
    sink.statuses[f"{chain.path}/refused"] = 404
    yield chain
    del sink.statuses[f"{chain.path}/refused"]


def send(target: Target, counted: Chain, *ends: str, **expected: int) -> dict[str, Any]:
    """Publish a message to each end, and return the counters once they are as ``expected``, or as they end up."""
    for end in ends:
        counted.publish(PASSES, end)
    return target.actions.counted(counted.action, expected)


@requirement("ACT-04", "GET /actions/{id}/metrics")
@pytest.mark.needs("sink")
def test_metrics_are_the_sum_over_the_nodes(target: Target, counted: Chain) -> None:
    """Every counter of an action is a whole number, not negative, and the sum of those of the nodes."""
    send(target, counted, "ok", "ok", "refused", matched=3, success=2, failed=1)

    body = target.api.call("GET /actions/{id}/metrics", path={"id": counted.action}).expect(200).json
    counters = {name: value for name, value in body["metrics"].items() if not name.startswith("rate")}
    assert counters["matched"] == 3, f"3 messages were published, matched is {counters['matched']}"
    odd = {name: value for name, value in counters.items() if type(value) is not int or value < 0}
    assert not odd, f"no whole numbers, or negative: {odd}"

    sums = {name: sum(node["metrics"][name] for node in body["node_metrics"]) for name in counters}
    assert sums == counters, f"the nodes add up to {sums}, the whole is {counters}"
    nodes = [node["node"] for node in body["node_metrics"]]
    assert len(set(nodes)) == len(nodes), f"a node is counted twice: {nodes}"


@requirement("ACT-05", "GET /actions/{id}/metrics")
@pytest.mark.needs("sink")
def test_matched_counts_the_messages(target: Target, counted: Chain) -> None:
    """`matched` grows by exactly the number of messages, and no counter of what became of them ever decreases."""
    first = send(target, counted, "ok", "refused", matched=2, success=1, failed=1)
    assert first["matched"] == 2, f"2 messages were published, matched is {first['matched']}"

    target.publish(target.sandbox.topic("elsewhere"), "ok")
    second = send(target, counted, "ok", "ok", "refused", matched=5, success=3, failed=2)
    assert second["matched"] == 5, f"5 messages were published, matched is {second['matched']}"
    fates = (second["success"], second["failed"])
    assert fates == (3, 2), f"3 messages were accepted and 2 refused, success and failed are {fates}"
    fewer = [name for name in ("matched", *FATES) if second[name] < first[name]]
    assert not fewer, f"{', '.join(fewer)} decreased from {first} to {second}"


@requirement("ACT-06", "GET /actions/{id}/metrics")
@pytest.mark.needs("sink")
def test_every_message_is_accounted_for(target: Target, counted: Chain) -> None:
    """Once settled, `matched` is the sum of success, failed, dropped, queuing and inflight."""
    payloads = ("ok", "refused", "ok", "ok")
    counters = send(target, counted, *payloads, matched=4, success=3, failed=1, queuing=0, inflight=0)

    assert counters["success"] == 3, f"3 messages were accepted, success is {counters['success']}"
    accounted = {name: counters[name] for name in (*FATES, *WAITING)}
    assert sum(accounted.values()) == counters["matched"], f"matched is {counters['matched']}, of which {accounted}"


@requirement("ACT-07", "PUT /actions/{id}/metrics/reset", "GET /actions/{id}/metrics")
@pytest.mark.needs("sink")
def test_reset_starts_counting_again(target: Target, counted: Chain) -> None:
    """A reset of the metrics answers 204 and sets every counter to 0; later messages count from there."""
    counters = send(target, counted, "ok", "refused", matched=2, success=1, failed=1)
    assert counters["matched"] == 2, f"2 messages were published, matched is {counters['matched']}"

    others = target.actions.counted(counted.witness, {})["matched"]
    of_rule = target.rules.metrics(counted.rule)["matched"]

    target.actions.reset_metrics(counted.action).expect(204)
    zero = {name: 0 for name in counters if not name.startswith("rate")}
    counters = target.actions.counted(counted.action, zero)
    left = {name: counters[name] for name in zero if counters[name]}
    assert not left, f"after the reset there is {left}"
    now = target.actions.metrics(counted.witness)["matched"]
    assert now >= others > 0, f"after the reset of one action another one counts {now} messages, before {others}"
    now = target.rules.metrics(counted.rule)["matched"]
    assert now >= of_rule > 0, f"after the reset of an action its rule counts {now} messages, before {of_rule}"

    counters = send(target, counted, "ok", matched=1, success=1)
    assert counters["matched"] == 1, f"one message after the reset makes matched {counters['matched']}"
    target.rules.restart(counted.rule)
    counters = target.actions.metrics(counted.action)
    assert counters["matched"] == 1, (
        f"a reset of its rule left the action with {counters['matched']} messages instead of 1"
    )


@requirement("ACT-08", "GET /actions/{id}/metrics", "PUT /actions/{id}/metrics/reset", level="SHOULD")
def test_unknown_actions_have_no_metrics(target: Target, recorder: Recorder) -> None:
    """Metrics of an action that does not exist answer 404, and so does their reset."""
    action = target.lasting(target.actions, "shared")
    target.actions.metrics(action)
    target.actions.reset_metrics(action).expect(204)

    missing = f"http:{target.sandbox.name('missing')}"
    for answer in (
        target.api.call("GET /actions/{id}/metrics", path={"id": missing}),
        target.actions.reset_metrics(missing),
    ):
        message = f"answered {answer.status} {answer.code or ''} for an action that does not exist, expected 404"
        recorder.expect(answer.status == 404, "ACT-08", "not_found", message, answer)
