"""What a run may not show to be broken though it is."""

from __future__ import annotations

from dataclasses import replace

from conformance.catalogue.chance import decided_by_chance
from conformance.catalogue.registry import catalogue
from conformance.result import ItemResult
from tests.report.samples import run_of

ASKED = ItemResult("conformance/scenarios/test_rules.py::test_deleted_rule_is_gone", ("RUL-07",), None, "passed")
LEFT_OUT = replace(ASKED, id="conformance/scenarios/test_lists.py::test_x", requirements=("PAG-01",), outcome="skipped")


def test_what_is_drawn_is_decided_by_chance_in_every_profile() -> None:
    random = {entry.id for entry in catalogue() if entry.random}
    run = run_of([ASKED, LEFT_OUT])

    assert random
    assert decided_by_chance(run) == random


def test_in_a_sample_so_is_what_was_left_out_and_what_every_item_might_have_shown() -> None:
    found = decided_by_chance(run_of([ASKED, LEFT_OUT], profile="smoke"))

    assert {entry.id for entry in catalogue() if entry.universal or entry.random} | {"PAG-01"} == found
