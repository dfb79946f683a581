"""What a run cost its target: how long answers took, and how often it changed the configuration."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.latency import percentile
from conformance.result import RunResult

_CONFIGURED = ("/connectors", "/actions", "/rules", "/schema_registry")
_NO_CHANGE = ("_probe", "/test", "/metrics/reset", "/{operation}")
"""Ends of paths whose writes change nothing of the configuration."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies of one operation in milliseconds: half, 95 % and all of the ``answers`` came within these."""

    operation: str
    answers: int
    median: int
    most: int
    longest: int


def latencies(run: RunResult) -> list[Latency]:
    """Of each operation that answered, the slowest first."""
    counts: dict[str, Counter[int]] = {}
    for item in run.items:
        for label, buckets in item.latencies.items():
            of_operation = counts.setdefault(label, Counter())
            for bound, count in buckets.items():
                of_operation[int(bound)] += count
    found = [
        Latency(label, of.total(), percentile(of, 0.5), percentile(of, 0.95), max(of))
        for label, of in counts.items()
        if of.total()
    ]
    return sorted(found, key=lambda entry: (-entry.most, -entry.median, -entry.longest, entry.operation))


@dataclass(frozen=True, slots=True)
class Scale:
    """Where latencies are on a logarithmic axis from 1 ms to the longest of them."""

    longest: int

    @classmethod
    def of(cls, found: Sequence[Latency]) -> Scale:
        return cls(max((entry.longest for entry in found), default=1))

    def percent(self, milliseconds: int) -> float:
        """From 0 to 100."""
        if self.longest <= 1:
            return 0.0
        return round(100 * math.log(max(milliseconds, 1)) / math.log(self.longest), 1)

    @property
    def marks(self) -> list[int]:
        """The powers of ten on the axis."""
        return [10**power for power in range(6) if 10**power <= self.longest]


def configuration_writes(run: RunResult) -> list[tuple[str, int]]:
    """Operations that change the configuration of the target, with the number of their successes, most first.

    A real node takes about 0.2 s for each, one after the other.
    """
    found = []
    for operation in run.operations:
        method, _, path = operation.operation.partition(" ")
        if method == "GET" or not path.startswith(_CONFIGURED) or path.endswith(_NO_CHANGE):
            continue
        taken = sum(count for status, count in operation.statuses.items() if status.startswith("2"))
        if taken:
            found.append((operation.operation, taken))
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))
