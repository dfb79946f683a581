"""The order of a run's items follows from its plan: with a budget, without one, and at what a write takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.run.choice import Choice
from conformance.run.costs import Cost, Costs, shipped_costs
from conformance.run.dispatch import Dispatch, known_costs
from conformance.run.scheduler import CostScheduling
from conformance.target.capabilities import Capabilities
from conformance.target.settings.config import Configuration
from conformance.worker.plan import Plan

ABLE = Capabilities("5.8.9", None, (), None, None, None, None, None, None)
CONTRACT = load_contract()
COSTS = Costs({"m::a[GET /rules]": Cost(3.0), "m::b[GET /rules]": Cost(0.1, 4), "m::c[GET /banned]": Cost(0.5)})


@dataclass
class Item:
    nodeid: str


ITEMS: Any = [Item(node_id) for node_id in COSTS.items]


def dispatch(costs: Costs = COSTS, choice: Choice | None = None, **facts: Any) -> Dispatch:
    deadline = facts.pop("deadline", None)
    settings = facts.pop("settings", {})
    plan = Plan(Configuration(**settings), "0123456abcd", 1, "", 0.0, None, replace(ABLE, **facts), deadline=deadline)
    return Dispatch(plan, CONTRACT, choice or Choice(), costs)


def ids_of(items: Any) -> list[str]:
    return [item.nodeid[3] for item in items]


def test_without_a_budget_a_single_process_keeps_the_order() -> None:
    assert ids_of(dispatch().in_order(ITEMS)) == ["a", "b", "c"]


@pytest.mark.parametrize(("price_s", "order"), [(0.0, ["b", "c", "a"]), (0.2, ["c", "b", "a"]), (2.0, ["c", "a", "b"])])
def test_under_a_budget_the_cheapest_of_each_comes_first(price_s: float, order: list[str]) -> None:
    assert ids_of(dispatch(deadline=1.0, write_price_s=price_s).in_order(ITEMS)) == order


def test_what_failed_comes_before_what_is_cheap() -> None:
    choice = Choice(first=("m::a[GET /rules]",))
    assert ids_of(dispatch(deadline=1.0, choice=choice).in_order(ITEMS))[0] == "a"


def test_a_price_that_is_not_known_is_the_usual_one_and_reading_costs_no_writes() -> None:
    def seconds_of_b(**facts: Any) -> float:
        return sum(chunk.writes_s for chunk in dispatch(**facts).chunks(["m::b[GET /rules]"]))

    assert seconds_of_b() == pytest.approx(0.8)
    assert seconds_of_b(write_price_s=0.5) == pytest.approx(2.0)
    assert seconds_of_b(settings={"read_only": True}) == 0.0


def test_the_table_that_ships_knows_no_distance_and_an_earlier_run_does(tmp_path: Any) -> None:
    ids = [next(iter(shipped_costs().items))]
    requests = shipped_costs().of(ids[0]).requests
    assert requests > 0
    near, far = (dispatch(shipped_costs(), latency_s=away).chunks(ids)[0].seconds for away in (0.0, 0.05))
    assert far == pytest.approx(near + 0.05 * requests)
    assert dispatch(latency_s=0.05).chunks(["m::a[GET /rules]"])[0].seconds == 3.0
    assert known_costs(tmp_path) is shipped_costs()


def test_a_sample_is_shared_by_few_and_a_selection_by_as_many_as_there_are() -> None:
    labels = [label for label in CONTRACT.operations if label.partition(" ")[2].startswith("/rules")]
    ids = [f"conformance/fuzz/test_access.py::test_it[{label}]" for label in labels]
    smoke = dispatch(Costs(dict.fromkeys(ids, Cost(1.0, 1))), write_price_s=0.0, settings={"profile": "smoke"})
    assert len(ids) > 4
    assert len(smoke.chunks(ids, workers=4)) <= 3
    smoke.whole = False
    assert len(smoke.chunks(ids, workers=4)) >= 4


@pytest.mark.parametrize(("dist", "ours"), [("load", True), ("worksteal", True), ("loadfile", False), ("each", False)])
def test_whoever_asks_xdist_for_another_way_gets_it(dist: str, ours: bool) -> None:
    config: Any = SimpleNamespace(
        getoption=lambda name: dist, getvalue=lambda name: ["popen", "popen"], option=SimpleNamespace(dist=dist)
    )
    log = SimpleNamespace(workstealsched=None)
    made = dispatch().pytest_xdist_make_scheduler(config, log)
    assert isinstance(made, CostScheduling) is ours
