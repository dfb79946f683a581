"""The report of a fleet: targets, requirements and both together, as JSON, HTML and Markdown."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from conformance.report.errors import ReportError
from conformance.report.fleet import (
    FILE_NAME,
    FleetRun,
    TargetRun,
    common_causes,
    read_durations,
    render_fleet_json,
    requirement_rows,
)
from conformance.report.fleet_html import render_fleet_html
from conformance.report.fleet_markdown import headline, render_fleet_markdown
from conformance.report.schemas import schema
from tests.report.samples import HOSTILE


def a_fleet(*targets: TargetRun, interrupted: bool = False) -> FleetRun:
    titles = {"RUL-01": ("MUST", "What is created can be read."), "RUL-02": ("SHOULD", "What is deleted is gone.")}
    return FleetRun(
        id="f0", suite="emqx-conformance 0.1.0", scheduler="local", workers=2, started_at="2026-11-28T03:00:00+00:00",
        duration_s=9.5, targets=list(targets), titles=titles, interrupted=interrupted,  # type: ignore[arg-type]
    )  # fmt: skip


GOOD = TargetRun(
    "good", "http://good/api/v5", "conformant", exit_code=0, version="5.8.9", requests=9, attempts=1,
    requirements={"RUL-01": "passed", "RUL-02": "passed", "RUL-03": "passed"},
)  # fmt: skip
BAD = TargetRun(
    "bad", "http://bad/api/v5", "non_conformant", exit_code=1, attempts=2, swept=True, causes=["It is still there."],
    requirements={"RUL-01": "failed", "RUL-02": "passed", "RUL-03": "passed"},
)  # fmt: skip
UNDECIDED = TargetRun(
    "undecided", "http://x/api/v5", "inconclusive", exit_code=3, causes=["It is still there."],
    requirements={"RUL-01": "failed", "RUL-02": "not_run", "RUL-03": "passed"},
)  # fmt: skip
LOST = TargetRun("lost", "http://lost/api/v5", reason="every worker that ran it died")


def test_targets_times_requirements() -> None:
    report = json.loads(render_fleet_json(a_fleet(GOOD, BAD, UNDECIDED, LOST)))
    Draft202012Validator.check_schema(schema(FILE_NAME))

    assert report["totals"] == {
        "targets": 4, "conformant": 1, "conformant_with_waivers": 0, "partial": 0, "non_conformant": 1,
        "inconclusive": 1, "not_run": 1,
    }  # fmt: skip
    assert [(row["id"], row["outcomes"], row["failed_on"]) for row in report["requirements"]] == [
        ("RUL-01", {"passed": 1, "failed": 2}, ["bad", "undecided"]),
        ("RUL-02", {"passed": 2, "not_run": 1}, []),
        ("RUL-03", {"passed": 3}, []),
    ]
    assert [target["verdict"] for target in report["targets"]] == ["conformant", "non_conformant", "inconclusive", None]
    assert requirement_rows(a_fleet(LOST)) == []
    assert common_causes([GOOD, BAD, UNDECIDED]) == [("It is still there.", ["bad", "undecided"])]


def test_durations_of_the_fleet_before(tmp_path: Path) -> None:
    assert read_durations(tmp_path) == {}
    (tmp_path / "fleet.json").write_text(render_fleet_json(a_fleet(replace(GOOD, duration_s=7.5), LOST)))
    assert read_durations(tmp_path) == {"good": 7.5}
    (tmp_path / "fleet.json").write_text('{"targets": []}')
    assert read_durations(tmp_path) == {}


@pytest.mark.parametrize(
    ("targets", "interrupted", "code"),
    [
        ([GOOD], False, 0),
        ([GOOD, BAD, LOST], True, 1),
        ([GOOD, UNDECIDED], False, 3),
        ([GOOD, LOST], False, 3),
        ([GOOD], True, 3),
        ([TargetRun("p", "http://p/api/v5", "partial", exit_code=0)], False, 0),
        ([TargetRun("p", "http://p/api/v5", "partial", exit_code=3)], False, 3),
        ([TargetRun("w", "http://w/api/v5", "conformant_with_waivers", exit_code=2)], False, 3),
    ],
)
def test_exit_code_of_a_fleet(targets: list[TargetRun], interrupted: bool, code: int) -> None:
    assert a_fleet(*targets, interrupted=interrupted).exit_code() == code


def test_what_does_not_fit_the_schema_is_not_written() -> None:
    with pytest.raises(ReportError, match=r"fleet\.json is no valid report: "):
        render_fleet_json(a_fleet(TargetRun("x", "http://x/api/v5", "perfect")))  # type: ignore[arg-type]


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_pages_show_everything() -> None:
    fleet = a_fleet(GOOD, BAD, UNDECIDED, LOST)
    page = Page(render_fleet_html(fleet))
    assert headline(fleet) == "4 targets: 1 conformant, 1 non conformant, 1 inconclusive, 1 not run"
    for text in (
        headline(fleet),
        "good",
        "every worker that ran it died",
        "RUL-01",
        "2, swept",
        "1 requirements passed",
    ):
        assert text in page.text
    assert page.tags.count("td") > 20
    markdown = render_fleet_markdown(fleet)
    assert "| bad | non conformant |  | 1 |" in markdown
    assert "| RUL-01 What is created can be read. | MUST | 2 | bad, undecided |" in markdown
    assert render_fleet_markdown(a_fleet(interrupted=True)).startswith("## 0 targets: none was run")


def test_nothing_that_targets_say_acts() -> None:
    hostile = [
        TargetRun(text, "http://x/api/v5", reason=text, causes=[text], version=text, requirements={"RUL-01": "failed"})
        for text in HOSTILE
    ]
    plain = Page(render_fleet_html(a_fleet(*(TargetRun("x", "http://x", causes=["y"], requirements={"RUL-01": "failed"})
                                              for _ in HOSTILE))))  # fmt: skip
    page = Page(render_fleet_html(a_fleet(*hostile)))
    assert set(page.tags) == set(plain.tags)
    markdown = render_fleet_markdown(a_fleet(*hostile))
    assert "<script" not in markdown
    assert "\x1b" not in markdown
