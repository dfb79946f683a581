"""What writes leave: at once, and when they are sent again (GEN)."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import Operation
from conformance.fuzz.effects import effect_of
from conformance.fuzz.records import FUZZING, witness_of
from conformance.fuzz.space import Subject, seen_subjects
from conformance.requirements import requirement
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = pytest.mark.fuzz

# When it was written last moves with every write; EMQX 5.8 also gives actions another time of creation (ACT-12).
# Rules of 5.9 and later also tell how their actions are doing.
_VOLATILE = frozenset({"last_modified_at", "created_at", "action_details"})


def _synchronous(operation: Operation) -> bool:
    """What is not said to lag behind: sessions, messages and counters are."""
    return not FUZZING[operation.label].lags


def _replaces(operation: Operation) -> bool:
    return operation.method == "PUT" and _synchronous(operation)


def _lasting(seen: Any) -> Any:
    return {name: value for name, value in seen.items() if name not in _VOLATILE} if isinstance(seen, dict) else seen


@requirement("GEN-37", provisional=True)
@pytest.mark.parametrize("subject", seen_subjects(_replaces))
def test_put_again_changes_nothing(
    subject: Subject, context: Context, target: Target, sink: HttpSink, recorder: Recorder
) -> None:
    """A PUT that is sent again is accepted, and leaves what it left before."""
    effect = effect_of(context, subject.label, lambda: witness_of(subject.label, target, sink), again=True)
    again = effect.again
    assert again is not None
    states = [(effect.answer.ok, _lasting(effect.after)), (again.answer.ok, _lasting(again.after))]
    message = f"accepted, and what was stored: first {states[0]!r}, then {states[1]!r}"
    recorder.expect(states[0][0] and states[0] == states[1], "GEN-37", "put_again", message, again.answer)


@requirement("GEN-38", provisional=True)
@pytest.mark.parametrize("subject", seen_subjects(_synchronous))
def test_write_is_seen_at_once(
    subject: Subject, context: Context, target: Target, sink: HttpSink, recorder: Recorder
) -> None:
    """What was written is read as soon as the write is answered."""
    effect = effect_of(context, subject.label, lambda: witness_of(subject.label, target, sink))
    message = f"answered {effect.answer.status}, and the next read still shows {effect.before!r}"
    recorder.expect(effect.shows, "GEN-38", "seen_at_once", message, effect.answer)
