"""Collisions inside one request: the same thing twice, good and bad together, nothing, many (GEN)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import paths
from conformance.fuzz.space import Subject, marked, subjects
from conformance.requirements import requirement
from conformance.scenarios.batches import BATCHES, Batch, Uploading
from conformance.target.http.answer import Answer, Deviation
from conformance.target.target import Target

pytestmark = pytest.mark.scenario

Order = Callable[[Sequence[str]], list[tuple[str, int]]]

CASES: Mapping[str, Order] = {
    "one element": lambda keys: [(keys[0], 1)],
    "two elements": lambda keys: [(keys[0], 0), (keys[1], 1)],
    "the same twice": lambda keys: [(keys[0], 1), (keys[0], 1)],
    "a key twice": lambda keys: [(keys[0], 0), (keys[0], 1)],
    "a key twice around another": lambda keys: [(keys[0], 1), (keys[1], 1), (keys[0], 0)],
    "many elements": lambda keys: [(key, number % 2) for number, key in enumerate(keys)],
    "many elements, the first again": lambda keys: [*((key, 0) for key in keys), (keys[0], 1)],
}
"""Batches that are carried out, as keys and contents in order."""


def _batched() -> list[Any]:
    """Parameters for every operation on several things, with what its batch needs."""
    return [
        marked(parameter, *BATCHES[parameter.id].marks)
        for parameter in subjects(lambda operation: operation.label in BATCHES, by_type=False, arranges=False)
    ]


@requirement("GEN-63")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("subject", _batched())
def test_batch_is_carried_out_in_order(subject: Subject, case: str, target: Target) -> None:
    """A request about several things does what it says to each, in order: of a thing that it names twice the last."""
    _expect_done(BATCHES[subject.label](target), case)


@requirement("GEN-63", f"POST {paths.IMPORT_USERS}", sentence="So does an uploaded file of users.")
@pytest.mark.needs("authenticator")
@pytest.mark.parametrize("case", CASES)
def test_uploaded_batch_is_carried_out_in_order(case: str, target: Target) -> None:
    """The rows of an uploaded file are taken in order: of a user that is there twice the last row counts."""
    _expect_done(Uploading(target), case)


def _expect_done(batch: Batch, case: str) -> None:
    keys = [batch.key() for _ in range(batch.many if case.startswith("many") else 2)]
    pairs = CASES[case](keys)
    _expect_states(batch, dict.fromkeys(keys[:2], batch.untouched()), "before")
    elements = [batch.element(key, content) for key, content in pairs]

    answer = batch.send(elements)

    if not answer.ok:
        raise Deviation(f"answered {answer.status} {answer.code or ''} to {case}", answer)
    told = batch.wrong_answer(answer, elements, [key for key, _ in pairs])
    if told is not None:
        raise Deviation(f"the answer to {case} tells {told}", answer)
    batch.settle()
    _expect_states(batch, dict.fromkeys(keys, batch.untouched()) | batch.outcome(pairs), f"after {case}", answer)


def _expect_states(batch: Batch, due: Mapping[str, Any], when: str, answer: Answer | None = None) -> None:
    """The state under each key is what it should be, or becomes so."""
    shown: dict[str, Any] = {}

    def settled() -> bool:
        shown.update({key: batch.state(key) for key in due})
        return shown == due

    if not batch.target.eventually(settled):
        wrong = next(key for key in due if shown[key] != due[key])
        message = f"{when}, {wrong} is {shown[wrong]}, expected {due[wrong]}"
        raise Deviation(message, answer) if answer is not None else AssertionError(message)


@requirement("GEN-64")
@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("subject", _batched())
def test_bad_element_refuses_the_batch(subject: Subject, place: str, target: Target) -> None:
    """A request about several things, one of them bad, is refused as a whole wherever that stands, and does nothing."""
    batch = BATCHES[subject.label](target)
    keys = [batch.key(), batch.key()]
    _expect_states(batch, dict.fromkeys(keys, batch.untouched()), "before")
    good = [batch.element(key, 1) for key in keys]

    answer = batch.send([batch.bad(), *good] if place == "first" else [*good, batch.bad()])

    answer.expect(batch.refusing)
    batch.settle()
    _expect_states(batch, dict.fromkeys(keys, batch.untouched()), f"after a batch whose {place} is bad", answer)


@requirement("GEN-64", f"POST {paths.IMPORT_USERS}", sentence="So is an uploaded file of users with one bad row.")
@pytest.mark.needs("authenticator")
@pytest.mark.parametrize("place", ["first", "last"])
def test_bad_row_refuses_the_upload(place: str, target: Target) -> None:
    """An uploaded file with one bad row is refused as a whole."""
    batch = Uploading(target)
    key = batch.key()
    good = batch.element(key, 1)

    answer = batch.send([batch.bad(), good] if place == "first" else [good, batch.bad()])

    answer.expect(batch.refusing)
    _expect_states(batch, {key: batch.untouched()}, f"after a file whose {place} row is bad", answer)


@requirement("GEN-65", level="SHOULD")
@pytest.mark.parametrize("subject", _batched())
def test_empty_batch(subject: Subject, target: Target) -> None:
    """A request about no things at all does nothing, or is refused with 400."""
    BATCHES[subject.label](target).send([]).expect(*{*BATCHES[subject.label].empty, 400})


_REPEATED = "limit"


@requirement("GEN-66", level="SHOULD")
@pytest.mark.parametrize(
    "subject",
    subjects(
        lambda operation: (
            _REPEATED in {one.name for one in operation.parameters_in("query")} and "{" not in operation.path
        ),
        by_type=False,
    ),
)
def test_repeated_parameter(subject: Subject, target: Target, recorder: Recorder) -> None:
    """Of a query parameter with one value that is given twice the last one counts, or both are refused with 400."""
    for first, last in ((1, 2), (2, 1), (3, 3)):
        answer = target.api.call(subject.label, query=[(_REPEATED, first), (_REPEATED, last)])
        taken = answer.status == 400 or (answer.ok and answer.json["meta"].get("limit") == last)
        told = f"answered {answer.status} to limit={first}&limit={last}, expected 400 or a page of {last}"
        if answer.status < 500:  # decided by GEN-15
            recorder.expect(taken, "GEN-66", "repeated_parameter", told, answer)
