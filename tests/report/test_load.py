"""Latencies, changes of the configuration, and coverage of the contract, as the page shows them."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.contract import load_contract
from conformance.latency import BOUNDS_MS, bucket, percentile
from conformance.report.coverage import coverage
from conformance.report.html import render_html
from conformance.report.json_report import build_report
from conformance.report.load import ConfigWrites, Cost, Latency, Scale, latencies, most_expensive
from conformance.report.terminal import costs
from conformance.result import RunResult
from tests.report.samples import OPERATIONS, failing_items, good_items, item, run_of
from tests.report.screens import console_of


@given(st.lists(st.floats(0, 50), min_size=1), st.floats(0.01, 1))
def test_a_percentile_bounds_that_share_of_the_latencies(took: list[float], share: float) -> None:
    found = percentile(Counter(int(bucket(one)) for one in took), share)
    assert found in BOUNDS_MS
    below = [bound for bound in BOUNDS_MS if bound < found]
    assert sum(one * 1000 <= found for one in took) >= share * len(took)
    assert not below or sum(one * 1000 <= below[-1] for one in took) < max(share * len(took), 1)


def test_no_latency_has_no_percentile() -> None:
    assert percentile({}, 0.5) == 0
    assert [bucket(0.0), bucket(0.0011), bucket(0.002), bucket(999)] == ["1", "2", "2", "60000"]


def test_latencies_of_all_items_the_slowest_operation_first() -> None:
    items = [
        item("test_a", "GET /rules", latencies={"GET /rules": {"8": 19, "3000": 1}, "POST /rules": {"50": 2}}),
        item("test_b", "GET /rules", latencies={"GET /rules": {"8": 20}}),
    ]
    run = run_of(items)
    assert latencies(run) == [Latency("POST /rules", 2, 50, 50, 50), Latency("GET /rules", 40, 8, 8, 3000)]
    page = render_html(run)
    assert 'data-latency="POST /rules" data-median="50" data-most="50"' in page
    assert "half within 8 ms, 95 % within 8 ms, all within 3000 ms" in page
    assert 'id="latency"' not in render_html(run_of(good_items()))


@given(st.integers(1, 60000), st.integers(1, 60000))
def test_the_axis_is_monotonous(one: int, other: int) -> None:
    scale = Scale(max(one, other))
    assert 0 <= scale.percent(min(one, other)) <= scale.percent(max(one, other)) <= 100


def with_writes() -> RunResult:
    """A run of two items that wrote, one that did not, and a clean-up at its end."""
    items = [
        item("test_a", "POST /rules", config_writes={"POST /rules": 3}, config_cleanup={"DELETE /rules/{id}": 2}),
        item("test_b", "GET /rules", duration_s=9.0),
        item("test_c", "GET /rules", config_writes={"POST /rules": 1, "PUT /connectors/{id}": 5}),
    ]
    return run_of(items, config_cleanup={"DELETE /rules/{id}": 2, "DELETE /connectors/{id}": 1})


def test_configuration_writes_are_counted_by_operation_and_by_item_with_their_clean_up() -> None:
    run = with_writes()
    by_operation = {"PUT /connectors/{id}": 5, "DELETE /rules/{id}": 4, "POST /rules": 4, "DELETE /connectors/{id}": 1}
    a, b, c = (one.id for one in run.items)
    writes = ConfigWrites.of(run)
    assert writes == ConfigWrites(14, 5, by_operation, {c: 6, a: 5})
    assert list(writes.by_operation.items()) == list(by_operation.items())
    assert build_report(run)["totals"]["config_writes"]["by_item"] == {c: 6, a: 5}
    page = render_html(run)
    assert "14 changes of connectors, actions, rules and schemas were taken, 5 of them in the clean-up" in page
    assert page.index('data-cost="6"') < page.index('data-cost="5"') < page.index('data-cost="0"')
    assert 'id="writes"' not in render_html(run_of(good_items()))
    assert [cost.item for cost in most_expensive(run)] == [c, a, b]
    assert most_expensive(run, 1) == [Cost(c, 6, 4, 0.25)]


def test_the_terminal_lists_the_most_expensive_items() -> None:
    file, run = io.StringIO(), with_writes()
    costs(run, console_of(file), 2)
    assert file.getvalue().splitlines()[1:] == [
        "Most expensive items (14 configuration writes in all, 5 in the clean-up):",
        f"  {run.items[2].id}: 6 writes, 4 requests, 0.2 s",
        f"  {run.items[0].id}: 5 writes, 4 requests, 0.2 s",
    ]


def test_coverage_tells_statuses_that_never_came() -> None:
    contract = load_contract("corrected")
    items = [one for one in failing_items() if one.operation != "DELETE /rules/{id}"]
    run = run_of(items, contract_digest=contract.digest, described_version=contract.version)
    operations, statuses = coverage(run)
    assert (operations.reached, operations.total) == (3, len(OPERATIONS))
    assert [subject.name for subject in operations.missing] == ["DELETE /rules/{id}"]
    of_rules = next(subject for subject in statuses.subjects if subject.name == "GET /rules")
    assert "200" not in of_rules.missed
    assert "401" in of_rules.missed
    assert f"{statuses.reached} of {statuses.total} documented statuses" in render_html(run)
    assert [kind.title for kind in coverage(run_of(failing_items()))] == ["Operations"], "another contract"


@dataclass(slots=True)
class Parts:
    """As a result tells what of a subject was reached."""

    subject: str
    reached: int
    missed: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)


@dataclass
class Richer(RunResult):
    value_classes: list[Parts] = field(default_factory=list)


def test_whatever_else_a_result_tells_of_coverage_is_shown() -> None:
    run = run_of(good_items())
    told = {name: getattr(run, name) for name in RunResult.__dataclass_fields__}
    richer = Richer(**told, value_classes=[Parts("POST /rules", 5, ["sql: empty"], ["name: U+0000"])])
    kind = coverage(richer)[-1]
    assert (kind.title, kind.reached, kind.total) == ("Value classes", 5, 6)
    page = render_html(richer)
    assert "5 of 6 value classes" in page
    assert "sql: empty" in page
    assert "No run can reach: name: U+0000" in page


@pytest.mark.parametrize(("expires", "badge"), [("2026-11-01", "expired"), ("2026-12-01", "soon"), ("2027-12-01", "")])
def test_waivers_tell_when_they_end(expires: str, badge: str) -> None:
    run = run_of(good_items())
    run.waivers[0].expires = run.waivers[1].expires = expires
    section = render_html(run).partition('<section id="waivers"')[2].partition("</section>")[0]
    assert section.count(">expired<") == 2 * (badge == "expired")
    assert section.count(">soon<") == 2 * (badge == "soon")
