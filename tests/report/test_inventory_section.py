"""Terminal and page say the same about what a run left on its target."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from conformance.report.html import render_html
from conformance.report.terminal import summary
from conformance.result import CollectionResult, InventoryResult
from tests.report.samples import good_items, run_of

RULES = CollectionResult("rules", 7, 9, left=["cft-0abcdef1234-main-rule-1"], other_runs=2, appeared=3, changed=1)
BROKEN = CollectionResult("connectors", None, None, note="not compared: GET /connectors answered 500")
EMPTY = CollectionResult("bans", 0, 0)

CASES = [
    (InventoryResult([EMPTY]), ["Nothing that the run created is left."]),
    (
        InventoryResult([RULES, BROKEN]),
        [
            "What is in connectors is not known.",
            "1 of what the run created is still there.",
            "Of what it did not create, rules: 3 appeared, 1 changed.",
            "2 entries of other runs: leftovers, unless those still go on, "
            "which emqx-conformance sweep --prefix cft- deletes when they are 2 hours old (--older-than).",
        ],
    ),
    (InventoryResult([BROKEN]), ["What is in connectors is not known."]),
    (
        InventoryResult([EMPTY], partly=True),
        ["Nothing that these shards created is left.", "What the shards without a report left is not known."],
    ),
]


@pytest.mark.parametrize(("inventory", "sentences"), CASES)
def test_sentences_are_in_terminal_and_page(inventory: InventoryResult, sentences: list[str]) -> None:
    assert list(inventory.sentences()) == sentences
    run = run_of(good_items(), inventory=inventory)
    output = io.StringIO()
    summary(run, Console(file=output, width=500))
    page = render_html(run)
    for sentence in sentences:
        assert sentence in output.getvalue()
        assert sentence in page


def test_page_names_what_is_left_and_what_was_not_compared() -> None:
    page = render_html(run_of(good_items(), inventory=InventoryResult([RULES, BROKEN])))
    assert "cft-0abcdef1234-main-rule-1" in page
    assert "GET /connectors answered 500" in page


def test_run_that_never_came_to_its_end_has_no_section() -> None:
    run = run_of(good_items(), inventory=None)
    output = io.StringIO()
    summary(run, Console(file=output, width=500))
    assert "What the run left" not in output.getvalue() + render_html(run)
