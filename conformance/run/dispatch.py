"""The order of a run's items, with and without workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from conformance.catalogue.profiles import PROFILES
from conformance.catalogue.registry import import_suite
from conformance.contract import Contract
from conformance.report.errors import ReportError
from conformance.report.remaining import Remaining
from conformance.run.choice import Choice
from conformance.run.costs import TYPICAL_PRICE_S, Costs, read_costs, shipped_costs
from conformance.run.grouping import Chunk
from conformance.run.schedule import in_chunks
from conformance.run.types_of_items import Types
from conformance.target.guard.mode import Mode
from conformance.worker.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

REPLACED = frozenset({"load", "worksteal"})
"""The modes of ``--dist`` that leave it to xdist which worker does what; whoever names another wants that one."""


def known_costs(report_dir: Path) -> Costs:
    """What items cost in the run that ``report_dir`` holds, and by the table that ships with the suite."""
    try:
        return read_costs(report_dir)
    except ReportError:
        return shipped_costs()


class Dispatch:
    """Decides who does what when, from ``costs``. Registered with pytest in the process that owns the run.

    ``whole``: whether the user selected nothing, so that a profile that asks a sample does.
    """

    whole = True

    def __init__(self, plan: Plan, contract: Contract, choice: Choice, costs: Costs) -> None:
        self._plan = plan
        self._types = Types(contract.every_type)
        self._first = frozenset(choice.first)
        self._costs = costs

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        if config.getoption("dist") not in REPLACED:
            return None
        from conformance.run.scheduler import CostScheduling

        import_suite()  # `Types` asks tests for their marks, and only the workers collect; they do it meanwhile
        return CostScheduling(config, log, self.chunks)

    def chunks(self, ids: Sequence[str], workers: int = 1) -> list[Chunk]:
        """Items, given by their ids, as ``workers`` get them."""
        asks_sample = self.whole and PROFILES[self._plan.configuration.profile].budget is not None
        return in_chunks(
            ids,
            self._costs,
            self._types,
            self._price_s,
            first=self._first,
            hurried=self._plan.deadline is not None,
            away_s=self._away_s,
            counted=asks_sample,
            workers=workers,
        )

    def remaining(self, ids: Sequence[str]) -> Remaining:
        """Estimates how long the items with these ids take."""
        costs = {node_id: self._costs.of(node_id) for node_id in ids}
        return Remaining({node_id: (cost.seconds, cost.writes) for node_id, cost in costs.items()}, self._price_s)

    def in_order(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """The items of a run without workers: as they are, unless time may not suffice for all."""
        if self._plan.deadline is None:
            return list(items)
        return [items[place] for chunk in self.chunks([item.nodeid for item in items]) for place in chunk.items]

    @property
    def _away_s(self) -> float:
        """The table that ships was measured nearby; what an earlier run took has the way to its target in it."""
        return self._plan.capabilities.latency_s if self._costs is shipped_costs() else 0.0

    @property
    def _price_s(self) -> float:
        if self._plan.configuration.mode is Mode.READ_ONLY:
            return 0.0
        price_s = self._plan.capabilities.write_price_s
        return TYPICAL_PRICE_S if price_s is None else price_s
