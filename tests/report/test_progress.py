"""Progress while a run goes on, in a terminal and in a log."""

from __future__ import annotations

import io
import re

import pytest

from conformance.report.progress import Progress
from conformance.result import ItemResult
from tests.report.samples import failure, item, run_of
from tests.report.screens import console_of


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


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


def test_plain_progress_tells_every_minute_that_it_goes_on() -> None:
    file, clock = io.StringIO(), Clock()
    progress = Progress(console_of(file), clock)
    progress.start(200)
    for _ in range(21):
        clock.now += 25
        progress.item(item("test_x", "GET /rules"))
    progress.finish()
    lines = file.getvalue().splitlines()
    assert [line.split()[2] for line in lines] == ["3/200", "6/200", "9/200", "12/200", "15/200", "18/200", "20/200"]


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


def failing_item(**fields: str) -> ItemResult:
    one = item("test_x", "GET /rules", outcome="failed")
    one.failures = [failure(**fields)]
    return one


def test_a_failing_cause_is_named_once_when_it_comes() -> None:
    requirements = run_of([]).requirements
    file = io.StringIO()
    progress = Progress(console_of(file), Clock(), lambda: requirements)
    progress.start(20)
    for number in range(3):
        progress.item(failing_item(id=f"gw0-{number}", request_id=f"r-{number}"))
    progress.item(failing_item(id="gw0-9", request_id="r-9", message="200: /data/0/id: missing"))
    progress.item(failing_item(id="gw0-10", request_id="r-10", waived_by="W-1", check="media_type"))
    progress.finish()
    named = [line for line in file.getvalue().splitlines() if line.startswith("failing: ")]
    assert [line.partition(" GET /rules: ")[0] for line in named] == ["failing: Every body validates."] * 2
    assert "200: /data/0/enable" in named[0]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_nothing_wraps_in_a_terminal(width: int) -> None:
    file = io.StringIO()
    console = console_of(file, terminal=True, width=width)
    requirements = run_of([]).requirements
    progress = Progress(console, Clock(), lambda: requirements)
    progress.start(2000)
    progress.item(failing_item(message="answered 500 with\n a very long text " * 9))
    assert len(console.render_lines(progress._render())) == 1
    progress.finish()
    named = [line for line in re.sub(r"\x1b\[[\d;?]*\w", "", file.getvalue()).splitlines() if "failing: " in line]
    assert len(named) == 1
    assert len(named[0].strip("\r")) <= width
    assert "very long" not in file.getvalue().partition("failing: ")[2].partition("\n")[2]
