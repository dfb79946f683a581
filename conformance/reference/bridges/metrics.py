"""Counters of an action, in the shape of GET /actions/{id}/metrics."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from conformance.reference.nodes import FIRST_NODE, NodeCounters

_COUNTERS = (
    "matched",
    "success",
    "failed",
    "dropped",
    "dropped.expired",
    "dropped.other",
    "dropped.queue_full",
    "dropped.resource_not_found",
    "dropped.resource_stopped",
    "retried",
    "late_reply",
    "received",
)
_RATE_SECONDS = 5
_LONG_SECONDS = 300


class ActionMetrics:
    """``queuing``, ``queuing_bytes`` and ``inflight`` are gauges; rates are messages per second."""

    def __init__(self) -> None:
        self.counters = NodeCounters(_COUNTERS)
        self.queuing = 0
        self.queuing_bytes = 0
        self.inflight = 0
        self._arrivals: deque[list[int]] = deque(maxlen=_LONG_SECONDS)  # [second, messages in it]
        self._rate_max = 0.0

    def count(self, name: str, by: int = 1) -> None:
        self.counters.add(name, by)

    def matched(self) -> None:
        """A message arrived for the action."""
        self.counters.add("matched")
        now = int(time.monotonic())
        if self._arrivals and self._arrivals[-1][0] == now:
            self._arrivals[-1][1] += 1
        else:
            self._arrivals.append([now, 1])
        self._rate_max = max(self._rate_max, self._rate(now, _RATE_SECONDS))

    def dropped(self, reason: str) -> None:
        """A message was given up for ``reason`` (``expired``, ``queue_full``, ``resource_stopped``, ...)."""
        self.counters.add("dropped")
        self.counters.add(f"dropped.{reason}")

    def reset(self) -> None:
        """Zero the counters; gauges show what is there and stay."""
        self.counters = NodeCounters(_COUNTERS)
        self._arrivals.clear()
        self._rate_max = 0.0

    def _rate(self, now: int, seconds: int) -> float:
        messages = 0
        for second, count in reversed(self._arrivals):
            if second <= now - seconds:
                break
            messages += count
        return round(messages / seconds, 2)

    def shown(self, node: str | None = None) -> dict[str, Any]:
        """All metrics by the names of the document, of one node or of all: gauges and rates are those of the first."""
        if node not in (None, FIRST_NODE):
            return {**ActionMetrics().shown(), **self.counters.of(node)}
        now = int(time.monotonic())
        return {
            **(self.counters.total() if node is None else self.counters.of(node)),
            "queuing": self.queuing,
            "queuing_bytes": self.queuing_bytes,
            "inflight": self.inflight,
            "rate": self._rate(now, _RATE_SECONDS),
            "rate_last5m": self._rate(now, _LONG_SECONDS),
            "rate_max": self._rate_max,
        }
