"""A cause in one line of a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.report.causes import causes
from conformance.report.one_line import cut, cut_path, print_cause
from tests.report.samples import failing_items, run_of
from tests.report.screens import console_of

LONG = "POST /authorization/sources/built_in_database/rules/users and 1 more"


@pytest.mark.parametrize(("where", "width", "expected"), [
    (LONG, 100, LONG),
    (LONG, 30, "POST …_database/rules/users +1"),
    ("POST /rules and 2 more", 20, "POST /rules +2"),
    ("GET /rules", 10, "GET /rules"),
    ("GET /rules", 8, "GET …les"),
    ("GET /rules", 5, "GET…"),
    ("no single operation", 10, "no single…"),
])  # fmt: skip
def test_the_end_of_a_path_tells_it_from_others(where: str, width: int, expected: str) -> None:
    assert cut_path(where, width) == expected


@given(st.text(max_size=40), st.integers(2, 50))
def test_nothing_is_wider_than_it_may(text: str, width: int) -> None:
    assert len(cut(text, width)) <= width
    assert len(cut_path(text, width)) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_every_part_is_there_at_any_width(width: int) -> None:
    file = io.StringIO()
    cause = causes(run_of(failing_items()))[0]
    print_cause(console_of(file, terminal=True, width=width, environment={"NO_COLOR": "1"}), cause, "failing: ")
    line = file.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "").rstrip("\n")
    assert len(line) <= width
    assert line.startswith("failing: Every")
    assert "GET " in line
    assert width < 80 or "ules +1: 2" in line or "/rules and 1 more: 2" in line


def test_a_log_has_room_for_everything() -> None:
    file = io.StringIO()
    cause = causes(run_of(failing_items()))[0]
    print_cause(console_of(file, width=20), cause, "failing: ")
    assert file.getvalue() == f"failing: {cause.headline}\n"
