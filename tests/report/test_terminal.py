"""The end of a run, in a terminal and in a log."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from conformance.report.terminal import details, summary
from conformance.report.text import duration
from conformance.result import ItemResult, RunResult, WaiverUse
from tests.report.samples import failing_items, failure, good_items, hostile_items, many_causes, run_of, runs
from tests.report.screens import console_of


def shown(run: RunResult, report: Path | None = None, **console: Any) -> str:
    file = io.StringIO()
    summary(run, console_of(file, **console), report)
    return file.getvalue()


def end_of(text: str) -> list[str]:
    """The lines from the verdict on, without colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", text[text.rindex("Verdict: ") :]).splitlines()


def test_summary_of_a_failing_run() -> None:
    text = shown(run_of(failing_items()), Path("some/reports/index.html"))
    assert "Verdict: NON CONFORMANT" in text
    assert "(seen 4 times). Attributed to the target." in " ".join(text.split())
    assert "\ncurl -sS -i -X GET \"$EMQX_CONFORMANCE_BASE_URL\"'/rules?page=1'\n" in text
    assert "10 items (4 passed, 2 failed, 1 waived, 2 skipped, 1 errors), 32 requests in 12.5s" in " ".join(
        text.split()
    )
    assert "W-1: reproduced, 2 failures, until 2027-03-31, qa: known" in text
    assert "Not demanded" in text
    assert text.rstrip().endswith("Report: some/reports/index.html")
    assert "\x1b" not in text


def test_end_names_the_gravest_causes_by_their_sentences_and_how_to_go_on() -> None:
    end = end_of(shown(run_of(many_causes(7)), Path("some/reports/index.html")))
    causes = [line for line in end if line.startswith("  MUST ")]
    assert len(causes) == 5
    assert causes[0] == "  MUST Every body validates. GET /rules: 200: /data/a: expected a text"
    assert "7 causes of 7 failures, 7 of them against a MUST; the 5 gravest:" in end
    assert end[-3:] == [
        "Again: emqx-conformance run --last-failed --report-dir some/reports (and the options that name the target)",
        "One of them: emqx-conformance run --replay gw0-0 some/reports (and its credentials and listener)",
        "Report (all 7 causes): some/reports/index.html",
    ]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_end_fits_on_one_screen(width: int) -> None:
    run = run_of([*failing_items(), *many_causes(40)], deployment=["a fact " * 9] * 9)
    run.reasons += [f"reason {number} " * 20 for number in range(20)]
    end = end_of(shown(run, Path("some/reports/index.html"), terminal=True, width=width))
    assert len(end) <= 24
    assert len([line for line in end if re.match("  (MUST|SHOULD) ", line)]) == 5
    assert all(len(line) <= width for line in end)


@pytest.mark.parametrize("items", [good_items(), []])
def test_summary_of_other_runs(items: list[ItemResult]) -> None:
    run = run_of(items)
    text = shown(run)
    assert f"Verdict: {run.verdict.upper()}" in text
    assert "Again: " not in text


def test_curl_lines_are_never_wrapped() -> None:
    items = failing_items()
    items[5].failures = [failure(curl="curl " + "x" * 500)]
    assert "curl " + "x" * 500 in shown(run_of(items))


def test_quiet_is_nothing_but_the_end() -> None:
    file = io.StringIO()
    summary(run_of(failing_items()), console_of(file), None, quiet=True)
    assert file.getvalue().startswith("\nVerdict: NON CONFORMANT")
    assert "curl" not in file.getvalue()


def test_details_show_every_cause() -> None:
    file = io.StringIO()
    details(run_of(many_causes(30)), console_of(file))
    lines = [line for line in file.getvalue().splitlines() if line.startswith("curl ")]
    assert sorted(lines) == sorted(f"curl {number}" for number in range(30))


def test_hostile_text_cannot_act() -> None:
    text = shown(run_of(hostile_items(), waivers=[WaiverUse("W", "expired", 1, "\x1b[2J", "l", "o", "2026-01-01")]))
    assert "\x1b" not in text
    assert r"\x00\x01\x1b[31m\x7f\x85\ud800" in text
    assert "[bold]not markup[/bold] :smile:" in text
    text.encode("utf-8")


@settings(max_examples=20)
@given(runs)
def test_any_run_can_be_summed_up(run: RunResult) -> None:
    assert f"Verdict: {run.verdict.replace('_', ' ').upper()}" in shown(run)


def test_colours_only_where_wanted() -> None:
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        file = io.StringIO()
        summary(run_of(failing_items()), console_of(file, terminal=True, environment=environment))
        assert bool(re.search(r"\x1b\[[\d;]*3[0-7]", file.getvalue())) is coloured


@pytest.mark.parametrize(("seconds", "text"), [(0, "0.0s"), (59.94, "59.9s"), (75.3, "1m15s"), (3725, "1h02m")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
