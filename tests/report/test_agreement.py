"""JSON, JUnit and HTML tell the same counts of a failing run, and text of a target stays text in all of them."""

from __future__ import annotations

import io
import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from rich.console import Console

from conformance.report.html import render_html
from conformance.report.json_report import build_report
from conformance.report.junit import render_junit
from conformance.report.terminal import summary
from conformance.report.verdict import Selection, decide
from conformance.report.writers import write_reports
from conformance.result import ItemResult, LeftOut, RunResult
from tests.report.samples import (
    CATALOGUE,
    HOSTILE,
    OPERATIONS,
    failing_items,
    good_items,
    hostile_items,
    item,
    run_of,
    runs,
)

VOID = {"meta", "input", "wbr", "link", "img", "br", "hr"}


class Page(HTMLParser):
    """The elements of a page with their attributes; fails on elements that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def having(self, name: str, value: str | None = None) -> list[dict[str, str | None]]:
        return [found for _, found in self.elements if name in found and value in (None, found[name])]


@pytest.fixture(params=[failing_items, good_items, hostile_items, list], ids=["failing", "good", "hostile", "empty"])
def items(request: pytest.FixtureRequest) -> list[ItemResult]:
    return request.param()


def test_counts_agree(items: list[ItemResult], tmp_path: Path) -> None:
    write_reports(run_of(items), tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot().find("testsuite")
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    totals = report["totals"]
    writes = totals.pop("config_writes")
    assert suite is not None

    assert int(suite.get("tests", "")) == len(suite.findall("testcase")) == len(items)
    for attribute, tag, name in (
        ("failures", "failure", "failed"), ("errors", "error", "errors"), ("skipped", "skipped", "skipped"),
    ):  # fmt: skip
        assert int(suite.get(attribute, "")) == len(suite.findall(f"testcase/{tag}")) == totals[name]
    properties = {entry.get("name"): entry.get("value") for entry in suite.findall("properties/property")}
    assert properties["verdict"] == report["verdict"]
    assert properties["requests"] == str(totals["requests"])
    assert properties["waived"] == str(totals["waived"])
    told = [case.findtext("system-out", "") for case in suite.findall("testcase")]
    outcomes = Counter(text.partition("\n")[0].removeprefix("outcome: ") for text in told)
    assert outcomes["passed"] == totals["passed"]
    assert outcomes["waived"] == totals["waived"]

    (shown,) = page.having("id", "totals")
    assert {name: int(shown[f"data-{name}"] or "") for name in totals} == totals
    assert page.having("data-verdict") == [{"data-verdict": report["verdict"]}]
    rows = Counter((row["data-requirement"], row["data-outcome"]) for row in page.having("data-attribution"))
    assert rows == Counter(
        (failure["requirement"], "waived" if failure["waived_by"] else "failed") for failure in report["failures"]
    )
    requirements = Counter(row["data-outcome"] for row in page.having("data-level"))
    assert requirements == Counter(requirement["outcome"] for requirement in report["requirements"])
    operations = {row["data-operation"]: int(row["data-requests"] or "") for row in page.having("data-requests")
                  if "data-operation" in row}  # fmt: skip
    assert operations == {operation["operation"]: operation["requests"] for operation in report["operations"]}
    shown_writes = [int(row["data-writes"] or "") for row in page.having("data-writes")]
    assert shown_writes == list(writes["by_operation"].values())
    assert sum(shown_writes) == writes["accepted"]


def test_junit_failure_tells_everything() -> None:
    run = run_of(failing_items())
    cases = ElementTree.fromstring(render_junit(run)).findall("testsuite/testcase[failure]")
    failure = cases[0].find("failure")
    assert failure is not None
    assert failure.get("type") == "GEN-14.response_schema"
    assert "'true' is not of type 'boolean'. Attributed to the target. (and 1 more)" in failure.get("message", "")
    assert "curl -sS -i -X GET" in (failure.text or "")
    assert "answered 500. Undecided: target or document." in (failure.text or "")
    assert "waived by W-1: GET /rules" in cases[0].findtext("system-out", "")
    assert cases[0].get("classname") == "conformance.fuzz.test_operations"
    assert cases[0].get("name") == "test_negative[GET /rules]"


def test_junit_keeps_hostile_text_as_far_as_xml_can() -> None:
    root = ElementTree.fromstring(render_junit(run_of(hostile_items())))
    messages = [failure.get("message", "") for failure in root.iter("failure")]
    for text in HOSTILE:
        expected = r"\x00\x01\x1b[31m" if "\x00" in text else text
        assert any(expected in message for message in messages)


def test_page_needs_nothing_else(items: list[ItemResult]) -> None:
    page = Page(render_html(run_of(items)))
    assert {tag for tag, _ in page.elements} & {"img", "link", "iframe", "object", "embed", "base", "form"} == set()
    assert page.having("src") == page.having("srcset") == page.having("onerror") == []
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]
    for target in (found["href"] or "" for found in page.having("href")):
        assert target.startswith("#") or target in ("https://example.org/1", "https://example.org/2")
    assert [tag for tag, _ in page.elements].count("script") == 1
    style = render_html(run_of(items)).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_links_of_the_page_lead_somewhere(items: list[ItemResult]) -> None:
    page = Page(render_html(run_of(items)))
    identifiers = [found["id"] for found in page.having("id")]
    assert len(identifiers) == len(set(identifiers))
    for found in page.having("href"):
        assert not (found["href"] or "").startswith("#") or (found["href"] or "")[1:] in identifiers
    for found in page.having("aria-labelledby"):
        assert found["aria-labelledby"] in identifiers


@pytest.mark.parametrize(
    ("items", "complete", "verdict"),
    [
        (good_items(), True, "conformant"),
        (good_items()[:1], False, "partial"),
        (failing_items(), True, "non_conformant"),
        ([], True, "inconclusive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_report_begins_with_how_much_was_looked_at(items: list[ItemResult], complete: bool, verdict: str) -> None:
    decision = decide(items, Selection(CATALOGUE, OPERATIONS, complete, part="1 id"))
    run = run_of(items, decision)
    assert run.verdict == verdict
    decided = sum(entry.outcome in ("passed", "failed", "waived") for entry in decision.requirements)
    expected = f"{decided} of 4 requirements"
    page, printed = render_html(run), io.StringIO()
    summary(run, Console(file=printed, width=200))
    suite = ElementTree.fromstring(render_junit(run)).find("testsuite")
    assert suite is not None
    properties = {found.attrib["name"]: found.attrib["value"] for found in suite.findall("properties/property")}
    assert f'<p class="extent"><b>{expected}</b>' in page
    assert f"Verdict: {verdict.replace('_', ' ').upper()}, {expected}, " in printed.getvalue()
    assert properties["extent"].startswith(f"{expected}, ")
    keeps = "The target keeps the contract"
    assert (keeps in page) is (verdict == "conformant")
    assert keeps not in printed.getvalue() + render_junit(run)


def test_every_report_tells_what_was_left_out_and_against_which_contract() -> None:
    sentence = "EMQX 5.10.3 has no contract of its own here: it was checked against the contract of 5.8.9"
    items = [*good_items(), item("test_x", None, "RUL-09", outcome="skipped", omission="chosen", reason="no listener")]
    decision = decide(items, Selection(CATALOGUE, OPERATIONS, of_run=[LeftOut("undecided", sentence)]))
    run = run_of(items, decision, target_version="5.10.3")
    page, printed = Page(render_html(run)).text, io.StringIO()
    summary(run, Console(file=printed, width=200))
    report = json.dumps(build_report(run))
    for text in (page, printed.getvalue(), render_junit(run), report):
        assert sentence in text
    for text in (page, printed.getvalue()):
        assert "Left out on the user's word: 1 requirement" in text
        assert "no listener: 1 item; not looked at: RUL-09" in text
    properties = ElementTree.fromstring(render_junit(run)).findall("testsuite/properties/property")
    told = {found.attrib["name"]: found.attrib["value"] for found in properties}
    assert (told["contract_version"], told["target_version"]) == ("5.8.9", "5.10.3")
    assert (told["left_out.chosen"], told["complete"]) == ("1 requirements, and 0 in part", "false")


def test_page_shows_hostile_text_as_text() -> None:
    page = Page(render_html(run_of(hostile_items())))
    for text in HOSTILE:
        expected = r"\x00\x01\x1b[31m\x7f\x85\ud800\ufffe\u202eabc" if "\x00" in text else text
        assert page.text.count(expected) >= 3


def test_page_works_without_script() -> None:
    page = Page(render_html(run_of(failing_items())))
    assert all("hidden" in found for found in page.having("data-filters"))
    assert [tag for tag, _ in page.elements].count("button") == 0
    assert "hidden" not in {name for row in page.having("data-row") for name in row}
    assert "curl -sS -i -X GET" in page.text


def test_matrix_tells_every_state() -> None:
    page = Page(render_html(run_of(failing_items())))
    states = Counter(cell["data-state"] for cell in page.having("data-state"))
    assert states["failed"] == 3
    assert states["waived"] == 2
    assert states["passed"] == 4
    assert states["not_decided"] == 3


def test_matrix_folds_rare_checks() -> None:
    items = good_items()
    items[0].decided["GET /rules"] |= {f"rare_{number:02d}": number + 1 for number in range(30)}
    page = Page(render_html(run_of(items)))
    columns = [found for tag, found in page.elements if tag == "th" and "rotated" in (found.get("class") or "")]
    assert len(columns) == 16
    assert "rare_29" in (columns[-1]["title"] or "")
    assert f"other checks: {sum(range(14, 31))} passed" in {cell["title"] for cell in page.having("data-state")}


@settings(max_examples=20)
@given(runs)
def test_any_run_can_be_rendered(run: RunResult) -> None:
    for found in run.failures:
        found.message = found.message or "empty"
    totals = build_report(run)["totals"]
    suite = ElementTree.fromstring(render_junit(run)).find("testsuite")
    assert suite is not None
    assert len(suite.findall("testcase/failure")) == totals["failed"]
    (shown,) = Page(render_html(run)).having("id", "totals")
    assert shown["data-failed"] == str(totals["failed"])
