"""The counters of a rule (behaviour 3; RUL-10, RUL-11)."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Mapping

from conformance.reference.nodes import NodeCounters, at_work

_COUNTERS = (
    "matched",
    "failed",
    "passed",
    "failed.exception",
    "failed.no_result",
    "actions.total",
    "actions.success",
    "actions.failed",
    "actions.failed.out_of_service",
    "actions.failed.unknown",
    "actions.discarded",
)
_OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "success": ("actions.success",),
    "failed": ("actions.failed", "actions.failed.unknown"),
    "unknown": ("actions.failed", "actions.failed.unknown"),
    "out_of_service": ("actions.failed", "actions.failed.out_of_service"),
    "discarded": ("actions.discarded",),
}
_SHORT_S = 5
_LONG_S = 300


class RuleMetrics:
    """Counts since the rule was created, changed or reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._counts = NodeCounters(_COUNTERS)
        self._rates: defaultdict[str, _Rate] = defaultdict(_Rate)

    def matched(self) -> None:
        """The rule was run for an event."""
        self._counts.add("matched")
        self._rates[at_work()].count()

    def passed(self) -> None:
        self._counts.add("passed")

    def failed(self, kind: str) -> None:
        """``kind``: exception or no_result."""
        self._counts.add("failed")
        self._counts.add(f"failed.{kind}")

    def action_started(self) -> None:
        self._counts.add("actions.total")

    def action_ended(self, outcome: str) -> None:
        """``outcome``: success, failed, unknown, out_of_service or discarded."""
        for counter in _OUTCOMES[outcome]:
            self._counts.add(counter)

    def as_object(self, node: str | None = None) -> dict[str, int | float]:
        """All keys of the document for one node, or for all; rates are events per second, rounded to two places."""
        if node is not None:
            return {**self._counts.of(node), **self._rates[node].as_object()}
        rates = [rate.as_object() for rate in (*self._rates.values(), _Rate())]
        return {**self._counts.total(), **{name: round(sum(rate[name] for rate in rates), 2) for name in rates[0]}}


class _Rate:
    """Events per second over the last seconds and minutes, and the highest seen."""

    def __init__(self) -> None:
        self._seconds: deque[list[int]] = deque()
        self._highest = 0.0

    def count(self) -> None:
        now = int(time.monotonic())
        if self._seconds and self._seconds[-1][0] == now:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([now, 1])
            while self._seconds[0][0] <= now - _LONG_S:
                self._seconds.popleft()
        self._highest = max(self._highest, self._over(_SHORT_S))

    def _over(self, seconds: int) -> float:
        start = int(time.monotonic()) - seconds
        return sum(count for second, count in self._seconds if second > start) / seconds

    def as_object(self) -> dict[str, float]:
        return {
            "matched.rate": round(self._over(_SHORT_S), 2),
            "matched.rate.last5m": round(self._over(_LONG_S), 2),
            "matched.rate.max": round(self._highest, 2),
        }
