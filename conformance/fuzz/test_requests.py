"""How requests are read: unknown paths, parameters of the media type, what nobody knows, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from conformance.checks.equivalence import difference, owned, settled
from conformance.checks.recorder import Recorder
from conformance.contract import paths
from conformance.fuzz.boundaries import (
    UNKNOWN_FIELD,
    WITH_UNKNOWN_FIELD,
    body_mutations,
    without_fields,
)
from conformance.fuzz.driver import Driver
from conformance.fuzz.effects import expect_effect
from conformance.fuzz.records import FUZZING, witness_of
from conformance.fuzz.space import Subject, contract, sample, seen_subjects, subjects
from conformance.fuzz.witness import Write, to_change
from conformance.requirements import requirement
from conformance.target.http.answer import Answer
from conformance.target.http.session import Api, encode, expand
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.target.timing import eventually
from conformance.worker.context import Context

pytestmark = pytest.mark.fuzz


@requirement("GEN-07")
@pytest.mark.reads
def test_unknown_path(api: Api, recorder: Recorder, driver_for: Callable[..., Driver]) -> None:
    """An unknown path answers 404 NOT_FOUND as JSON to who accepts JSON."""
    known = {operation.path: operation.label for operation in contract().operations.values()}
    for path, label in known.items():
        driver: Driver = driver_for(label)
        nowhere = "/".join([driver.sandbox.name("nowhere")] * 3)
        answer = api.send("GET", f"{expand(path, driver.unknown_path())}/{nowhere}")
        told = answer.json.get("message") if answer.is_json and isinstance(answer.json, dict) else None
        recorder.expect(
            (answer.status, answer.code) == (404, "NOT_FOUND") and isinstance(told, str),
            "GEN-07",
            "unknown_path",
            f"answered {answer.status} {answer.code} for the unknown path {path}/..., expected 404 NOT_FOUND",
            answer,
        )


@requirement("GEN-10")
@pytest.mark.parametrize("subject", subjects(lambda operation: operation.json_body is not None, by_type=False))
def test_media_type_parameters(subject: Subject, driver: Driver, target: Target, api: Api, recorder: Recorder) -> None:
    """A JSON body is accepted under application/json in any case and with any parameters."""

    def call(media_type: str, body: Any, path: Mapping[str, str] | None = None) -> Answer:
        path = driver.path if path is None else path
        return api.call(
            subject.label, path=path, query=driver.fixed_query(), content=encode(body), content_type=media_type
        )

    refused = _refused_rule(driver, target)
    plain = call("application/json", *refused) if refused is not None else None
    for media_type in ("application/json; charset=utf-8", "Application/JSON;Charset=UTF-8"):
        if refused is not None and plain is not None and not plain.ok:
            answer = call(media_type, *refused)
            told, usual = _told(answer), _told(plain)
            message = f"as {media_type} answered {' '.join(told)}, as application/json {' '.join(usual)}"
            recorder.expect(told == usual, "GEN-10", "accepts_valid", message, answer)
            continue
        body = driver.valid_body()
        where = driver.unstored(body)
        path, body = where or (None, body)
        answer = call(media_type, body, path)
        driver.expect_accepted(answer, f"as {media_type}", "GEN-10", unstored=where is not None)


def _refused_rule(driver: Driver, target: Target) -> tuple[Any, Mapping[str, str]] | None:
    """A body that a target which reads it refuses, and where it goes: a rule costs a write for each that it takes.

    A new one is refused for its id, which is taken, and one that is made by a PUT for the statement that it lacks.
    """
    if driver.subject.label == "POST /rules":
        return {**driver.valid_body(), "id": to_change(target, target.rules)}, {}
    if driver.subject.label == "PUT /rules/{id}":
        return {"description": "without a statement"}, driver.unknown_path()
    return None


def _told(answer: Answer) -> list[str]:
    """Status, code and message of an answer, as far as it has them; what failed may tell of itself in any words."""
    body = answer.json if answer.status < 500 and answer.is_json and isinstance(answer.json, dict) else {}
    return [str(each) for each in (answer.status, answer.code, body.get("message")) if each]


@requirement(
    "GEN-17",
    sentence="A field that no operation knows is refused with 400, a query parameter that none knows has no effect.",
)
@pytest.mark.parametrize(
    "subject",
    subjects(
        lambda operation: operation.json_body is not None and not FUZZING[operation.label].any_fields, by_type=False
    ),
)
def test_unknown_field(subject: Subject, driver: Driver, recorder: Recorder) -> None:
    """A field of the body that the operation does not know is refused with 400."""
    valid = driver.valid_body()
    body = [*valid[1:], {**valid[0], UNKNOWN_FIELD: 1}] if isinstance(valid, list) else {**valid, UNKNOWN_FIELD: 1}
    answer = driver.send(query=driver.fixed_query(), body=body)
    if answer.status == 400:
        recorder.passed("GEN-17", "unknown_field", answer.operation)
    else:
        message = f"answered {answer.status} to a body with the unknown field {UNKNOWN_FIELD}, expected 400"
        driver.accepted(answer, recorder.failed("GEN-17", "unknown_field", message, answer))


@requirement("GEN-17", sentence="A query parameter that no operation knows has no effect.")
@pytest.mark.parametrize("subject", subjects(lambda operation: operation.method == "GET", by_type=False))
def test_unknown_query_parameter(subject: Subject, driver: Driver, recorder: Recorder) -> None:
    """A query parameter that the operation does not know has no effect."""
    told, answer = difference(driver.send, lambda: driver.send(query={"x_unknown_parameter": "1"}))
    recorder.expect(told is None, "GEN-17", "unknown_parameter", f"with an unknown query parameter: {told}", answer)


@requirement("GEN-19")
@pytest.mark.parametrize("subject", subjects(lambda operation: operation.method == "GET", by_type=False))
def test_read_changes_nothing(subject: Subject, driver: Driver, recorder: Recorder) -> None:
    """Two reads one after the other, without a write in between, give the same."""
    shown: list[tuple[int, Any]] = []
    answer = driver.send()

    def repeated() -> bool:
        nonlocal answer
        shown[:] = [_shown(answer, driver)]
        answer = driver.send()
        shown.append(_shown(answer, driver))
        # What is gone after it was read stays gone: waiting only helps where something is still on its way.
        return shown[0] == shown[1] or not answer.ok

    eventually(repeated, driver.timing.eventually)
    message = f"read twice, it was first {shown[0]!r}"
    recorder.expect(shown[0] == shown[1], "GEN-19", "read_is_safe", f"{message}, then {shown[1]!r}", answer)


def _shown(answer: Answer, driver: Driver) -> tuple[int, Any]:
    return answer.status, settled(owned(answer.json, driver.sandbox.prefix)) if answer.ok else None


_INVALID_BODIES = 5


@requirement("GEN-22")
@pytest.mark.parametrize(
    "subject",
    seen_subjects(lambda operation: operation.json_body is not None and operation.path != paths.IMPORT_USERS),
)
def test_invalid_write_changes_nothing(
    subject: Subject,
    driver_for: Callable[..., Driver],
    context: Context,
    target: Target,
    sink: HttpSink,
    recorder: Recorder,
) -> None:
    """A request that is refused because it is invalid changes nothing, also where a part of it is valid."""
    driver = driver_for(subject.label, "http" if contract().operation(subject.label).body_chosen_by_type else None)
    write, bodies = _witnessed(driver, target, sink)
    unchanged = True
    for number in range(len(bodies)):
        if number == len(bodies):
            break
        what, body = bodies[number]
        before = write.seen()
        answer = write.send(target.api, subject.label, body=body)
        if answer.ok:
            # What it did is undone, and nothing of it is in the way of the next request.
            driver.expect_refused(answer, what, "GEN-18")
            write.undo()
            write, bodies = _witnessed(driver, target, sink)
            continue
        if not 400 <= answer.status < 500:
            continue
        write.settle()
        after = write.seen()
        message = f"refused with {answer.status} ({what}), and yet {before!r} became {after!r}"
        unchanged &= recorder.expect(after == before, "GEN-22", "refusal_changes_nothing", message, answer)
    if unchanged:
        expect_effect(context, subject.label, write, "GEN-22")
    write.undo()


def _witnessed(driver: Driver, target: Target, sink: HttpSink) -> tuple[Write, Sequence[tuple[str, Any]]]:
    """A new witness, and the same invalid bodies for it as for every other."""
    write = witness_of(driver.operation.label, target, sink)
    return write, _invalid_bodies(driver, write)


def _invalid_bodies(driver: Driver, write: Write) -> Sequence[tuple[str, Any]]:
    """Bodies with an unknown field or one value of the wrong kind each, those of a list behind what is valid."""
    found = [
        (
            f"{mutation.path or 'the body'}: {mutation.what}",
            [*write.body, *mutation.body] if isinstance(write.body, list) else mutation.body,
        )
        for mutation in body_mutations(driver.contract, driver.schema, write.body)
        if (mutation.path or mutation.what == WITH_UNKNOWN_FIELD)
        and (isinstance(mutation.body, list) or not isinstance(write.body, list))
    ]
    # What live servers overwrite before they look at it is not refused, and what it did would be in the way.
    usable = [
        (what, body)
        for what, body in found
        if driver.certainly_invalid(without_fields(body, driver.record.overwritten))
        and driver.is_safe(write.path, body)
    ]
    return sample(usable, _INVALID_BODIES, driver.seeds)
