"""The verdict on a run and on its groups follows from what report.json lists."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.report.groups import GENERAL, groups_of_report, verdict_of_report
from conformance.report.json_report import build_report
from conformance.report.verdict import Selection, decide
from conformance.result import ItemResult, LeftOut
from tests.report import samples
from tests.report.evidence import GROUPED, TAGS, accepted
from tests.report.samples import failing_items, failure, good_items, item, run_of


def verdicts(items: list[ItemResult], selection: Selection = GROUPED, **fields: Any) -> dict[str, str]:
    report = build_report(run_of(items, decide(items, selection, fields.get("troubles", ())), **fields))
    return {group.name: group.verdict for group in groups_of_report(report)}


def wide(*more: str, **fields: Any) -> Selection:
    """A selection of the rules and ``more`` operations."""
    return Selection(GROUPED.catalogue, [*GROUPED.operations, *more], tags=TAGS, **fields)


def test_good_items_are_conformant_in_their_group() -> None:
    assert verdicts(good_items()) == {"Rules": "conformant", GENERAL: "conformant"}


def test_failure_counts_against_the_group_of_its_operation_and_that_of_its_item() -> None:
    failing = item("test_a", None, "RUL-01", outcome="failed")
    failing.failures = [failure("RUL-01", "POST /publish")]
    found = verdicts([*good_items(), failing, item("test_b", "GET /banned")], wide("POST /publish", "GET /banned"))
    assert found == {
        "Rules": "non_conformant", "Publish": "non_conformant", "Banned": "conformant", GENERAL: "conformant",
    }  # fmt: skip


def test_what_is_checked_on_every_answer_counts_where_it_failed() -> None:
    failing = item("test_a", "GET /banned", outcome="failed")
    failing.failures = [failure("GEN-14", "GET /banned")]
    found = verdicts([*good_items(), failing], wide("GET /banned"))
    assert found == {"Rules": "conformant", "Banned": "non_conformant", GENERAL: "non_conformant"}


def test_what_spoils_the_run_spoils_every_group() -> None:
    found = verdicts(good_items(), troubles=["the target was lost"])
    assert found == {"Rules": "inconclusive", GENERAL: "inconclusive"}


def test_what_was_not_selected_was_not_looked_at() -> None:
    found = verdicts(good_items(), wide("GET /banned", complete=False, part="-k rules"))
    assert found == {"Rules": "conformant", "Banned": "not_looked_at", GENERAL: "partial"}


def test_what_is_left_out_is_missing_in_its_group_or_in_all() -> None:
    skipped = item("test_x", "GET /banned", outcome="skipped", omission="chosen", reason="no listener")
    both = [*good_items(), skipped, item("test_y", "GET /banned")]
    assert verdicts(both, wide("GET /banned")) == {"Rules": "conformant", "Banned": "partial", GENERAL: "conformant"}
    version = wide("GET /banned", of_run=[LeftOut("undecided", "another version")])
    assert set(verdicts(both, version).values()) == {"partial"}


def test_waivers_are_told_in_the_group_that_used_them() -> None:
    waived = item("test_a", "GET /banned", outcome="waived")
    waived.failures = [failure("GEN-14", "GET /banned", waived_by="W-1")]
    found = verdicts([*good_items(), waived], wide("GET /banned"))
    assert found["Banned"] == "conformant_with_waivers"
    assert found["Rules"] == "conformant"


def test_counts_of_a_group() -> None:
    (rules, general) = groups_of_report(build_report(accepted(failing_items())))
    assert (rules.requirements, rules.passed, rules.operations, rules.answered) == (2, 0, 4, 0)
    assert (general.requirements, general.operations) == (2, 0)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(samples.items, max_size=6),
    st.lists(st.just("the target was lost"), max_size=1),
    st.booleans(),
    st.booleans(),
)
def test_verdict_follows_from_any_report(
    items: list[ItemResult], troubles: list[str], complete: bool, of_version: bool
) -> None:
    items = [each for each in items if each.outcome != "failed" or any(not one.waived_by for one in each.failures)]
    of_run = [LeftOut("undecided", "another version")] * of_version
    decision = decide(items, wide(complete=complete, of_run=of_run), troubles)
    report = build_report(run_of(items, decision, troubles=troubles))
    assert verdict_of_report(report) == report["verdict"]
    groups = {group.verdict for group in groups_of_report(report)}
    if "non_conformant" in groups:
        assert report["verdict"] == "non_conformant"
    if report["verdict"] == "non_conformant":
        assert "non_conformant" in groups
    if report["verdict"] == "conformant":
        assert groups <= {"conformant", "not_looked_at"}
