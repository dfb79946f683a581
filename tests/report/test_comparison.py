"""What a comparison of two runs tells besides failures, and its formats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from conformance.report.comparison import Comparison, compare
from conformance.report.comparison_formats import COMPARISON_FORMATS, overview, render_json, render_text
from conformance.report.json_report import build_report
from conformance.report.schemas import schema
from conformance.result import RunResult, ValuesResult
from tests.report.samples import failing_items, good_items, hostile_items, item, run_of, runs

SCHEMA = Draft202012Validator(schema("comparison.json"))


def compared(old: RunResult, new: RunResult) -> Comparison:
    return compare(build_report(old), build_report(new))


def at_speed(**buckets: Mapping[str, int]) -> RunResult:
    items = [item("test_fast", "GET /rules", "RUL-01", latencies={"GET /rules": buckets[name]}) for name in buckets]
    for one in items:
        one.statuses = {"GET /rules": {"200": sum(one.latencies["GET /rules"].values())}}
    return run_of([*good_items()[1:], *items])


def test_slower_operations_are_told_and_make_no_run_worse() -> None:
    fast, slow = at_speed(all={"5": 30, "13": 3}), at_speed(all={"13": 10, "50": 23})
    comparison = compared(fast, slow)
    (entry,) = comparison.slower
    assert (entry.name, entry.before, entry.after) == (
        "GET /rules", "half within 5 ms, 95 % within 13 ms", "half within 50 ms, 95 % within 50 ms",
    )  # fmt: skip
    assert not comparison.worse
    assert "Slower operations (1)\n  GET /rules: half within 5 ms" in render_text(comparison)
    assert compared(slow, fast).slower == []


@pytest.mark.parametrize(("before", "after"), [
    ({"1": 30}, {"13": 30}),  # nobody feels it
    ({"30": 30}, {"50": 30}),  # the next bucket
    ({"5": 19}, {"500": 30}),  # too few to say
])  # fmt: skip
def test_what_is_no_slowness(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    assert compared(at_speed(all=before), at_speed(all=after)).slower == []


def test_reports_without_latencies_are_compared() -> None:
    old, new = (build_report(at_speed(all={bucket: 30})) for bucket in ("5", "500"))
    for operation in old["operations"]:
        del operation["latency_ms"]
    assert compare(old, new).slower == []
    assert compare(new, old).slower == []


def test_value_classes_that_are_not_taken_any_more() -> None:
    def sent(*missed: str) -> RunResult:
        return run_of(good_items(), values=[ValuesResult("POST /rules", 4, 4 - len(missed), list(missed))])

    comparison = compared(sent("/a = 1"), sent("/a = 1", "/b = 2", "/c = 3"))
    assert [(entry.name, entry.after) for entry in comparison.values] == [
        ("POST /rules", "not taken: /b = 2 and 1 more")
    ]
    assert not comparison.worse
    assert compared(sent("/a = 1"), sent()).values == []
    assert compared(run_of(good_items()), sent("/a = 1")).values == []


def test_what_the_runs_differ_in() -> None:
    old = run_of(good_items())
    new = run_of(good_items(), target_version="5.9.0", contract_digest="sha256:" + "b" * 64, seed=7, profile="deep",
                 deployment=["edition Enterprise, 1 node"], more_seeds=[8, 9])  # fmt: skip
    told = {entry.name: (entry.before, entry.after) for entry in compared(old, new).runs}
    assert told["version of the target"] == ("5.8.9", "5.9.0")
    assert told["profile"] == ("standard", "deep")
    assert told["configuration of the target"] == ("what no rule decides is denied", "none")
    assert told["other seeds"] == ("none", "8; 9")
    assert told.keys() == {
        "version of the target", "contract", "seed", "other seeds", "profile", "configuration of the target",
    }  # fmt: skip
    assert compared(old, run_of(good_items())).runs == []


def test_causes_are_summed_up_and_say_what_their_checks_are() -> None:
    comparison = compared(run_of(good_items()), run_of(failing_items()))
    assert overview(comparison) == "1 cause new."
    assert overview(compared(run_of(good_items()), run_of(good_items()))) == "No cause in either run."
    short, long = render_text(comparison), render_text(comparison, details=True)
    assert "by operation and check" not in short
    assert "New failures, by operation and check" in long


class Reader(HTMLParser):
    """Counts the elements of a page by their names, and keeps its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: dict[str, int] = {}
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] = self.elements.get(tag, 0) + 1

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_holds_every_entry_and_nothing_acts() -> None:
    old, new = run_of(good_items(), seed=1), run_of([*failing_items(), *hostile_items()])
    comparison = compared(old, new)
    page = Reader(COMPARISON_FORMATS["html"](comparison))
    assert not page.elements.keys() & {"script", "img"}
    parts = (comparison.causes, comparison.requirements, comparison.operations, comparison.checks)
    entries = [entry for part in parts for found in part.values() for entry in found]
    headers = sum(1 for part in parts for _ in part.values())
    others = [comparison.values, comparison.slower, comparison.runs]
    rows = len(entries) + headers + sum(len(found) + 1 for found in others if found)
    assert page.elements["tr"] == rows
    assert "Conformant → Non-conformant" in page.text
    assert "\x1b" not in page.text


def test_page_of_nothing_says_so() -> None:
    assert "nothing changed" in Reader(COMPARISON_FORMATS["html"](compared(at_speed(), at_speed()))).text


@given(runs, runs)
def test_every_comparison_fits_the_schema(old: RunResult, new: RunResult) -> None:
    comparison = compared(old, new)
    document: dict[str, Any] = json.loads(render_json(comparison))
    SCHEMA.validate(document)
    assert document["worse"] is comparison.worse
    assert render_text(comparison).endswith("\nworse\n" if comparison.worse else "\nno worse\n")
