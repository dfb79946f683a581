"""Which items stand for all of them where a run must cost little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.catalogue.profiles import Budget
from conformance.catalogue.registry import catalogue, import_suite
from conformance.contract import load_contract
from conformance.contract.kinds import CONFIGURATION_WRITES
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.run.costs import Cost, Costs
from conformance.run.node_ids import PACKAGE, operation_of, requirements_of
from conformance.run.sample import CARRIED_OUT, WRITTEN, sample
from conformance.run.types_of_items import Types
from tests.run.command import environment, report_of, run

CONTRACT = load_contract()
TYPES = Types(CONTRACT.every_type)
MODULE = "conformance/fuzz/test_operations.py"
POSITIVE = f"{MODULE}::test_positive"
WRITES = "conformance/fuzz/test_effects.py::test_write_is_seen_at_once"


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    import_suite()
    list(catalogue())


def chosen(costs: dict[str, Cost], writes: float = 100, requests: float = 1000, seed: int = 1) -> frozenset[str]:
    return sample(list(costs), Costs(costs), TYPES, Budget(writes, requests), seed)


def test_there_are_items_that_carry_an_operation_out() -> None:
    assert CARRIED_OUT in requirements_of(f"{POSITIVE}[GET /rules]")
    assert WRITTEN in requirements_of(f"{WRITES}[POST /rules]")
    assert all((PACKAGE.parent / one.partition("::")[0]).exists() for one in (POSITIVE, WRITES))


def test_what_writes_the_configuration_is_carried_out_and_not_only_offered() -> None:
    costs = {f"{POSITIVE}[{label}]": Cost(0.1, 0, 3) for label in CONFIGURATION_WRITES}
    costs |= {f"{WRITES}[{label}]": Cost(0.1, 3, 3) for label in CONFIGURATION_WRITES}

    assert chosen(costs) >= {one for one in costs if one.startswith(WRITES)}


def test_each_test_is_asked_once_by_its_cheapest_item() -> None:
    other = "conformance/scenarios/test_rules.py::test_made_up_ids_are_unique"
    costs = {f"{other}[a]": Cost(0.1, 4, 9), f"{other}[b]": Cost(0.1, 2, 9), f"{other}[c]": Cost(0.1, 6, 9)}

    assert chosen(costs) == {f"{other}[b]"}


def test_each_operation_is_carried_out_though_one_item_has_shown_the_requirement() -> None:
    costs = {f"{POSITIVE}[{label}]": Cost(0.1, 1, 3) for label in ("GET /rules", "POST /publish", "GET /banned")}

    assert chosen(costs) == set(costs)


def test_what_costs_more_than_is_left_is_left_out() -> None:
    dear = "conformance/scenarios/test_flagship.py::test_message_reaches_the_sink"
    cheap = "conformance/scenarios/test_rules.py::test_rule_is_stored_as_sent"
    costs = {dear: Cost(1.0, 8, 9), cheap: Cost(0.1, 0, 9)}

    assert chosen(costs, writes=8) == {dear, cheap}
    assert chosen(costs, writes=7) == {cheap}
    assert chosen(costs, requests=10) == {cheap}


def test_what_carries_an_operation_out_is_asked_whatever_is_left() -> None:
    costs = {f"{POSITIVE}[GET /rules]": Cost(0.1, 0, 9), f"{WRITES}[POST /rules]": Cost(0.1, 8, 9)}

    assert chosen(costs, writes=0, requests=0) == set(costs)


def test_a_part_of_what_an_item_makes_alone_counts() -> None:
    one = "conformance/scenarios/test_rules.py::test_rule_is_stored_as_sent"

    assert chosen({one: Cost(0.1, 1, 9, unshared=4)}, writes=2) == {one}
    assert chosen({one: Cost(0.1, 1, 9, unshared=4)}, writes=1) == frozenset()


def test_what_is_left_of_the_requests_goes_to_other_operations_without_writes() -> None:
    function = "conformance/fuzz/test_access.py::test_no_credentials"
    costs = {
        f"{function}[GET /rules]": Cost(0.1, 0, 1),
        f"{function}[GET /banned]": Cost(0.1, 0, 1),
        f"{function}[POST /rules]": Cost(0.1, 1, 1),
    }

    assert chosen(costs, requests=2) == {f"{function}[GET /rules]", f"{function}[GET /banned]"}
    assert len(chosen(costs, requests=1)) == 1


def test_seed_decides_between_those_that_cost_the_same() -> None:
    function = "conformance/fuzz/test_access.py::test_malformed_json"
    costs = {f"{function}[{label}]": Cost(0.1, 0, 3) for label in CONTRACT.operations}
    found = [chosen(costs, requests=3, seed=seed) for seed in range(20)]

    assert {len(one) for one in found} == {1}
    assert len(set(found)) > 5
    assert chosen(costs, requests=3, seed=7) == chosen(costs, requests=3, seed=7)


ITEMS = st.dictionaries(
    st.sampled_from([f"{POSITIVE}[{label}]" for label in CONTRACT.operations]
                    + [f"{MODULE}::test_unknown_id[{label}]" for label in CONTRACT.operations]
                    + [f"conformance/scenarios/test_types.py::test_connector[{name}]" for name in ("http", "mqtt")]),
    st.builds(Cost, st.floats(0, 9), st.integers(0, 20), st.integers(0, 50)),
    max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(ITEMS, st.integers(0, 100), st.integers(0, 500), st.randoms())
def test_a_sample_keeps_to_its_budget_and_to_no_order(costs, writes, requests, chance) -> None:
    ids = list(costs)
    found = sample(ids, Costs(costs), TYPES, Budget(writes, requests), 3)
    chance.shuffle(ids)

    assert found <= set(ids)
    besides = found - sample(ids, Costs(costs), TYPES, Budget(-1, -1), 3)
    assert sum(costs[one].writes for one in besides) <= writes
    assert sum(costs[one].requests for one in besides) <= requests
    assert sample(ids, Costs(costs), TYPES, Budget(writes, requests), 3) == found


@settings(max_examples=60, deadline=None)
@given(ITEMS)
def test_with_enough_to_spend_nothing_is_left_unseen(costs) -> None:
    found = sample(list(costs), Costs(costs), TYPES, Budget(1e9, 1e9), 3)

    for see in (requirements_of, lambda one: (TYPES.of(one),)):
        assert {name for one in costs for name in see(one)} == {name for one in found for name in see(one)}
    carried_out = {operation_of(one) for one in costs if one.startswith(POSITIVE)} - CONFIGURATION_WRITES
    assert {operation_of(one) for one in found if one.startswith(POSITIVE)} >= carried_out


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def test_a_whole_smoke_run_asks_a_sample_and_a_selection_is_asked_whole(
    target: EmbeddedDeployment, tmp_path: Path
) -> None:
    part = run("run", "-n", "0", "--profile", "smoke", "--shard", "9/20", env=environment(target), cwd=tmp_path)

    assert part.returncode == 0, part.stdout + part.stderr
    assert "the profile smoke asks some of the items, those that show most for what they cost" in part.stdout

    items = "conformance/fuzz/test_access.py::test_malformed_json"
    completed = run("run", "-n", "0", "--profile", "smoke", items, env=environment(target), cwd=tmp_path)

    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "asks some of the items" not in completed.stdout
    assert report_of(tmp_path / "reports")["totals"]["passed"] > 50
