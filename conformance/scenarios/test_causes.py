"""What becomes of a message, and which counters of rule and action say so: a table of causes (RUL, ACT).

Of every cause each counter is looked at, those it belongs to and those it does not: a sum hides its parts. Recorded on
5.8.9, where those of an action follow within five seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios.chain import BRIEF, OFF, OTHERS, reaching_nobody
from conformance.scenarios.listed import DISABLED, listed_rules
from conformance.target.http.answer import Answer
from conformance.target.resources.bridges import SOON
from conformance.target.resources.collection import Measured
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("sink"), pytest.mark.state("connectors")]

SLOW_S = 3.0
"""Longer than `BRIEF`: what is answered then is answered late."""
LONG = "x" * 1500
"""A message that no buffer of `SMALL` holds."""
SMALL = {"max_buffer_bytes": "1KB"}

Counts = Mapping[str, int]


class Bench:
    """A rule on ``topic``, and actions that end in one way or another; they serve all items of the worker.

    Everything is made when a cause first needs it: connectors, actions and rules are costly to create.
    """

    def __init__(self, context: Context, target: Target, sink: HttpSink) -> None:
        self._context = context
        self.target = target
        self.sink = sink
        self.topic: str = context.once("topic of causes", lambda: target.sandbox.topic("caused"))
        self.path: str = context.once("path of causes", lambda: f"/{target.sandbox.name('caused')}")
        self.missing = f"http:{target.sandbox.name('missing')}"

    @property
    def local_topic(self) -> str:
        """Where messages reach the accepting action without any rule."""
        return f"{self.topic}/local"

    @property
    def select(self) -> str:
        """A statement that refuses a message, cannot be run for another one, and selects all others."""
        condition = "payload <> 'unwanted' AND (payload <> 'crash' OR int(payload) = 1)"
        return f'SELECT payload FROM "{self.topic}" WHERE {condition}'

    def foreach(self) -> str:
        """A statement that makes a row of each element of an array in JSON."""
        return f'FOREACH json_decode(payload) AS part DO part AS payload FROM "{self.topic}"'

    def action(self, kind: str) -> str:
        """The action of a kind: one of `MADE`, a ``disabled`` one, one on a connector that is ``stopped``, or an
        ``unreachable`` one."""
        if kind == "stopped":
            return self.target.lasting(self.target.actions, "shared")
        if kind == "unreachable":
            return reaching_nobody(self.target)
        if kind == "disabled":
            return self.target.lasting(self.target.actions, OFF, lambda: self.target.actions.create(enable=False))
        path, fields = MADE[kind]

        def make() -> str:
            local = {"local_topic": self.local_topic} if kind == "accepting" else {}
            more = {**fields, **local, "resource_opts": {**SOON, **fields.get("resource_opts", {})}}
            action = self.target.actions.posting(self.target.running(self.sink.url), f"{self.path}{path}", **more)
            # Until then messages wait, and may expire.
            self.target.eventually(lambda: self.target.actions.read(action)["status"] == "connected")
            return action

        return self._context.lasting(f"{kind} action of causes", make, lambda known: self.target.actions.get(known).ok)

    def rule(self, cause: Cause) -> tuple[str, str]:
        """A rule as a cause needs it, which counts from 0, and its topic."""
        if cause.actions == (PRINTED,):
            return self.target.printing()
        if cause.actions == (PRINTED_NEVER,):
            listed = listed_rules(self._context, self.target)
            return listed.rule(DISABLED), listed.last
        actions = [self._of_rule(action) for action in cause.actions]
        sql = cause.sql(self) if cause.sql else self.select
        return self.target.borrow_rule(OTHERS, sql=sql, actions=actions, enable=cause.enabled), self.topic

    def _of_rule(self, action: str | Mapping[str, Any]) -> Any:
        """An action as a rule names it: that of a kind, ``missing``, or the arguments of a republish action."""
        if isinstance(action, str):
            return self.missing if action == "missing" else self.action(action)
        return {"function": "republish", "args": {"topic": self.target.sandbox.topic("out"), **action}}


PRINTED = "printed"
"""What a rule does that has no other action."""
PRINTED_NEVER = "printed never"
"""What a rule would do that was created disabled, and has not been changed since."""

# By kind of action the path at the sink, below that of the bench, and its fields. The slow one has a small buffer, too.
# The accepting one sends an empty body: what it delivers its path tells.
MADE: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "accepting": ("/${payload}", {"body": ""}),
    "slow": ("/slow", {"resource_opts": {**BRIEF, **SMALL}}),
}

PASSED = {"matched": 1, "passed": 1}
RUN = {**PASSED, "actions.total": 1}
SUCCEEDED = {**RUN, "actions.success": 1}
FAILED = {**RUN, "actions.failed": 1, "actions.failed.unknown": 1}
DISCARDED = {**RUN, "actions.discarded": 1}
OUT_OF_SERVICE = {**RUN, "actions.failed": 1, "actions.failed.out_of_service": 1}
IDLE: Mapping[str, Counts] = {"accepting": {}}
"""The action that accepts gets nothing."""


@dataclass(frozen=True, slots=True)
class Cause:
    """How a rule is made, what is published, and by how much its counters and those of its actions grow.

    ``rule`` and ``ends``, by kind of action, say it of one message; every counter that is not named stays. ``actions``:
    what `Bench` makes the rule's actions of. ``status``: what the sink answers to the path of the payload.
    ``local``: the message goes where an action gets it without the rule.
    """

    rule: Counts
    ends: Mapping[str, Counts] = field(default_factory=dict)
    actions: tuple[str | Mapping[str, Any], ...] = ("accepting",)
    payload: str = "ok"
    messages: int = 2
    status: int = 200
    enabled: bool = True
    local: bool = False
    sql: Callable[[Bench], str] | None = None


CAUSES: Mapping[str, Cause] = {
    "accepted": Cause(SUCCEEDED, {"accepting": {"matched": 1, "success": 1}}),
    "accepted with 204": Cause(
        SUCCEEDED, {"accepting": {"matched": 1, "success": 1}}, payload="no-content", status=204
    ),
    "rejected by the server": Cause(
        FAILED, {"accepting": {"matched": 1, "failed": 1}}, payload="rejected", status=404
    ),
    "broken server": Cause(FAILED, {"accepting": {"matched": 1, "failed": 1}}, payload="broken", status=500),
    "no result": Cause({"matched": 1, "failed": 1, "failed.no_result": 1}, IDLE, payload="unwanted"),
    "exception": Cause({"matched": 1, "failed": 1, "failed.exception": 1}, IDLE, payload="crash"),
    "local topic": Cause({}, {"accepting": {"matched": 1, "success": 1}}, local=True),
    "several rows": Cause(
        {"matched": 1, "passed": 1, "actions.total": 2, "actions.success": 2},
        {"accepting": {"matched": 2, "success": 2}},
        payload='["ok","ok"]',
        sql=Bench.foreach,
    ),
    "exception of rows": Cause(
        {"matched": 1, "failed": 1, "failed.exception": 1},
        IDLE,
        payload="no JSON",
        sql=Bench.foreach,
    ),
    "no rows": Cause(
        {"matched": 1, "failed": 1, "failed.no_result": 1},
        IDLE,
        payload="[]",
        sql=Bench.foreach,
    ),
    "disabled rule": Cause({}, IDLE, enabled=False),
    "rule that was created disabled": Cause({}, IDLE, (PRINTED_NEVER,), payload='{"x":1}', enabled=False),
    "disabled action": Cause(DISCARDED, {"disabled": {}}, ("disabled",)),
    "missing action": Cause(DISCARDED, IDLE, ("missing",)),
    "stopped connector": Cause(
        OUT_OF_SERVICE,
        {"stopped": {"matched": 1, "dropped": 1, "dropped.resource_stopped": 1}},
        ("stopped",),
    ),
    "full queue": Cause(
        FAILED, {"slow": {"matched": 1, "dropped": 1, "dropped.queue_full": 1}}, ("slow",), payload=LONG
    ),
    # What takes long is waited for together.
    "no connection and late answer": Cause(
        {**PASSED, "actions.total": 2, "actions.failed": 2, "actions.failed.unknown": 2},
        {
            "unreachable": {"matched": 1, "dropped": 1, "dropped.expired": 1},
            "slow": {"matched": 1, "late_reply": 1},
        },
        ("unreachable", "slow"),
        messages=1,
    ),
    "republished": Cause(SUCCEEDED, IDLE, ({},)),
    "printed": Cause(SUCCEEDED, IDLE, (PRINTED,)),
    "impossible QoS": Cause(FAILED, IDLE, ({"qos": "${payload}"},)),
    "one of each": Cause(
        {
            **PASSED, "actions.total": 6, "actions.success": 3, "actions.discarded": 2, "actions.failed": 1,
            "actions.failed.unknown": 1,
        },
        {"accepting": {"matched": 2, "success": 2}, "disabled": {}},
        # One of them twice, behind all that fail.
        ("accepting", "disabled", "missing", {}, {"qos": "7"}, "accepting"),
    ),
}  # fmt: skip


@pytest.fixture
def bench(context: Context, target: Target, sink: HttpSink) -> Bench:
    return Bench(context, target, sink)


@dataclass(slots=True)
class Counted:
    """The counters of a rule or action, and how they grow."""

    target: Target
    collection: Measured
    identifier: str
    expected: Counts
    before: Counts = field(init=False)
    answer: Answer = field(init=False)

    def __post_init__(self) -> None:
        self.before = self._read()

    def grown(self) -> dict[str, int]:
        """By how much each counter has changed, if it has."""
        after = self._read()
        return {name: value - self.before[name] for name, value in after.items() if value != self.before[name]}

    def left(self) -> dict[str, int]:
        """The counters that are not 0."""
        return {name: value for name, value in self._read().items() if value}

    def is_zero(self) -> bool:
        return not self.left()

    def _read(self) -> dict[str, int]:
        """All that is counted, rates left out; raises AssertionError unless nodes are told, and add up to the whole."""
        label, path = f"GET {self.collection.item}/metrics", self.collection.path_of(self.identifier)
        self.answer = self.target.api.call(label, path=path).expect(200)
        whole = {name: value for name, value in self.answer.json["metrics"].items() if "rate" not in name}
        nodes = [node["metrics"] for node in self.answer.json["node_metrics"]]
        assert nodes, f"no node tells what {self.identifier} counts"
        sums = {name: sum(node[name] for node in nodes) for name in whole}
        assert sums == whole, f"the nodes of {self.identifier} add up to {sums}, the whole is {whole}"
        return whole


@requirement(
    "ACT-23",
    "GET /actions/{id}/metrics",
    sentence="An action counts each message by what became of it, once, and nowhere else.",
)
@requirement(
    "RUL-40",
    "GET /rules/{id}/metrics",
    sentence="A rule counts each message, and each run of an action, by what became of it, and nowhere else.",
)
@pytest.mark.parametrize("cause", CAUSES)
def test_cause_has_its_counters(cause: str, target: Target, bench: Bench, recorder: Recorder) -> None:
    """By what became of it each message is counted: by these counters, exactly, and no other one changes."""
    case = CAUSES[cause]
    rule, topic = bench.rule(case)
    counted = {"the rule": Counted(target, target.rules, rule, times(case.messages, case.rule))}
    for kind, ends in case.ends.items():
        expected = times(case.messages, ends)
        counted[f"the {kind} action"] = Counted(target, target.actions, bench.action(kind), expected)

    bench.sink.statuses[f"{bench.path}/{case.payload}"] = case.status
    bench.sink.delays[f"{bench.path}/slow"] = SLOW_S
    for _ in range(case.messages):
        target.publish(bench.local_topic if case.local else topic, case.payload, qos=1)

    settled = target.timing.batch if "late" in cause else target.timing.delivered
    target.eventually(lambda: all(each.grown() == each.expected for each in counted.values()), settled)
    for who, each in counted.items():
        grown = each.grown()
        message = f"{cause}: {who} counts {case.messages} messages as {grown}, expected {each.expected}"
        identifier = "RUL-40" if who == "the rule" else "ACT-23"
        recorder.expect(grown == each.expected, identifier, "counted", message, each.answer)
    for who, each in counted.items():
        reset = each.collection.reset_metrics(each.identifier).expect(204)
        if not target.eventually(each.is_zero):
            message = f"{cause}: after a reset {who} is left with {each.left()}"
            recorder.failed("RUL-12" if who == "the rule" else "ACT-07", "zeroed", message, reset)


def times(messages: int, ends: Counts) -> Counts:
    return {name: by * messages for name, by in ends.items()}
