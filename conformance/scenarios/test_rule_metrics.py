"""What the metrics of a rule count (RUL), and what a publish answers that only rules receive (PUB)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.omission import disturbed
from conformance.requirements import requirement
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = pytest.mark.scenario

COUNTERS = (
    "matched", "passed", "failed", "failed.exception", "failed.no_result", "actions.total", "actions.success",
    "actions.failed", "actions.failed.out_of_service", "actions.failed.unknown", "actions.discarded",
)  # fmt: skip
ALL_ZERO = dict.fromkeys(COUNTERS, 0)
RATES = ("matched.rate", "matched.rate.last5m", "matched.rate.max")


@dataclass(frozen=True, slots=True)
class Traffic:
    """A rule that has seen seven messages: three pass, two fail its WHERE and two cannot be read."""

    rule: str
    topic: str


@pytest.fixture
def traffic(context: Context, target: Target) -> Traffic:
    """The second action of the rule does not exist. One rule serves all items, and counts from 0 for each."""
    topic, out, missing = context.once(
        "names of traffic",
        lambda: (target.sandbox.topic("from"), target.sandbox.topic("out"), f"http:{target.sandbox.name('act')}"),
    )
    republish = {"function": "republish", "args": {"topic": out}}
    sql = f'SELECT payload.x AS x FROM "{topic}" WHERE payload.x > 1'
    rule = target.borrow_rule(sql=sql, actions=[republish, missing])
    for payload in ('{"x":2}', '{"x":1}', "no JSON", '{"x":3}', '{"x":0}', "{", '{"x":4}'):
        target.publish(topic, payload, qos=1)
    return Traffic(rule, topic)


@requirement("RUL-10", "GET /rules/{id}/metrics")
def test_matches_add_up(target: Target, traffic: Traffic) -> None:
    """Every message is matched and then passed or failed; every action run is a success, a failure or discarded."""
    expected = {"matched": 7, "passed": 3, "failed": 4, "actions.total": 6, "actions.success": 3}
    counters = target.rules.counted(traffic.rule, expected)

    assert counters["matched"] == 7, f"7 messages were published, matched is {counters['matched']}"
    assert counters["passed"] == 3, f"3 messages pass the WHERE clause, passed is {counters['passed']}"
    assert counters["passed"] + counters["failed"] == counters["matched"], f"passed and failed miss some: {counters}"
    assert counters["actions.total"] == 6, f"2 actions run 3 times, actions.total is {counters['actions.total']}"
    assert counters["actions.success"] == 3, f"3 republished messages make {counters['actions.success']} successes"
    ended = [counters[f"actions.{outcome}"] for outcome in ("success", "failed", "discarded")]
    assert sum(ended) == counters["actions.total"], f"the ends {ended} do not add up to {counters['actions.total']}"


@requirement("RUL-11", "GET /rules/{id}/metrics")
def test_failures_add_up(target: Target, traffic: Traffic) -> None:
    """A message the statement cannot be run for is an exception, one its conditions refuse is no result."""
    counters = target.rules.counted(traffic.rule, {"failed": 4, "failed.exception": 2, "failed.no_result": 2})

    kinds = (counters["failed.exception"], counters["failed.no_result"])
    assert kinds == (2, 2), f"2 messages are no JSON and 2 fail the WHERE clause, counted were {kinds}"
    assert counters["failed"] == sum(kinds), f"failed is {counters['failed']}, its kinds are {kinds}"


@requirement("RUL-24", "GET /rules/{id}/metrics")
def test_metrics_are_the_sum_over_the_nodes(target: Target, traffic: Traffic) -> None:
    """The counters of a rule are the sums of those of the nodes."""
    counters = target.rules.counted(traffic.rule, {"matched": 7})
    assert counters["matched"] == 7, f"7 messages were published, matched is {counters['matched']}"

    answered = target.api.call("GET /rules/{id}/metrics", path={"id": traffic.rule}).expect(200).json

    assert answered["id"] == traffic.rule, f"the metrics are those of {answered['id']}"
    sums = {name: sum(node["metrics"][name] for node in answered["node_metrics"]) for name in COUNTERS}
    assert {name: answered["metrics"][name] for name in COUNTERS} == sums, f"the nodes add up to {sums}: {answered}"


@requirement("RUL-42", "PUT /rules/{id}/metrics/reset")
def test_reset_leaves_other_counters(target: Target, traffic: Traffic) -> None:
    """Whatever becomes of a rule, others go on with the topics that they share with it, and with counting."""
    neighbour, topic = target.printing()
    target.publish(topic, "for another rule")
    assert target.rules.counted(neighbour, {"passed": 1})["passed"] == 1, "the other rule does not count"

    target.rules.reset_metrics(traffic.rule).expect(204)

    left = target.rules.counted(traffic.rule, ALL_ZERO)["matched"]
    assert not left, f"the reset left matched at {left}"
    passed = target.rules.metrics(neighbour)["passed"]
    assert passed == 1, f"the reset of a rule left another one that had passed 1 message with {passed}"


@requirement("RUL-12", "PUT /rules/{id}/metrics/reset", "PUT /rules/{id}")
def test_counters_start_again(target: Target, traffic: Traffic) -> None:
    """A reset of the metrics, and any PUT of the rule, set every counter to 0; later messages count from there."""

    def started_again(label: str) -> None:
        counters = target.rules.counted(traffic.rule, {**ALL_ZERO, **dict.fromkeys(RATES, 0)})
        left = {name: counters[name] for name in (*COUNTERS, *RATES) if counters[name]}
        assert not left, f"{label} left {left}"
        target.publish(traffic.topic, '{"x":9}')
        counters = target.rules.counted(traffic.rule, {"matched": 1, "actions.success": 1})
        assert counters["matched"] == 1, f"a message after {label} made {counters}"

    counters = target.rules.counted(traffic.rule, {"matched": 7, "actions.success": 3})
    assert counters["matched"] == 7, f"7 messages were published, matched is {counters['matched']}"
    # EMQX computes rates every 10 s.
    rated = target.eventually(lambda: target.rules.metrics(traffic.rule)["matched.rate.max"], target.timing.statistics)
    assert rated, "7 messages were matched, and matched.rate.max stays 0"

    target.rules.reset_metrics(traffic.rule).expect(204)
    started_again("PUT /rules/{id}/metrics/reset")

    target.rules.put(traffic.rule, {"description": "changed"}).expect(200)
    started_again("PUT /rules/{id}")


@requirement("PUB-10", "POST /publish")
def test_publish_to_rules_alone_has_no_subscriber(target: Target) -> None:
    """A publish that only rules receive answers 202: a rule is no subscriber."""
    nowhere = target.sandbox.topic("nobody")
    if target.publish(nowhere).status == 200 and target.subscriptions.covering(nowhere):
        disturbed(target.configuration.mode, "on this target somebody is subscribed to every topic")
    rule, topic = target.printing()

    answer = target.publish(topic, "for a rule")

    assert (answer.status, answer.json.get("reason_code")) == (202, 16), f"answered {answer.status} {answer.json}"
    assert target.rules.counted(rule, {"passed": 1})["passed"] == 1, "the rule did not get the message"
