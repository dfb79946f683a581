"""What was not looked at is told, grouped by why, with the numbers of requirements; nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.report.left_out import left_out, of_version, sentence, summed_up, tally
from conformance.report.verdict import Selection, decide, exit_code
from conformance.requirements import Requirement
from conformance.result import ItemResult, LeftOut, Omission, OperationResult, RequirementResult
from conformance.target.guard.mode import Mode
from tests.report.samples import CATALOGUE, item, items
from tests.report.samples import selections as any_selection


def skipped(operation: str | None, *requirements: str, needed: str | None = None, **fields: str) -> ItemResult:
    fields = {"omission": "chosen", **fields}
    return item("test_x", operation, *requirements, outcome="skipped", needs_mode=needed, **fields)


def told(some: list[ItemResult], mode: Mode) -> list[str]:
    decision = decide(some, Selection([], [], mode=mode))
    return [sentence(entry) for entry in decision.left_out]


def test_nothing_is_said_if_nothing_was_left_out() -> None:
    assert told([item("test_a", "GET /rules", "RUL-01")], Mode.EXCLUSIVE) == []


def test_what_a_mode_leaves_out_is_named_with_the_option_that_includes_it() -> None:
    some = [
        item("test_a", "DELETE /rules/{id}", "RUL-01"),
        skipped("DELETE /banned", "BAN-01", needed="exclusive"),
        skipped("DELETE /rules/{id}", "RUL-01", needed="exclusive"),
        skipped(None, "SCH-05", needed="disposable"),
    ]
    assert told(some, Mode.SANDBOXED) == [
        "needs --exclusive: 2 items; not looked at: DELETE /banned and BAN-01; in part: RUL-01",
        "needs --disposable: 1 item; not looked at: SCH-05",
    ]


def test_what_does_not_count_is_no_reason_of_a_mode() -> None:
    some = [
        skipped("DELETE /banned", "GEN-38", needed="exclusive", omission="not_demanded", reason="provisional, and it"),
        skipped("POST /rules", "GEN-38", needed="sandboxed", omission="not_demanded", reason="provisional, and that"),
    ]
    (line,) = told(some, Mode.SANDBOXED)
    assert line.startswith("provisional, and left out by the mode of the run: 2 items; not looked at: ")


def test_long_lists_are_counted() -> None:
    some = [skipped(f"POST /{name}", needed="exclusive" if name == "f" else "sandboxed") for name in "abcdef"]
    assert told(some, Mode.READ_ONLY) == [
        "left out by --read-only: 6 items; not looked at: 6 operations (POST /a, POST /b, POST /c, POST /d, ...)"
    ]


def test_requirement_on_answers_to_writes_is_left_out_of_a_read_only_run() -> None:
    empty = Requirement("GEN-13", "A 204 has no body.", "MUST", universal=True, of_writes=True)
    some = [item("test_a", "GET /rules", evidence={})]
    read_only = decide(some, Selection([empty], ["GET /rules"], mode=Mode.READ_ONLY))
    assert (read_only.verdict, exit_code(read_only.verdict, read_only.left_out)) == ("partial", 0)
    assert read_only.requirements[0].outcome == "skipped"
    assert "--read-only" in read_only.requirements[0].reason
    assert decide(some, Selection([empty], ["GET /rules"])).verdict == "inconclusive"


def test_what_nothing_was_looked_at_of_counts_once_with_the_gravest_reason() -> None:
    some = [
        item("test_a", None, "A", "B"),
        skipped(None, "A", "C", "D", reason="no sink", omission="undecided"),
        skipped(None, "A", "B", "C", "E", reason="no key"),
        skipped(None, "D", "E", "F", reason="only before 5.8.2", omission="not_demanded"),
    ]
    entries = decide(some, Selection([], [])).left_out
    assert [(entry.why, entry.requirements, entry.partly) for entry in entries] == [
        ("undecided", ["C", "D"], ["A"]),
        ("chosen", ["C", "E"], ["A", "B"]),
        ("not_demanded", ["D", "E", "F"], []),
    ]
    assert tally(entries) == {"undecided": (2, 1), "chosen": (1, 2), "not_demanded": (1, 0)}
    assert [line for line, _ in summed_up(entries)] == [
        "Could not be decided: 2 requirements, and 1 in part",
        "Left out on the user's word: 1 requirement, and 2 in part",
        "Not demanded: 1 requirement",
    ]


def test_skip_that_does_not_say_why_leaves_it_undecided() -> None:
    plain = item("test_x", None, "RUL-01", outcome="skipped", reason="who knows")
    assert [entry.why for entry in decide([plain], Selection([], [])).left_out] == ["undecided"]


@settings(max_examples=50)
@given(st.lists(items, max_size=6), any_selection)
def test_every_skipped_item_and_requirement_is_accounted_for(some: list[ItemResult], selection: Selection) -> None:
    decision = decide(some, selection)
    assert sum(entry.items for entry in decision.left_out) == sum(one.outcome == "skipped" for one in some)
    untouched = {entry.id for entry in decision.requirements if entry.outcome in ("skipped", "not_selected")}
    assert {identifier for entry in decision.left_out for identifier in entry.requirements} == untouched
    assert sum(count for count, _ in tally(decision.left_out).values()) == len(untouched)


AGAINST = "checked against the contract of 5.8.9"


@pytest.mark.parametrize(
    ("version", "named", "why", "reason"),
    [
        ("5.8.9", None, None, ""),
        ("e5.8.9-rc.1", None, None, ""),
        ("5.8.9-g1234", "5.8.9", None, ""),
        (None, "5.8.9", None, ""),
        ("5.10.3", None, "undecided", f"EMQX 5.10.3 has no contract of its own here: it was {AGAINST}"),
        ("5.10.3-rc.1", "5.10.3", "undecided", f"EMQX 5.10.3-rc.1 has no contract of its own here: it was {AGAINST}"),
        ("5.8.9", "6.0", "undecided", f"there is no contract of EMQX 6.0, which --emqx-version names: {AGAINST}"),
        ("5.10.3", "5.8.9", "chosen", f"EMQX 5.10.3 was {AGAINST}, as --emqx-version says"),
        ("banana", "5.8.9", "chosen", f"EMQX banana was {AGAINST}, as --emqx-version says"),
        (None, None, "undecided", f"the target does not tell its version: it was {AGAINST}; --emqx-version names one"),
    ],
)
def test_version_without_a_contract_of_its_own(
    version: str | None, named: str | None, why: Omission | None, reason: str
) -> None:
    entry = of_version(version, named, "5.8.9")
    assert (entry.why, entry.reason) == (why, reason) if entry is not None else (why is None)


@given(st.text(), st.sampled_from(["5.8.9", "5.10.3"]))
def test_whatever_a_target_calls_its_version_is_told(version: str, named: str) -> None:
    entry = of_version(version, named, "5.8.9")
    assert entry is None or (AGAINST in entry.reason and len(entry.reason) < 200)


def test_operations_that_were_looked_at_are_not_listed() -> None:
    some = [skipped("GET /a", "A"), skipped("GET /b", "A")]
    requirements = [RequirementResult("A", "", "MUST", "skipped", [])]
    operations = [OperationResult("GET /a", 1, {}, "passed"), OperationResult("GET /b", 0, {}, "skipped")]
    entries = left_out(some, requirements, operations, Mode.SANDBOXED)
    assert {operation for entry in entries for operation in entry.operations} == {"GET /b"}


def test_requirements_on_every_answer_are_looked_at_in_part_where_an_operation_gave_none() -> None:
    some = [item("test_a", "GET /rules", "RUL-01"), skipped("DELETE /rules/{id}", "RUL-02", reason="no sink")]
    (entry,) = decide(some, Selection(CATALOGUE, ["GET /rules", "DELETE /rules/{id}"])).left_out
    assert (entry.requirements, entry.partly, entry.operations) == (
        ["RUL-02"], ["GEN-14", "GEN-15"], ["DELETE /rules/{id}"],
    )  # fmt: skip
    (entry,) = decide(some[:1], Selection(CATALOGUE, ["GET /rules", "GET /a"], complete=False, part="1 id")).left_out
    assert sentence(entry) == "not selected (1 id): not looked at: GET /a and RUL-02; in part: GEN-14, GEN-15"


def test_entry_about_the_run_is_its_reason() -> None:
    assert sentence(LeftOut("chosen", "everything else")) == "everything else"


def test_requests_that_single_items_did_not_send_are_counted() -> None:
    some = [
        item("test_a", "POST /rules", "GEN-18", withheld={"disposable": 2}),
        item("test_b", "POST /rules", "GEN-29", withheld={"disposable": 1, "exclusive": 1}),
        item("test_c", "POST /rules", "GEN-29", outcome="skipped", needs_mode="disposable", withheld={"disposable": 9}),
    ]
    told = {entry.reason: entry.partly for entry in left_out(some, [], [], Mode.SANDBOXED) if not entry.items}
    assert told == {
        "sandboxed: 2 items would send 3 requests more with --disposable": ["GEN-18", "GEN-29"],
        "sandboxed: 1 item would send 1 request more with --exclusive": ["GEN-29"],
    }
