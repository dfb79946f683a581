"""``report`` and ``diff`` through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from conformance.commands.report import diff, report
from conformance.report.comparison import compare
from conformance.report.comparison_formats import render_text
from conformance.report.json_report import build_report
from conformance.report.verdict import Selection, decide
from conformance.report.writers import write_reports
from conformance.result import ItemResult
from tests.report.samples import CATALOGUE, OPERATIONS, failing_items, failure, good_items, hostile_items, run_of


def invoke(command, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def stored(folder: Path, items: list[ItemResult], *, complete: bool = True) -> Path:
    write_reports(run_of(items, decide(items, Selection(CATALOGUE, OPERATIONS, complete))), folder)
    return folder


def with_failure(**fields: str) -> list[ItemResult]:
    items = good_items()
    items[0].failures = [failure(**fields)]
    items[0].outcome = "waived" if fields.get("waived_by") else "failed"
    return items


@pytest.mark.parametrize(("form", "name"), [("html", "index.html"), ("junit", "junit.xml"), ("json", "report.json")])
def test_files_are_written_again_as_they_were(tmp_path: Path, form: str, name: str) -> None:
    file = stored(tmp_path, hostile_items()) / name
    first = file.read_bytes()
    file.unlink()
    result = invoke(report, tmp_path, "--format", form)
    assert (result.exit_code, result.output) == (0, f"{file}\n")
    assert file.read_bytes() == first
    other = tmp_path / "other"
    assert invoke(report, tmp_path, "--format", form, "-o", other).output == f"{other}\n"
    assert other.read_bytes() == first


def test_standard_output(tmp_path: Path) -> None:
    stored(tmp_path, failing_items())
    assert json.loads(invoke(report, tmp_path, "--format", "json", "-o", "-").output)["verdict"] == "non_conformant"
    assert ElementTree.fromstring(invoke(report, tmp_path, "--format", "junit", "-o", "-").output.encode()) is not None


def test_terminal_is_the_default_and_so_is_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path / "reports", failing_items())
    monkeypatch.chdir(tmp_path)
    result = invoke(report)
    assert result.exit_code == 0
    assert "Verdict: NON CONFORMANT" in result.output


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff"])
def test_bad_run_is_one_sentence_and_2(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    result = invoke(report, tmp_path)
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert len(result.output.splitlines()) == 1


def test_wrong_usage_is_2(tmp_path: Path) -> None:
    stored(tmp_path, good_items())
    assert invoke(report, tmp_path, "--format", "pdf").exit_code == 2
    assert invoke(report, tmp_path, "-o", tmp_path / "x").exit_code == 2
    assert invoke(report, tmp_path, "--format", "html", "-o", tmp_path / "run.json" / "x").exit_code == 2


def test_same_run_is_no_worse(tmp_path: Path) -> None:
    folder = stored(tmp_path, failing_items())
    result = invoke(diff, folder, folder / "report.json", "--details")
    assert result.exit_code == 0
    assert "verdict: non conformant -> non conformant" in result.output
    assert "Still failing, by operation and check (3)" in result.output
    assert result.output.endswith("\nno worse\n")


def test_new_failure_is_worse_and_fixing_it_is_not(tmp_path: Path) -> None:
    good, bad = stored(tmp_path / "good", good_items()), stored(tmp_path / "bad", with_failure())
    worse, better = invoke(diff, good, bad, "--details"), invoke(diff, bad, good, "--details")
    assert (worse.exit_code, better.exit_code) == (1, 0)
    assert "verdict: conformant -> non conformant" in worse.output
    assert "New failures, by requirement (1)\n  Every body validates. (GEN-14): passed -> failed" in worse.output
    assert "  GET /rules: response_schema: no failure -> 1 failure" in worse.output
    assert "Fixed, by requirement (1)\n  Every body validates. (GEN-14): failed -> passed" in better.output
    assert "  GET /rules: response_schema: 1 failure -> no failure" in better.output


def test_causes_come_first(tmp_path: Path) -> None:
    good, bad = stored(tmp_path / "good", good_items()), stored(tmp_path / "bad", with_failure())
    waived = stored(tmp_path / "waived", with_failure(waived_by="W-1"))
    part = stored(tmp_path / "part", good_items()[1:], complete=False)
    headline = "Every body validates. GET /rules: 200: /data/0/enable: 'true' is not of type 'boolean'"
    for old, new, title, change in (
        (good, bad, "New failures", "no failure -> 1 failure"),
        (bad, bad, "Still failing", "1 failure -> 1 failure"),
        (bad, good, "Fixed", "1 failure -> no failure"),
        (bad, waived, "Waived now", "1 failure -> 1 failure waived"),
        (bad, part, "Not decided any more", "1 failure -> no request was answered"),
    ):
        assert f"\n{title}, by cause (1)\n  {headline}: {change}\n" in invoke(diff, old, new).output


def test_reports_without_causes_are_compared_by_their_failures() -> None:
    old, new = build_report(run_of(with_failure())), build_report(run_of(with_failure()))
    del old["causes"]
    for one in old["failures"]:
        del one["cause"]
    comparison = compare(old, new)
    assert list(comparison.causes) == ["still_failing"]
    assert not comparison.worse
    assert compare(new, old).causes == {}


def test_waived_failure_is_a_worse_verdict_but_no_new_failure(tmp_path: Path) -> None:
    good, bad = stored(tmp_path / "good", good_items()), stored(tmp_path / "bad", with_failure())
    waived = stored(tmp_path / "waived", with_failure(waived_by="W-1"))
    result = invoke(diff, good, waived)
    assert result.exit_code == 1
    assert "New failures" not in result.output
    assert "Changed outcome, by requirement (1)\n  Every body validates. (GEN-14): passed -> waived" in result.output
    better = invoke(diff, bad, waived, "--details")
    assert better.exit_code == 0
    assert "Fixed" not in better.output
    assert "Waived now, by requirement (1)\n  Every body validates. (GEN-14): failed -> waived" in better.output
    assert "  GET /rules: response_schema: 1 failure -> 1 failure waived" in better.output


def test_what_no_longer_runs_is_worse(tmp_path: Path) -> None:
    good, bad = stored(tmp_path / "good", good_items()), stored(tmp_path / "bad", with_failure())
    part = stored(tmp_path / "part", good_items()[1:], complete=False)
    result = invoke(diff, bad, part, "--details")
    assert result.exit_code == 1
    assert "  GET /rules: response_schema: 1 failure -> no request was answered" in result.output
    less = good_items()
    less[2].outcome = "error"
    result = invoke(diff, good, stored(tmp_path / "less", less))
    assert result.exit_code == 1
    assert (
        "Not decided any more, by requirement (1)\n  What is deleted is gone. (RUL-02): passed -> error"
        in result.output
    )


def skipped_items() -> list[ItemResult]:
    """As `good_items`, but RUL-02 is skipped."""
    items = good_items()
    for one in items[2:]:
        one.outcome, one.reason, one.evidence = "skipped", "no sink", {}
        one.omission = "not_demanded"
    return items


def test_skipping_what_was_decided_is_worse_and_deciding_what_was_skipped_is_not() -> None:
    decided, skipped = build_report(run_of(good_items())), build_report(run_of(skipped_items()))
    comparison = compare(decided, skipped)
    assert [entry.name for entry in comparison.requirements["undecided"]] == ["RUL-02"]
    assert comparison.worse
    comparison = compare(skipped, decided)
    assert [entry.name for entry in comparison.requirements["changed"]] == ["RUL-02"]
    assert not comparison.worse


def test_less_than_before_is_worse() -> None:
    items = good_items()
    items[-1].omission = "chosen"
    whole, part = build_report(run_of(good_items())), build_report(run_of(items))
    assert (whole["verdict"], part["verdict"]) == ("conformant", "partial")
    assert compare(whole, part).worse
    assert not compare(part, whole).worse


def test_what_is_not_selected_any_more_is_worse(tmp_path: Path) -> None:
    good = stored(tmp_path / "good", good_items())
    result = invoke(diff, good, stored(tmp_path / "part", good_items()[:1], complete=False))
    assert result.exit_code == 1
    assert "Not decided any more, by requirement (1)\n  What is deleted is gone. (RUL-02): passed -> " in result.output


def test_failure_whose_requirement_is_not_decided_any_more_is_not_fixed() -> None:
    items = good_items()
    items[2].failures = [failure("RUL-02", items[2].operation)]
    items[2].outcome = "failed"
    skipped = build_report(run_of(skipped_items()))
    for operation in skipped["operations"]:
        operation["requests"] = 1
    comparison = compare(build_report(run_of(items)), skipped)
    assert "fixed" not in comparison.checks
    assert [entry.after for entry in comparison.checks["undecided"]] == ["RUL-02 not decided"]
    assert [(entry.before, entry.after) for entry in comparison.requirements["undecided"]] == [("failed", "skipped")]
    assert comparison.worse


def test_operation_that_nobody_asked_is_worse() -> None:
    """What every operation must do may have passed without it."""
    before, after = (build_report(run_of(good_items())) for _ in range(2))
    after["operations"][0]["requests"] = 0
    comparison = compare(before, after)
    assert [entry.name for entry in comparison.operations["undecided"]] == [before["operations"][0]["operation"]]
    assert comparison.worse
    assert "Not decided any more, by operation (1)" in render_text(comparison)
    assert not compare(after, before).worse


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"\xff", b"[" * 100_000])
def test_bad_report_is_one_sentence_and_2(tmp_path: Path, content: bytes | None) -> None:
    good = stored(tmp_path / "good", good_items())
    bad = tmp_path / "report.json"
    if content is not None:
        bad.write_bytes(content)
    for arguments in ((good, bad), (bad, good)):
        result = invoke(diff, *arguments)
        assert result.exit_code == 2
        assert result.output.startswith("Error: ")
        assert len(result.output.splitlines()) == 1


def test_waivers_are_proposed_into_a_new_file_only(tmp_path: Path) -> None:
    folder = stored(tmp_path / "run", with_failure())
    file = tmp_path / "waivers.toml"
    result = invoke(report, folder, "--write-waivers", file)
    assert result.exit_code == 0
    assert "1 proposed" in result.output
    again = invoke(report, folder, "--write-waivers", file)
    assert again.exit_code == 2
    assert "exists" in again.output
