"""Every operation with credentials of every kind: who is let in, to do what, and what a refusal leaves."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from conformance.checks.equivalence import difference
from conformance.checks.recorder import Recorder
from conformance.contract import Operation, kinds
from conformance.contract.generation import MISSING
from conformance.fuzz.driver import Driver
from conformance.fuzz.effects import expect_effect
from conformance.fuzz.records import witness_of
from conformance.fuzz.space import Subject, marked, seen_subjects, subjects
from conformance.fuzz.witness import Write
from conformance.requirements import requirement
from conformance.target.http.answer import Answer
from conformance.target.http.credentials import Signature
from conformance.target.http.session import Api
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = pytest.mark.fuzz

_TRUNCATED = b'{"cut": '
_PUBLISHING = kinds.RETAINED.created_by


def _reads(operation: Operation) -> bool:
    return operation.method == "GET"


def _writes(operation: Operation) -> bool:
    return operation.method != "GET"


def _needed(parameters: list[Any], capability: str) -> list[Any]:
    return [marked(parameter, pytest.mark.needs(capability)) for parameter in parameters]


@requirement("GEN-03")
@pytest.mark.needs("bearer")
@pytest.mark.parametrize("subject", subjects(_reads, by_type=False))
def test_bearer_reads_what_basic_reads(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """A bearer token and an API key get the same status and an equivalent body for the same read."""

    def read(credentials: Signature) -> Callable[[], Answer]:
        return lambda: api.call(subject.label, path=driver.path, query=driver.fixed_query(), credentials=credentials)

    told, answer = difference(read("basic"), read("bearer"))
    recorder.expect(told is None, "GEN-03", "bearer_as_basic", f"to a bearer token instead of a key: {told}", answer)


@requirement("GEN-04")
@pytest.mark.parametrize("subject", subjects(lambda operation: True, by_type=False, arranges=False))
def test_credentials_come_first(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """Credentials are checked before the body is parsed and before what the path names is looked up."""
    for credentials in ("none", "wrong_secret", "unknown_token"):
        _expect_refused_first(driver, api, recorder, credentials, 401)


@requirement("GEN-04")
@pytest.mark.parametrize("subject", _needed(subjects(_writes, by_type=False, arranges=False), "viewer"))
def test_roles_come_first(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """The role of a key is checked before the body is parsed and before what the path names is looked up."""
    _expect_refused_first(driver, api, recorder, "viewer", 403)


@requirement(
    "GEN-05",
    sentence="A viewer only reads and a publisher only publishes: all else answers 403 UNAUTHORIZED_ROLE.",
)
@pytest.mark.parametrize("subject", _needed(subjects(_writes, by_type=False, arranges=False), "viewer"))
def test_viewer_writes_nothing(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """A viewer gets 403 UNAUTHORIZED_ROLE for every write."""
    _expect_forbidden(_call(driver, api, "viewer"), "viewer", recorder)


@requirement("GEN-05", sentence="A viewer reads what the full key reads.")
@pytest.mark.parametrize("subject", _needed(subjects(_reads, by_type=False), "viewer"))
def test_viewer_reads(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """A viewer gets the answer of the full key for every read."""
    answers = [
        api.call(subject.label, path=driver.path, query=driver.fixed_query(), credentials=credentials)
        for credentials in ("default", "viewer")
    ]
    recorder.expect(
        answers[0].status == answers[1].status,
        "GEN-05",
        "viewer_reads",
        f"answered {answers[1].status} {answers[1].code} to the viewer (--viewer-key) "
        f"and {answers[0].status} to the full key",
        answers[1],
    )


@requirement("GEN-05", sentence="A publisher only publishes.")
@pytest.mark.parametrize(
    "subject", _needed(subjects(lambda operation: True, by_type=False, arranges=False), "publisher")
)
def test_publisher_only_publishes(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """A publisher publishes, and gets 403 UNAUTHORIZED_ROLE for everything else."""
    answer = _call(driver, api, "publisher")
    if subject.label in _PUBLISHING:
        message = f"answered {answer.status} {answer.code} to the publisher (--publisher-key), expected 200 or 202"
        recorder.expect(answer.status in (200, 202), "GEN-05", "publisher_publishes", message, answer)
    else:
        _expect_forbidden(answer, "publisher", recorder)


def _expect_refused_first(driver: Driver, api: Api, recorder: Recorder, credentials: Signature, status: int) -> None:
    """Send a body that no parser reads to a path that names nothing: ``status`` says who looked first."""
    answer = api.call(
        driver.operation.label,
        path=driver.unknown_path(),
        content=_TRUNCATED,
        content_type="application/json",
        credentials=credentials,
    )
    recorder.expect(
        answer.status == status,
        "GEN-04",
        "credentials_first",
        f"answered {answer.status} {answer.code} to truncated JSON for an unknown id with credentials "
        f"{credentials!r}, expected {status}",
        answer,
    )


def _call(driver: Driver, api: Api, credentials: Signature, **call: Any) -> Answer:
    """A valid request for something that does not exist."""
    path = driver.unknown_path()
    body = driver.valid_body(path)
    content = {} if body is MISSING else {"json": body}
    return api.call(driver.operation.label, path=path, credentials=credentials, **content, **call)


def _expect_forbidden(answer: Answer, role: str, recorder: Recorder) -> None:
    recorder.expect(
        (answer.status, answer.code) == (403, "UNAUTHORIZED_ROLE"),
        "GEN-05",
        f"{role}_forbidden",
        f"answered {answer.status} {answer.code} to the {role} (--{role}-key), expected 403 UNAUTHORIZED_ROLE",
        answer,
    )


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# Each is no Authorization header that HTTP knows; the first names a scheme that EMQX does not (behaviour 0.3).
_DIGEST = 'Digest username="u", realm="r", nonce="n", uri="/", response="0123456789abcdef0123456789abcdef"'
_MALFORMED = {
    "an unknown scheme": "Token x",
    "Basic that is no base64": "Basic %%%",
    "Basic without a colon": f"Basic {_encoded('no-colon')}",
    "an illegal bearer token": 'Bearer {"not": "a token"}',
    "an empty header": "",
}


@requirement("GEN-34")
@pytest.mark.parametrize("subject", subjects(lambda operation: True, by_type=False, arranges=False))
def test_malformed_authorization(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """A malformed Authorization header is refused with 400 or 401, the Digest scheme with 401."""
    digest = _call(driver, api, "literal", headers={"Authorization": _DIGEST})
    recorder.expect(
        (digest.status, digest.code) == (401, "AUTHORIZATION_HEADER_ERROR"),
        "GEN-34",
        "digest_refused",
        f"answered {digest.status} {digest.code} to the Digest scheme, expected 401 AUTHORIZATION_HEADER_ERROR",
        digest,
    )
    for what, value in _MALFORMED.items():
        answer = _call(driver, api, "literal", headers={"Authorization": value})
        message = f"answered {answer.status} {answer.code or ''} to {what}, expected 400 or 401"
        recorder.expect(answer.status in (400, 401), "GEN-34", "malformed_authorization", message, answer)


@requirement("GEN-35")
@pytest.mark.parametrize("subject", seen_subjects(lambda operation: True))
def test_unauthorized_write_changes_nothing(
    subject: Subject, context: Context, target: Target, sink: HttpSink, api: Api, recorder: Recorder
) -> None:
    """A request that is refused with 401 or 403 changes nothing."""
    write = witness_of(subject.label, target, sink)
    signatures: list[Signature] = ["none", "wrong_secret", "unknown_token"]
    signatures += ["viewer"] * api.credentials.has("viewer")
    signatures += ["publisher"] * (api.credentials.has("publisher") and subject.label not in _PUBLISHING)
    unchanged = all(_changes_nothing(api, subject.label, write, credentials, recorder) for credentials in signatures)
    if unchanged:
        expect_effect(context, subject.label, write, "GEN-35")
    write.undo()


def _changes_nothing(api: Api, label: str, write: Write, credentials: Signature, recorder: Recorder) -> bool:
    """Send a write with other credentials; False if it is refused and its effect shows all the same."""
    before = write.seen()
    answer = write.send(api, label, credentials)
    if answer.status not in (401, 403):
        return True  # GEN-01, GEN-02 and GEN-05 decide whether it is refused
    write.settle()
    after = write.seen()
    message = f"refused with {answer.status}, and yet {before!r} became {after!r}"
    return recorder.expect(after == before, "GEN-35", "refusal_changes_nothing", message, answer)
