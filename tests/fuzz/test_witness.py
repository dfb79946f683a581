"""Witnesses: every writing operation has one, or no effect that could be seen."""

from __future__ import annotations

from conformance.contract import load_contract
from conformance.fuzz.witness import UNSEEN, WITNESSES


def test_every_write_has_a_witness_or_no_effect_to_see() -> None:
    writing = {label for label in load_contract().operations if not label.startswith("GET ")}
    assert WITNESSES.keys() | UNSEEN == writing
    assert not WITNESSES.keys() & UNSEEN
