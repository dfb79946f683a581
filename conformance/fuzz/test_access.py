"""Every operation without the right credentials, with the wrong method, and with a body that is not JSON."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract.generation import MISSING
from conformance.fuzz.driver import Driver
from conformance.fuzz.records import FUZZING
from conformance.fuzz.space import Subject, contract, subjects
from conformance.requirements import requirement
from conformance.target.http.credentials import Signature
from conformance.target.http.session import Api, encode, expand

pytestmark = pytest.mark.fuzz

METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH")


def _call(driver: Driver, api: Api, credentials: Signature) -> Any:
    path = driver.unknown_path()
    body = driver.valid_body(path)
    content = {} if body is MISSING else {"json": body}
    return api.call(driver.operation.label, path=path, credentials=credentials, **content)


@requirement("GEN-01")
@pytest.mark.parametrize("subject", subjects(lambda operation: True, by_type=False, arranges=False))
def test_no_credentials(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """Without credentials every operation answers 401 AUTHORIZATION_HEADER_ERROR and WWW-Authenticate."""
    answer = _call(driver, api, "none")
    recorder.expect(
        (answer.status, answer.code) == (401, "AUTHORIZATION_HEADER_ERROR"),
        "GEN-01",
        "authentication_required",
        f"answered {answer.status} {answer.code} without credentials, expected 401 AUTHORIZATION_HEADER_ERROR",
        answer,
    )
    if answer.status == 401:
        recorder.expect(
            "www-authenticate" in answer.headers, "GEN-01", "www_authenticate", "401 without WWW-Authenticate", answer
        )


@requirement("GEN-02")
@pytest.mark.parametrize("subject", subjects(lambda operation: True, by_type=False, arranges=False))
def test_wrong_credentials(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """A wrong secret answers 401 BAD_API_KEY_OR_SECRET, an unknown bearer token 401 BAD_TOKEN."""
    expectations: tuple[tuple[Signature, str], ...] = (
        ("wrong_secret", "BAD_API_KEY_OR_SECRET"),
        ("unknown_token", "BAD_TOKEN"),
    )
    for credentials, code in expectations:
        answer = _call(driver, api, credentials)
        recorder.expect(
            (answer.status, answer.code) == (401, code),
            "GEN-02",
            credentials,
            f"answered {answer.status} {answer.code} to {credentials.replace('_', ' ')}, expected 401 {code}",
            answer,
        )


def _paths() -> list[Any]:
    # Of a part that is optional there are not even the paths.
    optional = [pytest.mark.needs("schemas")]
    return [
        pytest.param(path, id=path, marks=optional if path.startswith("/schema_registry") else ())
        for path in contract().document["paths"]
    ]


@requirement("GEN-06", *contract().operations)
@pytest.mark.parametrize("path", _paths())
def test_undocumented_method(path: str, api: Api, recorder: Recorder, driver_for: Any) -> None:
    """A method that a known path does not document answers 405 with an empty body and Allow listing the documented."""
    documented = {operation.method for operation in api.contract.operations.values() if operation.path == path}
    driver: Driver = driver_for(next(op.label for op in api.contract.operations.values() if op.path == path))
    raw_path = expand(path, driver.unknown_path())
    for method in METHODS:
        if method in documented:
            continue
        # Unsigned: routing comes before authentication, and a server that errs here cannot change anything.
        answer = api.send(method, raw_path, credentials="none")
        allowed = {name.strip() for name in answer.headers.get("allow", "").split(",")} - {""}
        recorder.expect(
            answer.status == 405 and not answer.content and allowed == documented,
            "GEN-06",
            "method_not_allowed",
            f"{method} answered {answer.status} with Allow {sorted(allowed)}, expected 405 and {sorted(documented)}",
            answer,
        )


@requirement("GEN-08")
@pytest.mark.parametrize("subject", subjects(lambda operation: True, by_type=False, arranges=False))
def test_malformed_json(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """A body that is not JSON, under the JSON media type, answers 400 BAD_REQUEST."""
    path = driver.unknown_path()
    # Bodies are parsed before anybody asks whether the operation has one.
    whole = b'{"a": 1}' if driver.operation.json_body is None else encode(driver.valid_body(path))
    for what, content in (("truncated", whole[:-1]), ("followed by garbage", whole + b" x"), ("NaN", b'{"a": NaN}')):
        answer = api.call(driver.operation.label, path=path, content=content, content_type="application/json")
        recorder.expect(
            (answer.status, answer.code) == (400, "BAD_REQUEST"),
            "GEN-08",
            "malformed_json",
            f"answered {answer.status} {answer.code} to JSON that is {what}, expected 400 BAD_REQUEST",
            answer,
        )


@requirement("GEN-09")
@pytest.mark.parametrize(
    "subject",
    subjects(
        lambda operation: operation.json_body is not None and not FUZZING[operation.label].any_media_type,
        by_type=False,
        arranges=False,
    ),
)
def test_media_type(subject: Subject, driver: Driver, api: Api, recorder: Recorder) -> None:
    """A JSON body under another media type answers 415 UNSUPPORTED_MEDIA_TYPE."""
    path = driver.unknown_path()
    content = encode(driver.valid_body(path))
    for media_type in ("text/plain", "application/xml"):
        answer = api.call(driver.operation.label, path=path, content=content, content_type=media_type)
        recorder.expect(
            (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE"),
            "GEN-09",
            "media_type_refused",
            f"answered {answer.status} {answer.code} to {media_type}, expected 415 UNSUPPORTED_MEDIA_TYPE",
            answer,
        )
