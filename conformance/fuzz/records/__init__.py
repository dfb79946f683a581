"""The record of every operation of the contract, by label; a test names those that are missing."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.fuzz.fuzzing import Fuzzing
from conformance.fuzz.records import access, bridges, messages, rules
from conformance.fuzz.witness import Write
from conformance.target.sink import HttpSink
from conformance.target.target import Target

FUZZING: Mapping[str, Fuzzing] = {**bridges.RECORDS, **rules.RECORDS, **access.RECORDS, **messages.RECORDS}


def witness_of(label: str, target: Target, sink: HttpSink) -> Write:
    """A valid request that can be seen to be carried out."""
    arrange = FUZZING[label].witness
    assert arrange is not None, f"nobody can see what {label} does"
    return arrange(target, sink)
