"""Costs of items: from the run before, from the shipped table, and estimated."""

from __future__ import annotations

import json
import re

import pytest

from conformance.report.errors import ReportError
from conformance.report.storage import write_run
from conformance.result import ItemResult, RunResult
from conformance.run.costs import Cost, Costs, costs_of, read_costs, shipped_costs, table_of, write_price
from conformance.run.node_ids import PACKAGE
from tests.report.samples import run_of

MODULE = "conformance/scenarios/test_rules.py"


def item(identifier, **fields):
    return ItemResult(identifier, ("RUL-01",), None, **{"outcome": "passed", **fields})


def written(name, seconds, writes, **fields):
    """An item of ``seconds`` with creations of rules that took 0.2 s each, which are deleted after it."""
    return item(
        f"{MODULE}::{name}",
        duration_s=seconds,
        config_writes={"POST /rules": writes},
        config_cleanup={"DELETE /rules/{id}": writes},
        latencies={"POST /rules": {"200": writes}, "GET /rules": {"5": 5}},
        **fields,
    )


@pytest.fixture
def run() -> RunResult:
    return run_of(
        [
            written("test_created[a]", 1.0, 2),
            written("test_created[b]", 1.2, 2),
            written("test_created[c]", 7.0, 4),
            written("test_left_out", 0.0, 0, outcome="skipped"),
            item("conformance/checks/whole_run.py::leaves_nothing", duration_s=9.0),
        ]
    )


def test_seconds_of_an_item_are_told_apart_from_its_writes_and_those_of_its_clean_up(run):
    cost = costs_of(run).of(f"{MODULE}::test_created[a]")

    assert write_price(run.items) == 0.2
    assert cost.seconds == pytest.approx(0.6)
    assert cost.writes == 4, "two creations, which two deletions undo after the item"
    assert cost.at(0.5) == pytest.approx(2.6)


def test_deletions_of_an_item_itself_are_not_counted_again():
    own = item(
        f"{MODULE}::test_deleted",
        duration_s=1.0,
        statuses={"POST /publish": {"200": 9}},
        config_writes={"POST /rules": 2, "DELETE /rules/{id}": 2},
    )
    assert costs_of(run_of([own])).of(own.id) == Cost(1.0, 4, 9)


def test_an_unknown_item_costs_what_its_function_does_then_its_module_then_all(run):
    known = costs_of(run)
    mean = pytest.approx((0.6 + 0.8 + 6.2) / 3)

    assert known.of(f"{MODULE}::test_created[new]").seconds == mean
    assert known.of(f"{MODULE}::test_other").seconds == mean
    assert known.of("acme/test_bans.py::test_reason").seconds == mean
    assert Costs().of("acme/test_bans.py::test_reason").at() > 0


def test_what_did_not_run_before_is_looked_up_elsewhere(run):
    elsewhere = Costs(functions={f"{MODULE}::test_left_out": Cost(3.0, 1)})

    assert f"{MODULE}::test_left_out" not in costs_of(run).functions
    assert costs_of(run, elsewhere).of(f"{MODULE}::test_left_out") == Cost(3.0, 1)


def test_costs_are_read_from_a_stored_run(run, tmp_path):
    file = write_run(run, tmp_path)

    for named in (tmp_path, file):
        assert read_costs(named).of(f"{MODULE}::test_created[a]").writes == 4
    assert read_costs(tmp_path).fallback is shipped_costs()
    with pytest.raises(ReportError, match="there is no"):
        read_costs(tmp_path / "nowhere")


def test_table_keeps_the_median_of_a_function_and_what_differs_from_it(run):
    table = table_of(run)

    assert table["functions"] == {
        f"{MODULE}::test_created": {"typical": [0.8, 4, 0, 0], "items": {"[c]": [6.2, 8, 0, 0]}},
    }
    assert json.loads(json.dumps(table)) == table


def test_what_an_item_pays_where_no_other_has_paid_is_told_besides(run):
    alone = run_of([written("test_created[a]", 9.0, 5), written("test_left_out", 0.3, 1)])
    known = table_of(run, [alone])["functions"]

    created = known[f"{MODULE}::test_created"]
    assert created["typical"] == [0.8, 4, 0, 0], "the seconds and writes are those of the whole run"
    assert created["items"]["[a]"] == [0.6, 4, 0, 6]
    assert known[f"{MODULE}::test_left_out"]["typical"] == [0.1, 2, 0, 0]
    assert Cost(0.6, 4, 0, 6).alone == Cost(0.6, 10)


def test_what_an_item_may_have_to_make_is_known_from_elsewhere(run):
    elsewhere = Costs({f"{MODULE}::test_created[a]": Cost(9.0, 1, 0, 7), f"{MODULE}::test_created[c]": Cost(9.0, 1)})
    known = costs_of(run, elsewhere)
    assert known.of(f"{MODULE}::test_created[a]").unshared == 4
    assert known.of(f"{MODULE}::test_created[c]").unshared == 0


def test_functions_that_write_are_known_by_any_of_their_items():
    costs = Costs(
        {"m::a[x]": Cost(1), "m::a[y]": Cost(1, 2), "m::b[x]": Cost(1)},
        {"m::a": Cost(1), "m::d": Cost(1, unshared=2)},
        Costs({"m::c": Cost(1, 1)}),
    )

    assert costs.writing() == {"m::a", "m::c", "m::d"}


def test_distance_is_paid_with_every_request():
    assert Cost(1.0, 2, 10).at(0.2, 0.05) == pytest.approx(1.9)


def test_shipped_table_knows_the_suite():
    known = set(shipped_costs().functions)
    there = {
        f"{file.relative_to(PACKAGE.parent).as_posix()}::{name}"
        for file in PACKAGE.glob("*/test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    # Not all of them: whoever adds or renames a test need not measure again.
    assert len(known & there) > 0.8 * len(there), "measure again: python benchmarks/item_costs.py DIR"


def test_shipped_costs_tell_cheap_from_dear():
    table = shipped_costs()
    types = "conformance/scenarios/test_types.py::test_connector"

    assert all(cost.seconds >= 0 and cost.writes >= 0 for cost in (*table.items.values(), *table.functions.values()))
    assert table.of(f"{types}[http]").writes > 0
    assert table.of("conformance/fuzz/test_access.py::test_no_credentials[GET /rules]").at() < 0.1
    assert table.of(f"{types}[http]").at() > table.of(f"{types}[http]").at(0)
