"""Progress and summary, in a terminal and in a log."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from rich.console import Console

from conformance.report.terminal import Progress, duration, summary
from conformance.result import RunResult, WaiverUse
from tests.report.samples import failing_items, failure, good_items, hostile_items, item, run_of, runs


def console_of(file: io.StringIO, *, terminal: bool = False, environment: dict[str, str] | None = None) -> Console:
    return Console(
        file=file, force_terminal=terminal, width=100, height=30, color_system="standard" if terminal else None,
        _environ={"TERM": "xterm-256color", **(environment or {})},
    )  # fmt: skip


def shown(run: RunResult, report_dir: Path | None = None) -> str:
    file = io.StringIO()
    summary(run, console_of(file), report_dir)
    return file.getvalue()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_summary_of_a_failing_run() -> None:
    text = shown(run_of(failing_items()), Path("some/reports/index.html"))
    assert "Verdict: NON CONFORMANT" in text
    assert text.index("GEN-14 Every body validates.") < text.index("GEN-15 No input makes")
    assert "  GET /rules/{id}\n    [response_schema] 200: /data/0/enable" in text
    assert "(seen 4 times). Attributed to the target." in " ".join(text.split())
    assert "Attributed to the document (erratum A1)." in " ".join(text.split())
    assert "\ncurl -sS -i -X GET \"$EMQX_CONFORMANCE_BASE_URL\"'/rules?page=1'\n" in text
    assert "media_type" not in text
    assert "10 items (4 passed, 2 failed, 1 waived, 2 skipped, 1 errors), 32 requests in 12.5s" in " ".join(
        text.split()
    )
    assert "W-1: reproduced, 2 failures, until 2027-03-31, qa: known" in text
    assert "Not demanded" in text
    assert text.rstrip().endswith("Report: some/reports/index.html")
    assert "\x1b" not in text


@pytest.mark.parametrize("items", [good_items(), []])
def test_summary_of_other_runs(items: list) -> None:
    run = run_of(items)
    assert f"Verdict: {run.verdict.upper()}" in shown(run)


def test_curl_lines_are_never_wrapped() -> None:
    items = failing_items()
    items[5].failures = [failure(curl="curl " + "x" * 500)]
    assert "curl " + "x" * 500 in shown(run_of(items))


def test_many_failures_are_cut_short() -> None:
    items = [item(f"test_{number}", "GET /rules", outcome="failed") for number in range(50)]
    for number, one in enumerate(items):
        one.failures = [failure(message=f"finding {number}")]
    text = shown(run_of(items))
    assert text.count("] finding ") == 30
    assert "... and 20 more failures, all of them in the report." in text


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


def test_plain_progress_prints_about_ten_lines() -> None:
    file, clock = io.StringIO(), Clock()
    progress = Progress(console_of(file), clock)
    progress.start(200)
    for number in range(200):
        clock.now += 0.5
        progress.item(item("test_x", "GET /rules", outcome="failed" if number == 3 else "passed"))
    progress.finish()
    lines = file.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[4] == " 50 % 100/200 items: 99 passed, 1 failed; 400 requests, 8/s; 50.0s elapsed, 50.0s to go"
    assert lines[9] == "100 % 200/200 items: 199 passed, 1 failed; 800 requests, 8/s; 1m40s elapsed, cleaning up"


@pytest.mark.parametrize("total", [0, 1, 3, 7])
def test_plain_progress_of_few_items_ends_at_100(total: int) -> None:
    file = io.StringIO()
    progress = Progress(console_of(file), Clock())
    progress.start(total)
    for _ in range(total):
        progress.item(item("test_x", "GET /rules"))
    progress.finish()
    lines = file.getvalue().splitlines()
    assert len(lines) == total
    assert not lines or lines[-1].startswith("100 %")


def test_live_progress_says_what_the_end_is_waiting_for() -> None:
    console = console_of(io.StringIO(), terminal=True)
    progress = Progress(console, Clock())
    progress.start(1)
    progress.item(item("test_x", "GET /rules/{id}"))
    with console.capture() as capture:
        console.print(progress._render())
    progress.finish()
    assert "cleaning up" in capture.get()


def test_live_progress_shows_counts_and_leaves_nothing_behind() -> None:
    file, clock = io.StringIO(), Clock()
    console = console_of(file, terminal=True)
    progress = Progress(console, clock)
    progress.start(4)
    clock.now += 2
    progress.item(item("test_x", "GET /rules/{id}"))
    progress.item(item("test_y", None, outcome="skipped"))
    with console.capture() as capture:
        console.print(progress._render())
    progress.finish()
    progress.finish()
    line = re.sub(r"\x1b\[[\d;]*m", "", capture.get())
    assert "2/4" in line
    assert "1 passed  0 failed  1 skipped  2 req/s" in line
    assert "2.0s < 2.0s" in line
    assert "cleaning up" not in line
    assert "items:" not in file.getvalue()
    assert file.getvalue().endswith(("\x1b[1A\x1b[2K", "\x1b[?25h", "\x1b[2K"))


def test_finish_before_start_is_harmless() -> None:
    file = io.StringIO()
    Progress(console_of(file)).finish()
    assert file.getvalue() == ""


@pytest.mark.parametrize(("seconds", "text"), [(0, "0.0s"), (59.94, "59.9s"), (75.3, "1m15s"), (3725, "1h02m")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
