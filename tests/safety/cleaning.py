"""The suite's own clean-up on a deployment in this process: whether it deletes what a request created."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from conformance.target.errors import SafetyViolation
from conformance.target.guard.guard import Guard, Outgoing
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.answer import Answer, Sent
from conformance.target.journal.journal import Header, Journal
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.cleanup import Left, clean_up
from conformance.target.redaction import Redactor
from conformance.target.timing import Timing
from tests.safety.shared_target import SANDBOX, SharedTarget, contract

_HEADER = Header(SANDBOX.run_id, SANDBOX.worker, "in-process", "tests", "2026-11-23T03:00:00+00:00")


class InProcess:
    """Stands in for the session: what the guard lets pass goes into the application."""

    redact = Redactor()
    timing = Timing(cleaned=0.0, retained=0.0, deleted=0.0)

    def __init__(self, target: SharedTarget, sandbox: Sandbox) -> None:
        self._target = target
        self._guard = Guard(contract(), sandbox, HostPolicy(), Mode.SANDBOXED)

    def send(
        self,
        method: str,
        raw_path: str,
        *,
        operation: str | None = None,
        content: bytes | None = None,
        content_type: str = "",
        observed: bool = False,
    ) -> Answer:
        request = Outgoing(method, raw_path, content or b"", content_type)
        if refusal := self._guard.refusal(request):
            raise SafetyViolation(refusal)
        status, body = self._run(self._target.exchange, request)
        sent = Sent(method, raw_path, {}, content or b"", "basic", "1")
        return Answer(operation, sent, status, {"content-type": "application/json"}, body, 0.0)

    def _run(self, call: Callable[[Outgoing], Awaitable[Any]], request: Outgoing) -> Any:
        return self._target.loop.run_until_complete(call(request))


def cleaned_up(target: SharedTarget, created: Iterable[Resource]) -> list[Left]:
    """Delete what a journal lists, by its own means; returns what it could not delete."""
    sandbox = Sandbox(SANDBOX.run_id, SANDBOX.worker)
    journal = Journal(None, _HEADER)
    journal.record(created)
    return clean_up(InProcess(target, sandbox), journal, sandbox, journal)  # type: ignore[arg-type]
