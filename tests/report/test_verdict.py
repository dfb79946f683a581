"""A verdict is earned: nothing passes by default, and nothing that went wrong is lost."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.report.verdict import Decision, Selection, decide, exit_code
from conformance.result import ItemResult, LeftOut, Omission, Outcome, PartSelected, Verdict
from tests.report.samples import CATALOGUE, OPERATIONS, SELECTION, failing_items, failure, good_items, item, items
from tests.report.samples import selections as any_selection

FROM_BEST: tuple[Verdict, ...] = ("conformant", "conformant_with_waivers", "partial", "inconclusive", "non_conformant")
some_items = st.lists(items, max_size=5)
troubles = st.lists(st.sampled_from(["interrupted", "a worker died"]), max_size=2)


def outcomes(entries) -> dict[str, Outcome]:
    return {getattr(entry, "id", None) or entry.operation: entry.outcome for entry in entries}


def code(decision: Decision) -> int:
    return exit_code(decision.verdict, decision.left_out)


def skipped(why: Omission | None, reason: str = "no sink") -> ItemResult:
    return item("test_x", None, "RUL-02", outcome="skipped", omission=why, reason=reason)


def test_exit_codes() -> None:
    assert [exit_code(verdict, []) for verdict in FROM_BEST] == [0, 0, 0, 3, 1]


@pytest.mark.parametrize(
    ("why", "verdict", "expected"),
    [
        ("chosen", "partial", 0),
        ("undecided", "partial", 3),
        (None, "partial", 3),
        ("not_demanded", "conformant", 0),
    ],
)
def test_what_was_not_looked_at(why: Omission | None, verdict: Verdict, expected: int) -> None:
    decision = decide([*good_items(), skipped(why)], SELECTION)
    assert (decision.verdict, code(decision)) == (verdict, expected)
    assert set(outcomes(decision.requirements).values()) == {"passed"}


def test_one_thing_undecided_outweighs_all_that_was_chosen() -> None:
    decision = decide([*good_items(), skipped("chosen"), skipped("undecided", "no MQTT"), skipped("chosen")], SELECTION)
    assert (decision.verdict, code(decision)) == ("partial", 3)
    assert decision.reasons[1:] == [
        "Could not be decided: 1 requirement in part.",
        "no MQTT: 1 item; in part: RUL-02.",
        "Left out on the user's word: 1 requirement in part.",
    ]


def test_partial_wins_over_waivers_and_names_them() -> None:
    everything = [*good_items(), skipped("chosen")]
    everything[0].outcome, everything[0].failures = "waived", [failure(waived_by="W-1")]
    decision = decide(everything, SELECTION)
    assert (decision.verdict, code(decision)) == ("partial", 0)
    assert "1 failure waived by W-1." in decision.reasons
    assert "Left out on the user's word: 1 requirement in part." in decision.reasons


@pytest.mark.parametrize(("outcome", "verdict"), [("failed", "non_conformant"), ("not_run", "inconclusive")])
def test_what_went_wrong_wins_over_partial(outcome: Outcome, verdict: Verdict) -> None:
    decision = decide([*good_items(), skipped("undecided"), item("test_y", None, "RUL-01", outcome=outcome)], SELECTION)
    assert decision.verdict == verdict
    assert "Could not be decided: 1 requirement in part." in decision.reasons


@pytest.mark.parametrize("why", ["chosen", "undecided"])
@pytest.mark.parametrize(
    ("some", "verdict"), [(good_items(), "partial"), (failing_items(), "non_conformant"), ([], "inconclusive")]
)
def test_what_concerns_the_whole_run_is_always_told(why: Omission, some: list[ItemResult], verdict: Verdict) -> None:
    of_run = [LeftOut(why, "EMQX 5.10.3 was checked against the contract of 5.8.9")]
    decision = decide(some, Selection(CATALOGUE, OPERATIONS, of_run=of_run))
    assert decision.verdict == verdict
    assert decision.reasons[1] == "EMQX 5.10.3 was checked against the contract of 5.8.9."
    assert verdict != "partial" or code(decision) == (0 if why == "chosen" else 3)
    assert sum("5.10.3" in reason for reason in decision.reasons) == 1


@pytest.mark.parametrize(
    ("selected", "words"),
    [
        (PartSelected(), "some items were deselected"),
        (PartSelected(["a"]), "1 id"),
        (PartSelected(["a", "b"], "rules", "fuzz", ["c"]), "2 ids and -k 'rules' and -m 'fuzz' and --deselect"),
    ],
)
def test_selection_is_named_as_the_user_made_it(selected: PartSelected, words: str) -> None:
    assert selected.words == words


def test_selection_that_touches_everything_is_still_partial() -> None:
    decision = decide(good_items(), Selection(CATALOGUE, OPERATIONS, complete=False, part="-k 'test'"))
    assert (decision.verdict, code(decision)) == ("partial", 0)
    assert "not selected (-k 'test')." in decision.reasons


def test_good_items_are_conformant_in_spite_of_skips() -> None:
    decision = decide(good_items(), SELECTION)
    assert decision.verdict == "conformant"
    assert set(outcomes(decision.requirements).values()) == {"passed"}
    assert set(outcomes(decision.operations).values()) == {"passed"}
    assert decision.reasons == ["4 of 4 requirements and 4 of 4 operations passed; 1 item skipped with a reason."]


def test_everything_at_once() -> None:
    decision = decide(failing_items(), SELECTION, ["interrupted"])
    assert decision.verdict == "non_conformant"
    assert outcomes(decision.requirements) == {
        "GEN-14": "failed", "GEN-15": "failed", "RUL-01": "error", "RUL-02": "not_run",
    }  # fmt: skip
    assert outcomes(decision.operations) == {
        "GET /rules": "failed",
        "POST /rules": "error",
        "GET /rules/{id}": "failed",
        "DELETE /rules/{id}": "not_run",
    }
    reasons = "\n".join(decision.reasons)
    assert "1 cause of 3 failures, 1 of them against a MUST." in reasons
    assert (
        "Every body validates. GET /rules and 1 more: 200: /data/0/enable: 'true' is not of type 'boolean'." in reasons
    )
    assert "interrupted." in reasons
    assert "1 item did not run: test_late is not_run." in reasons


def test_no_item_is_inconclusive() -> None:
    decision = decide([], Selection([], []))
    assert decision.verdict == "inconclusive"
    assert "No item was selected." in decision.reasons


def test_only_skipped_items_are_inconclusive() -> None:
    decision = decide([item("test_a", "GET /rules", outcome="skipped")], Selection([], ["GET /rules"]))
    assert decision.verdict == "inconclusive"
    assert "No item decided anything." in decision.reasons


def test_requirement_without_evidence_did_not_run() -> None:
    everything = good_items()
    for one in everything:
        one.evidence.pop("RUL-02", None)
    decision = decide(everything, SELECTION)
    requirement = next(entry for entry in decision.requirements if entry.id == "RUL-02")
    assert decision.verdict == "inconclusive"
    assert requirement.outcome == "not_run"
    assert requirement.reason == "antecedent never happened: What is deleted is gone."
    assert "RUL-02: antecedent never happened: What is deleted is gone." in decision.reasons


def test_requirement_that_no_item_verifies_did_not_run() -> None:
    everything = [one for one in good_items() if "RUL-01" not in one.requirements]
    decision = decide(everything, SELECTION)
    assert decision.verdict == "inconclusive"
    assert outcomes(decision.requirements)["RUL-01"] == "not_run"


def test_operation_without_an_answer_did_not_run() -> None:
    everything = good_items()
    everything[3].statuses = {}
    decision = decide(everything, SELECTION)
    assert decision.verdict == "inconclusive"
    assert outcomes(decision.operations)["DELETE /rules/{id}"] == "not_run"


def test_skipped_requirement_joins_distinct_reasons() -> None:
    everything = [
        *good_items()[:2],
        item("test_a", "GET /rules/{id}", "RUL-02", outcome="skipped", omission="chosen", reason="no MQTT"),
        item("test_b", "GET /rules/{id}", "RUL-02", outcome="skipped", omission="chosen", reason="no MQTT"),
        item("test_c", "DELETE /rules/{id}", "RUL-02", outcome="skipped", omission="chosen", reason="no sink"),
    ]
    decision = decide(everything, SELECTION)
    requirement = next(entry for entry in decision.requirements if entry.id == "RUL-02")
    assert decision.verdict == "partial"
    assert (requirement.outcome, requirement.reason) == ("skipped", "no MQTT; no sink")
    assert outcomes(decision.operations)["GET /rules/{id}"] == "skipped"


def test_waived_failures_need_no_better_verdict_than_waived() -> None:
    everything = good_items()
    everything[0].outcome, everything[0].reason = "waived", "waived by W-1"
    everything[0].failures = [failure(waived_by="W-1")]
    decision = decide(everything, SELECTION)
    assert decision.verdict == "conformant_with_waivers"
    assert "1 failure waived by W-1." in decision.reasons
    assert outcomes(decision.requirements) == {
        "GEN-14": "waived", "GEN-15": "passed", "RUL-01": "passed", "RUL-02": "passed",
    }  # fmt: skip


def test_failure_is_held_against_what_it_names_alone() -> None:
    everything = good_items()
    everything[0].outcome, everything[0].failures = "failed", [failure("GEN-14", "GET /rules")]
    decision = decide(everything, SELECTION)
    requirement = next(entry for entry in decision.requirements if entry.id == "RUL-01")
    assert outcomes(decision.requirements)["GEN-14"] == "failed"
    assert (requirement.outcome, requirement.reason) == ("not_run", "not decided: 1 item failed on GEN-14")
    assert outcomes(decision.operations)["POST /rules"] == "passed"


def test_failed_item_without_failures_is_held_against_all_it_is_about() -> None:
    everything = good_items()
    everything[0].outcome = "failed"
    decision = decide(everything, SELECTION)
    assert decision.verdict == "non_conformant"
    assert outcomes(decision.requirements)["RUL-01"] == "failed"
    assert outcomes(decision.operations)["GET /rules"] == "failed"


def test_names_outside_the_catalogue_are_accounted_for() -> None:
    everything = [*good_items(), item("test_x", "PATCH /rules", "XXX-01", outcome="failed")]
    everything[-1].failures = [failure("YYY-01", "PATCH /rules")]
    decision = decide(everything, SELECTION)
    assert outcomes(decision.requirements)["YYY-01"] == "failed"
    assert outcomes(decision.operations)["PATCH /rules"] == "failed"


def test_partial_selection_accounts_for_what_it_touches_and_says_so() -> None:
    selection = Selection(CATALOGUE, OPERATIONS, complete=False, part="-k 'GET /rules'")
    decision = decide(good_items()[:1], selection)
    assert (decision.verdict, code(decision)) == ("partial", 0)
    assert outcomes(decision.requirements) == {
        "GEN-14": "passed", "GEN-15": "passed", "RUL-01": "passed", "RUL-02": "not_selected",
    }  # fmt: skip
    assert outcomes(decision.operations) == {
        "GET /rules": "passed", **dict.fromkeys(OPERATIONS[1:], "not_selected"),
    }  # fmt: skip
    assert decision.requirements[-1].reason == "not selected (-k 'GET /rules')"
    assert decision.reasons == [
        "3 of 4 requirements and 1 of 4 operations passed.",
        "Left out on the user's word: 1 requirement, and 2 in part.",
    ]


@settings(max_examples=50)
@given(some_items, any_selection, troubles)
def test_unwaived_failure_is_never_conformant(some: list[ItemResult], selection: Selection, spoilt: list[str]) -> None:
    decision = decide(some, selection, spoilt)
    if any(found.waived_by is None for one in some for found in one.failures):
        assert decision.verdict == "non_conformant"
    if spoilt or any(one.outcome in ("error", "not_run") for one in some):
        assert code(decision) != 0


@settings(max_examples=50)
@given(some_items, any_selection)
def test_conformant_means_all_is_accounted_for(some: list[ItemResult], selection: Selection) -> None:
    decision = decide(some, selection)
    assert {entry.id for entry in selection.catalogue} <= {entry.id for entry in decision.requirements}
    assert set(selection.operations) <= {entry.operation for entry in decision.operations}
    if code(decision) == 0:
        looked_at = {"passed", "waived", "skipped"} | ({"not_selected"} if not selection.complete else set())
        assert {entry.outcome for entry in decision.requirements} <= looked_at
        assert {entry.outcome for entry in decision.operations} <= looked_at
    if decision.verdict in ("conformant", "conformant_with_waivers"):
        assert selection.complete
        assert {one.omission for one in some if one.outcome == "skipped"} <= {"not_demanded"}
    if decision.verdict == "partial":
        undecided = [one for one in some if one.outcome == "skipped" and one.omission in (None, "undecided")]
        assert code(decision) == (3 if undecided else 0)
    for requirement in decision.requirements:
        if requirement.outcome == "passed":
            assert sum(one.evidence.get(requirement.id, 0) for one in some) > 0
            own = [one.outcome for one in some if requirement.id in one.requirements]
            assert not own or "passed" in own
            assert "failed" not in own
            assert "error" not in own
        else:
            assert requirement.reason
    assert decision.verdict == "inconclusive" or some


@settings(max_examples=50)
@given(some_items, any_selection, troubles, st.data())
def test_failure_never_improves_the_verdict(
    some: list[ItemResult], selection: Selection, spoilt: list[str], data: st.DataObject
) -> None:
    before = decide(some, selection, spoilt).verdict
    worse = deepcopy(some) or [item("test_x", "GET /rules")]
    data.draw(st.sampled_from(worse)).failures.append(failure(data.draw(st.sampled_from(["GEN-14", "RUL-01"]))))
    assert FROM_BEST.index(decide(worse, selection, spoilt).verdict) >= FROM_BEST.index(before)


@given(st.sampled_from(range(4)), st.sampled_from(["missing", "not_run", "error", "no evidence"]))
def test_spoiling_one_good_item_is_noticed(index: int, how: str) -> None:
    everything = good_items()
    if how == "missing":
        del everything[index]
    elif how == "no evidence":
        everything[index].statuses = {}
    else:
        everything[index].outcome = how  # type: ignore[assignment]
    assert decide(everything, SELECTION).verdict == "inconclusive"


@pytest.mark.parametrize("trouble", ["the target stopped answering", "left behind: rule cft-1"])
def test_trouble_makes_good_items_inconclusive(trouble: str) -> None:
    decision = decide(good_items(), SELECTION, [trouble])
    assert decision.verdict == "inconclusive"
    assert f"{trouble}." in decision.reasons
