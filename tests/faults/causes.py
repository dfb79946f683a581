"""Faults of what is counted for what became of a message (RUL-40, ACT-23). See `tests.faults.seeded`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from conformance.reference.bridges.buffer import ActionBuffer
from conformance.reference.bridges.metrics import ActionMetrics
from conformance.reference.nodes import NodeCounters
from conformance.reference.rest.http import Call
from conformance.reference.rules import metrics as rule_metrics
from conformance.reference.rules.engine import RuleEngine
from conformance.reference.rules.rule import Rule
from conformance.reference.rules.syntax import Foreach
from conformance.reference.rules.values import EvaluationError
from tests.faults.seeded import Broken, broken, broken_handler, edited, scenario, seed


def caused(cause: str) -> str:
    return scenario("causes", f"cause_has_its_counters[{cause}]")


def outcome(name: str, *counters: str) -> Broken:
    """How a rule counts the end of an action."""

    def make(outcomes: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        return {**outcomes, name: counters}

    return broken(rule_metrics, "_OUTCOMES", make)


UNKNOWN = ("actions.failed", "actions.failed.unknown")
seed(
    "a message for a disabled action is a failure",
    outcome("discarded", "actions.failed", "actions.failed.out_of_service"),
    caused("disabled action"),
    "RUL-40",
    origin="https://github.com/emqx/emqx/pull/13773",
)
seed("a missing action fails for unknown reasons", outcome("discarded", *UNKNOWN), caused("missing action"), "RUL-40")
seed(
    "a stopped connector is an unknown reason",
    outcome("out_of_service", *UNKNOWN),
    caused("stopped connector"),
    "RUL-40",
)
seed(
    "what the server rejects is out of service",
    outcome("failed", "actions.failed", "actions.failed.out_of_service"),
    caused("rejected by the server"),
    "RUL-40",
)
seed("what is printed is not counted", outcome("success"), caused("printed"), "RUL-40")


def indexed(original: Callable[..., None]) -> Callable[..., None]:
    """A rule that is off is run like any other."""

    def refresh(self: RuleEngine) -> None:
        rules = self._rules
        self._rules = {name: replace(rule, enable=True) for name, rule in rules.items()}
        original(self)
        self._rules = rules

    return refresh


seed("a disabled rule counts", broken(RuleEngine, "_refresh", indexed), caused("disabled rule"), "RUL-40", "ACT-23")


def twice_by_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    """A statement by rows that cannot be run counts twice."""

    def apply(self: RuleEngine, rule: Rule, *args: Any, **options: Any) -> Any:
        try:
            return original(self, rule, *args, **options)
        except EvaluationError:
            if isinstance(rule.statement, Foreach):
                rule.metrics.failed("exception")
            raise

    return apply


seed(
    "an exception of a FOREACH counts twice",
    broken(RuleEngine, "apply", twice_by_rows),
    caused("exception of rows"),
    "RUL-40",
)


def dropped_as(wrong: str, right: str) -> Broken:
    return broken(
        ActionMetrics,
        "dropped",
        lambda original: lambda self, reason: original(self, wrong if reason == right else reason),
    )


seed("a full queue makes messages expire", dropped_as("expired", "queue_full"), caused("full queue"), "ACT-23")
seed(
    "the resource of a stopped connector is not found",
    dropped_as("resource_not_found", "resource_stopped"),
    caused("stopped connector"),
    "ACT-23",
)


def counted_as(wrong: tuple[str, ...], right: str) -> Broken:
    def make(original: Callable[..., None]) -> Callable[..., None]:
        def count(self: ActionMetrics, name: str, by: int = 1) -> None:
            for counter in wrong if name == right else (name,):
                original(self, counter, by)

        return count

    return broken(ActionMetrics, "count", make)


seed(
    "what the server rejects is dropped as well",
    counted_as(("failed", "dropped.other"), "failed"),
    caused("rejected by the server"),
    "ACT-23",
)
seed(
    "what is accepted is received as well",
    counted_as(("success", "received"), "success"),
    caused("local topic"),
    "ACT-23",
)


def keeping(original: Callable[..., None]) -> Callable[..., None]:
    def reset(self: ActionMetrics) -> None:
        before = self.counters.total()
        original(self)
        self.counters.add("dropped.resource_stopped", before["dropped.resource_stopped"])

    return reset


seed(
    "a reset leaves the reasons why messages were dropped",
    broken(ActionMetrics, "reset", keeping),
    caused("stopped connector"),
    "ACT-07",
)


def kept_busy(original: Callable[..., Any]) -> Callable[..., Any]:
    async def work(self: ActionBuffer) -> None:
        await original(self)
        self._metrics.inflight += 1

    return work


seed(
    "what was sent stays in flight",
    broken(ActionBuffer, "_work", kept_busy),
    caused("accepted"),
    "ACT-23",
    "ACT-07",
)


def all_once_more(original: Callable[..., dict[str, int]]) -> Callable[..., dict[str, int]]:
    def total(self: NodeCounters) -> dict[str, int]:
        return {name: value * (2 if name == "actions.discarded" else 1) for name, value in original(self).items()}

    return total


seed(
    "the nodes do not add up to what was discarded",
    broken(NodeCounters, "total", all_once_more),
    caused("one of each"),
    "RUL-40",
)


def told_of_nobody(answer: Any, call: Call) -> None:
    rule = call.deployment.part(RuleEngine).get(call.path["id"])
    if rule is not None and not rule.enable:
        answer.body["node_metrics"] = []


seed(
    "no node tells what a disabled rule counts",
    broken_handler("GET /rules/{id}/metrics", edited(told_of_nobody)),
    caused("rule that was created disabled"),
    "RUL-40",
)
