"""What must hold for the answer to an invalid request."""

from __future__ import annotations

from conformance.checks.recorder import Recorder
from conformance.result import Failure
from conformance.target.http.answer import Answer


def expect_refused(recorder: Recorder, answer: Answer, what: str, requirement: str) -> Failure | None:
    """A request with the fault ``what`` got a 4xx that is no 404: it was looked at. GEN-15 decides about a 5xx.

    Returns the failure if it did not.
    """
    if answer.status >= 500:
        return None
    if 400 <= answer.status < 500 and answer.status != 404:
        recorder.passed(requirement, "refuses_invalid", answer.operation)
        return None
    message = f"an invalid request was answered {answer.status} instead of 400: {what}"
    return recorder.failed(requirement, "refuses_invalid", message, answer)
