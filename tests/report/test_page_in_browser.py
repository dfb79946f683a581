"""The page as people use it, in a browser: narrow, searched, filtered, linked into, printed, and with many failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.report.behaviour import BehaviourComparison, Difference
from conformance.report.behaviour_formats import BEHAVIOUR_FORMATS, Compared, Side
from conformance.report.comparison import compare
from conformance.report.comparison_formats import COMPARISON_FORMATS
from conformance.report.html import MOST_EVIDENCE, render_html
from conformance.report.json_report import build_report
from conformance.result import RunResult
from tests.report.browser import needs_chromium, printed_pages, probe
from tests.report.samples import failing_items, failure, good_items, hostile_items, item, run_of

pytestmark = needs_chromium

SECTIONS = ["causes", "requirements", "operations", "latency", "left", "skipped", "facts"]

USED = """
const shown = (selector) => [...document.querySelectorAll(selector)].filter((row) => !row.hidden).length;
const search = (section) => document.querySelector(`#${section} [data-search]`);
const type = (field, text) => { field.value = text; field.dispatchEvent(new window.Event("input", {bubbles: true})); };
const press = (field, key) => field.dispatchEvent(
  new window.KeyboardEvent("keydown", {key: key, bubbles: true, cancelable: true}));
const told = {};
told.sections = [...document.querySelectorAll("main > section[id]")].map((section) => section.id);
told.first = document.querySelector("header h1").getBoundingClientRect().top < 200;
told.causes = shown("#cause-list > [data-row]");
type(search("causes"), "word7 GET");
told.searched = shown("#cause-list > [data-row]");
press(search("causes"), "Escape");
told.cleared = shown("#cause-list > [data-row]");
const must = document.querySelector('#causes input[value="MUST"]');
must.click();
told.unchecked = shown("#cause-list > [data-row]");
told.output = document.querySelector("#causes output").textContent;
must.click();
press(document.body, "/");
told.focused = document.activeElement === search("causes");
const folded = document.querySelector("details.others .failure");
told.folded = folded.checkVisibility();
location.hash = "#" + folded.id;
window.dispatchEvent(new window.Event("hashchange"));
told.unfolded = folded.checkVisibility();
told.overflowing = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const style = (part) => window.getComputedStyle(part);
told.reds = [...document.querySelectorAll("td.cell.failed")].map((cell) => style(cell).backgroundColor);
told.headers = [...document.querySelectorAll("th.rotated span")].map((header) => {
  const box = header.getBoundingClientRect();
  return [box.height > 2 * box.width || header.textContent.length < 6, parseFloat(style(header).fontSize)];
});
const links = [...document.querySelectorAll(".index a")];
told.index = [links.length, links.filter((link) => !document.querySelector(link.getAttribute("href"))).length,
  links.filter((link) => link.checkVisibility()).length];
told.fields = [...document.querySelectorAll("input, summary, a[href]")].filter((part) => part.tabIndex < 0).length;
return told;
"""


def many(count: int) -> RunResult:
    """A run with as many causes, one of them with two failures, and words that are wider than a telephone."""
    long = "needs DELETE /authorization/sources/built_in_database/rules/of/somebody/else/entirely"
    items = [*good_items(), item("test_long", "GET /rules", outcome="skipped", omission="chosen", reason=long)]
    for number in range(count):
        one = item(
            f"test_{number}", "GET /rules", "RUL-01", outcome="failed", latencies={"GET /rules": {"8": 3, "30": 1}}
        )
        message = f"200: /data/word{number}x: expected a text"
        one.failures = [failure(message=message, id=f"gw0-{number}", request_id=f"r-{number}", item=one.id)]
        items.append(one)
    items[-1].failures.append(
        failure("GEN-15", message="answered 500", check="no_server_error", id="gw0-x", request_id=f"r-{count - 1}")
    )
    return run_of(items)


@pytest.mark.parametrize("width", [1280, 420])
def test_page_is_used_with_the_keyboard_at_any_width(width: int, tmp_path: Path) -> None:
    told = probe(render_html(many(12)), USED, tmp_path, width)
    assert [section for section in told["sections"] if section in SECTIONS] == SECTIONS
    assert told["first"], "the verdict comes first"
    assert (told["causes"], told["searched"], told["cleared"]) == (12, 1, 12)
    assert (told["unchecked"], told["output"]) == (0, "0 of 12 shown")
    assert told["focused"], '"/" goes to the search'
    assert (told["folded"], told["unfolded"]) == (False, True)
    assert told["overflowing"] <= 0
    assert told["index"] == [12, 0, 10], "a line for each cause leads to it, ten of them at once"
    assert set(told["reds"]) == {"rgb(165, 28, 40)"}
    assert all(upright and size >= 12 for upright, size in told["headers"]), "headers of the map can be read"
    assert told["fields"] == 0


def test_hostile_text_stays_text_in_a_browser(tmp_path: Path) -> None:
    script = "return [document.querySelectorAll('img').length, document.scripts.length, document.title]"
    images, scripts, title = probe(render_html(run_of(hostile_items())), script, tmp_path)
    assert (images, scripts) == (0, 1)
    assert title.startswith("Non-conformant")


def test_summary_on_paper_can_be_signed_and_takes_three_pages_at_most(tmp_path: Path) -> None:
    run = many(60)
    run.reasons += [f"reason {number}: {'word ' * 30}" for number in range(20)]
    page = render_html(run)
    summary = page.partition('<section id="causes"')[0] + "</main></body></html>"
    assert 'class="sign"' in summary
    assert 1 <= printed_pages(summary, tmp_path) <= 3
    assert printed_pages(page, tmp_path) > 3


def test_page_with_thousands_of_failures_stays_small_and_complete(tmp_path: Path) -> None:
    items = failing_items()
    big = "x" * 2000
    for number in range(5000):
        one = item(f"test_{number}", "GET /rules", outcome="failed")
        one.failures = [
            failure(message=f"200: /data/{number % 40}: expected a text", id=f"gw0-{number}", request_id=f"r-{number}",
                    exchange=f"GET /rules\n\n--- answer ---\n200 after 3 ms\n\n{big}")
        ]  # fmt: skip
        items.append(one)
    page = render_html(run_of(items))
    assert len(page) < MOST_EVIDENCE + 6_500_000
    shown = "return [document.querySelectorAll('.failure').length, document.querySelectorAll('.cause').length]"
    failures, causes = probe(page, shown, tmp_path)
    assert failures == 5005
    assert causes < 10


FITS = """
const root = document.documentElement;
return [root.scrollWidth - root.clientWidth, document.querySelectorAll("tbody tr").length];
"""


def test_pages_of_comparisons_fit_on_a_telephone(tmp_path: Path) -> None:
    comparison = compare(build_report(run_of(good_items())), build_report(many(9)))
    overflow, rows = probe(COMPARISON_FORMATS["html"](comparison), FITS, tmp_path, 420)
    assert (overflow, rows > 9) == (0, True)
    difference = Difference(
        "PUT /authorization/sources/built_in_database/rules/clients/{clientid}", "/data/*[http]/" + "long" * 30,
        "200: string", "200: nothing", 3, ["conformance/x.py::test_x"], "GET /" + "x" * 300,
    )  # fmt: skip
    sides = [Side(run_of(good_items())), Side(many(2))]
    compared = Compared(BehaviourComparison([difference]), [difference], sides, tmp_path)
    overflow, rows = probe(BEHAVIOUR_FORMATS["html"](compared), FITS, tmp_path, 420)
    assert (overflow, rows) == (0, 2)
