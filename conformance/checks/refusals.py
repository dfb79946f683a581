"""What must hold for the answer to an invalid request."""

from __future__ import annotations

from conformance.checks.recorder import Recorder
from conformance.target.answer import Answer


def expect_refused(recorder: Recorder, answer: Answer, what: str, requirement: str) -> None:
    """A request with the fault ``what`` got a 4xx that is no 404: it was looked at. GEN-15 decides about a 5xx."""
    if answer.status >= 500:
        return
    recorder.expect(
        400 <= answer.status < 500 and answer.status != 404,
        requirement,
        "refuses_invalid",
        f"an invalid request was answered {answer.status} instead of 400: {what}",
        answer,
    )
