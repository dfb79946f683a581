"""What a run cost its target: how long answers took, and how often it changed the configuration."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.latency import percentile
from conformance.result import RunResult


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


@dataclass(frozen=True, slots=True)
class ConfigWrites:
    """Configuration writes that the target took: of connectors, actions, rules and schemas.

    A real node takes about 0.2 s for each, one after the other. ``accepted``: all of them, ``cleanup``: how many of
    those a clean-up made, or the preflight. ``by_operation``, ``by_item``: their numbers, most first; its clean-up
    belongs to an item, what workers delete when they end to none.
    """

    accepted: int
    cleanup: int
    by_operation: dict[str, int]
    by_item: dict[str, int]

    @classmethod
    def of(cls, run: RunResult) -> ConfigWrites:
        """Those of a run."""
        cleanup = Counter(run.config_cleanup)
        by_operation: Counter[str] = Counter()
        by_item: Counter[str] = Counter()
        for item in run.items:
            cleanup.update(item.config_cleanup)
            by_operation.update(item.config_writes)
            by_item[item.id] += sum(item.config_writes.values()) + sum(item.config_cleanup.values())
        by_operation.update(cleanup)
        return cls(by_operation.total(), cleanup.total(), _most_first(by_operation), _most_first(by_item))


def _most_first(counts: Counter[str]) -> dict[str, int]:
    """The counts that are not 0."""
    return dict(sorted(((name, count) for name, count in counts.items() if count), key=lambda one: (-one[1], one[0])))


MOST_EXPENSIVE = 10


@dataclass(frozen=True, slots=True)
class Cost:
    """What an item cost: configuration writes with those of its clean-up, requests, and seconds."""

    item: str
    writes: int
    requests: int
    seconds: float


def most_expensive(run: RunResult, most: int = MOST_EXPENSIVE) -> list[Cost]:
    """The items with the most configuration writes, and of those with as many the ones that took longest."""
    writes = ConfigWrites.of(run).by_item
    costs = [Cost(item.id, writes.get(item.id, 0), item.requests, item.duration_s) for item in run.items]
    return sorted(costs, key=lambda cost: (-cost.writes, -cost.seconds, cost.item))[:most]
