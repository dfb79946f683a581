"""5xx that an operation documents are no failures; others are, whatever their body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.checks.answers import AnswerChecks
from conformance.checks.recorder import Recorder
from conformance.contract import load_contract
from conformance.target.http.answer import Answer, Sent
from conformance.target.redaction import Redactor

CONTRACT = load_contract()
UNDELIVERED = {"message": "failed_to_dispatch", "reason_code": 131}
BUSY = {"code": "SERVICE_UNAVAILABLE", "message": "Timeout"}


@pytest.mark.parametrize(
    ("label", "status", "body", "fine"),
    [
        ("POST /publish", 503, UNDELIVERED, True),
        ("POST /publish/bulk", 503, [{"id": "0006"}, UNDELIVERED], True),
        ("POST /publish/bulk", 503, [UNDELIVERED, UNDELIVERED], True),
        ("POST /publish", 503, {}, False),
        ("POST /publish", 503, {"code": "INTERNAL_ERROR", "message": "m"}, False),
        ("POST /publish", 500, UNDELIVERED, False),
        ("GET /banned", 503, UNDELIVERED, False),
        ("POST /actions/{id}/{operation}", 503, BUSY, True),
        ("POST /actions/{id}/{operation}", 503, UNDELIVERED, False),
    ],
)
def test_server_errors(label: str, status: int, body: Any, fine: bool) -> None:
    recorder = Recorder(Redactor((), frozenset()), "gw0")
    recorder.begin("an item", ("GEN-15",), label)
    sent = Sent(label.partition(" ")[0], "/x", {}, b"", "basic", "1")
    answer = Answer(label, sent, status, {"content-type": "application/json"}, json.dumps(body).encode(), 0.1)

    AnswerChecks(CONTRACT, recorder).no_server_error(answer, CONTRACT.operation(label))

    assert (recorder.failures == []) is fine, recorder.failures
