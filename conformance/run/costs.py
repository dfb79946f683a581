"""What items cost: seconds, requests, and configuration writes, which a real server pays for one after the other.

Costs come from an earlier run, or from a table that ships with the suite (``item_costs.json``, which
``benchmarks/item_costs.py`` writes). Balance and order of items depend on them, never what is checked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import fmean, median
from typing import Any

from conformance.contract.kinds import CONFIGURATION_WRITES
from conformance.latency import percentile
from conformance.report.storage import FILE_NAME, read_run
from conformance.result import ItemResult, RunResult
from conformance.run.node_ids import function_of, module_of

TABLE = "item_costs.json"
TABLE_VERSION = 3

_ALIKE_S, _ALIKE, _ALIKE_REQUESTS = 0.1, 0.3, 5
"""Items of one function whose costs differ by less, in seconds or in parts, share one entry of the table."""
TYPICAL_PRICE_S = 0.2
"""What a configuration write takes EMQX 5.8 (docs/cost.md)."""
TYPICAL_AWAY_S = 0.05
"""What the way to a staging system and back takes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """``seconds`` apart from configuration writes; ``writes``: accepted ones, with those that clean up after it, in a
    run of all items; ``unshared``: how many more where no other item has made what they share."""

    seconds: float
    writes: float = 0.0
    requests: float = 0.0
    unshared: float = 0.0

    @property
    def alone(self) -> Cost:
        """What it costs where no other item has made what they share."""
        return self.making(1.0)

    def making(self, part: float) -> Cost:
        """What it costs where it makes so much itself of what it shares with others that are not there."""
        return replace(self, writes=self.writes + part * self.unshared, unshared=0.0)

    def at(self, price_s: float = TYPICAL_PRICE_S, away_s: float = 0.0) -> float:
        """Seconds where a configuration write takes ``price_s``, and the target is ``away_s`` further away."""
        return self.seconds + self.writes * price_s + self.requests * away_s


_UNKNOWN = Cost(0.1, 0.5, 10)
"""Of an item where nothing at all is known: about the mean of the suite."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs by id of an item, of a function (its id without ``[...]``) for its other items; else by ``fallback``."""

    items: Mapping[str, Cost] = field(default_factory=dict)
    functions: Mapping[str, Cost] = field(default_factory=dict)
    fallback: Costs | None = None

    def of(self, node_id: str) -> Cost:
        """The cost of an item, estimated from its function, its module or all items where it is not known."""
        known = self._known(node_id)
        return known if known is not None else self._estimate(node_id)

    def writing(self) -> frozenset[str]:
        """The functions of which an item is known to write; what that one makes may serve their other items, too."""
        own = {
            function_of(name)
            for known in (self.items, self.functions)
            for name, cost in known.items()
            if cost.writes or cost.unshared
        }
        return frozenset(own) | (self.fallback.writing() if self.fallback is not None else frozenset())

    def as_json(self) -> dict[str, list[float]]:
        """The costs of its items, for `measured`."""
        return {identifier: [cost.seconds, cost.writes, cost.requests] for identifier, cost in self.items.items()}

    def _known(self, node_id: str) -> Cost | None:
        known = self.items.get(node_id) or self.functions.get(function_of(node_id))
        if known is None and self.fallback is not None:
            return self.fallback._known(node_id)
        return known

    def _estimate(self, node_id: str) -> Cost:
        near = [cost for name, cost in self.functions.items() if module_of(name) == module_of(node_id)]
        if near or self.functions:
            return _mean(near or self.functions.values())
        return self.fallback._estimate(node_id) if self.fallback is not None else _UNKNOWN


@cache
def shipped_costs() -> Costs:
    """The table that ships with the suite: every item, against the embedded reference deployment."""
    return _from_table(json.loads(files("conformance.run").joinpath(TABLE).read_text(encoding="utf-8")))


def costs_of(run: RunResult, fallback: Costs | None = None) -> Costs:
    """The costs of the items that ran in ``run``; those of others by the ``fallback``, or estimated from these."""
    price = write_price(run.items)
    return _by_items({item.id: _cost(item, price) for item in run.items if _ran(item)}, fallback)


def measured(items: Mapping[str, Iterable[float]]) -> Costs:
    """What `Costs.as_json` tells of; the costs of other items come from the table that ships with the suite."""
    return _by_items({identifier: Cost(*row) for identifier, row in items.items()}, shipped_costs())


def _by_items(items: Mapping[str, Cost], fallback: Costs | None) -> Costs:
    """``fallback`` also knows what the items may have to make."""
    if fallback is not None:
        items = {name: _unshared(cost, fallback.of(name).alone) for name, cost in items.items()}
    by_function: dict[str, list[Cost]] = {}
    for identifier, cost in items.items():
        by_function.setdefault(function_of(identifier), []).append(cost)
    return Costs(items, {name: _mean(costs) for name, costs in by_function.items()}, fallback)


def read_costs(report: Path) -> Costs:
    """The costs of an earlier run, given as its run.json or the folder that holds it; raises `ReportError`.

    Those of items that did not run in it come from the table that ships with the suite.
    """
    return costs_of(read_run(report.parent if report.name == FILE_NAME else report), shipped_costs())


def write_price(items: Iterable[ItemResult]) -> float:
    """The median seconds of a configuration write in a run, 0 if it sent none."""
    counts: Counter[int] = Counter()
    for item in items:
        for label, buckets in item.latencies.items():
            if label in CONFIGURATION_WRITES:
                counts.update({int(bound): number for bound, number in buckets.items()})
    return percentile(counts, 0.5) / 1000


def table_of(run: RunResult, others: Iterable[RunResult] = ()) -> dict[str, Any]:
    """The content of ``item_costs.json``: per function its median, and the items that cost clearly something else.

    In ``run`` many items use what an earlier one has made. What they pay where nobody has, ``others`` tell, in which
    fewer items or more workers ran: the most that an item wrote in any of them.
    """
    items = dict(costs_of(run).items)
    for other in others:
        for identifier, cost in costs_of(other).items.items():
            items[identifier] = _unshared(items.get(identifier, cost), cost)
    known = _by_items(items, None)
    functions: dict[str, Any] = {}
    for name in sorted(known.functions):
        own = {identifier: cost for identifier, cost in known.items.items() if function_of(identifier) == name}
        typical = Cost(
            median(c.seconds for c in own.values()),
            median(c.writes for c in own.values()),
            median(c.requests for c in own.values()),
            median(c.unshared for c in own.values()),
        )
        exceptions = {
            identifier.removeprefix(name): _row(cost)
            for identifier, cost in sorted(own.items())
            if not _alike(cost, typical)
        }
        functions[name] = {"typical": _row(typical)} | ({"items": exceptions} if exceptions else {})
    return {
        "version": TABLE_VERSION,
        "measured": {
            "suite": run.suite,
            "profile": run.profile,
            "mode": run.mode,
            "items": len(known.items),
            "seconds": round(sum(cost.seconds for cost in known.items.values()), 1),
            "writes": round(sum(cost.writes for cost in known.items.values())),
        },
        "functions": functions,
    }


def _from_table(table: Mapping[str, Any]) -> Costs:
    items: dict[str, Cost] = {}
    functions: dict[str, Cost] = {}
    for name, entry in table["functions"].items():
        functions[name] = Cost(*entry["typical"])
        items |= {name + parameters: Cost(*row) for parameters, row in entry.get("items", {}).items()}
    return Costs(items, functions)


def _ran(item: ItemResult) -> bool:
    """Whether it is an item that pytest selects, and did what it is there for."""
    return "::test_" in item.id and item.outcome not in ("skipped", "not_run", "error")


def _cost(item: ItemResult, price_s: float) -> Cost:
    # What is deleted after an item comes once its clock has stopped.
    own, later = sum(item.config_writes.values()), sum(item.config_cleanup.values())
    return Cost(max(0.0, item.duration_s - own * price_s), own + later, item.requests)


def _unshared(cost: Cost, other: Cost) -> Cost:
    """A cost that tells as well what the item wrote elsewhere, where it cost ``other``."""
    return replace(cost, unshared=max(cost.unshared, other.writes - cost.writes))


def _alike(one: Cost, other: Cost) -> bool:
    pairs = ((one.at(), other.at()), (one.alone.at(), other.alone.at()))
    return all(abs(a - b) <= max(_ALIKE_S, _ALIKE * b) for a, b in pairs) and abs(one.requests - other.requests) <= max(
        _ALIKE_REQUESTS, _ALIKE * other.requests
    )


def _mean(costs: Iterable[Cost]) -> Cost:
    known = list(costs)
    return Cost(
        fmean(cost.seconds for cost in known),
        fmean(cost.writes for cost in known),
        fmean(cost.requests for cost in known),
        fmean(cost.unshared for cost in known),
    )


def _row(cost: Cost) -> list[float]:
    return [round(cost.seconds, 3), *(round(number, 1) for number in (cost.writes, cost.requests, cost.unshared))]
