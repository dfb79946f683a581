"""Checks of every answer, whatever the request was: status, media type, schema, error envelope, hygiene."""

from __future__ import annotations

import re
from collections.abc import Callable

from conformance.checks.additional import ADDITIONAL
from conformance.checks.recorder import Recorder
from conformance.checks.sightings import refused_read, wrong_body
from conformance.contract import Contract, Operation
from conformance.contract.errata import explain
from conformance.contract.in_motion import without_what_moves
from conformance.contract.schemas import Violation
from conformance.contract.versions import is_later
from conformance.requirements import universal_requirement
from conformance.result import Sighting
from conformance.target.http.answer import Answer

# The codes EMQX documents for its error answers; those of the 77 operations are a part of them.
ERROR_CODES = frozenset(
    {
        "ALREADY_EXISTS", "API_KEY_NOT_ALLOW", "API_KEY_NOT_ALLOW_MSG", "AUTHORIZATION_HEADER_ERROR",
        "BAD_API_KEY_OR_SECRET", "BAD_CONFIG_SCHEMA", "BAD_LISTENER_ID", "BAD_NODE_NAME", "BAD_REQUEST", "BAD_RPC",
        "BAD_TOKEN", "BAD_TOPIC", "BAD_USERNAME_OR_PWD", "CLIENTID_NOT_FOUND", "CLIENT_BAD_RESPONSE",
        "CLIENT_NOT_FOUND", "CLIENT_NOT_RESPONSE", "CLIENT_SHUTDOWN", "CONFLICT", "DISALLOWED",
        "DUPLICATED_RESOURCE", "ERROR_PWD_NOT_MATCH", "ERROR_USERNAME_OR_PWD", "EXCEED_LIMIT", "EXTERNAL_ERROR",
        "INTERNAL_ERROR", "INVALID_ID", "INVALID_PARAMETER", "MESSAGE_ID_NOT_FOUND", "MESSAGE_ID_SCHEMA_ERROR",
        "NAME_TOO_LONG", "NODE_DOWN", "NOT_FOUND", "NOT_IMPLEMENTED", "NOT_MATCH", "NO_DEFAULT_ROUTE",
        "QUOTA_EXCEEDED", "RESOURCE_NOT_FOUND", "RULE_NOT_FOUND", "SERVICE_UNAVAILABLE", "SOURCE_ERROR",
        "SSO_BACKEND_NOT_FOUND", "TEST_FAILED", "TOKEN_TIME_OUT", "TOPIC_NOT_FOUND", "UNAUTHORIZED_ROLE",
        "UNKNOWN_ERROR", "UNSUPPORTED_MEDIA_TYPE", "UPDATE_FAILED", "USER_NOT_FOUND",
    }
)  # fmt: skip

_INTERNALS = re.compile(
    r"(?:\b[a-z_]+,[a-z_]+,\d+,\s*\[\{file,)|(?:\.erl\b)|(?:\bbadmatch\b|\bfunction_clause\b|\bcase_clause\b)"
    r"|(?:Traceback \(most recent)|(?:\{error,\{[a-z_]+,\[\{)",
)

AnswerCheck = Callable[["AnswerChecks", Answer, Operation], None]


class AnswerChecks:
    """Observes a session and records what is decided; one instance per worker. ``version``: what the target says."""

    def __init__(self, contract: Contract, recorder: Recorder, version: str | None = None) -> None:
        self.contract = contract
        self.recorder = recorder
        self._newer = is_later(version, contract.version)

    def __call__(self, answer: Answer) -> None:
        self.recorder.saw(answer)
        if answer.operation is not None:
            operation = self.contract.operation(answer.operation)
            for check in CHECKS:
                check(self, answer, operation)
            for additional in ADDITIONAL:
                judgment = additional.decide(answer, operation)
                if isinstance(judgment, str):
                    # Not of the document, whose errata say nothing about requirements of others.
                    self.recorder.failed(additional.requirement, additional.name, judgment, answer, by_itself=True)
                elif judgment is True:
                    self.recorder.passed(additional.requirement, additional.name, operation.label)

    @universal_requirement("GEN-31")
    def answered(self, answer: Answer, operation: Operation) -> None:
        """Every request to a running target gets a complete HTTP answer."""
        self.recorder.passed("GEN-31", "answered", operation.label)  # without an answer, `NoAnswer` fails it

    @universal_requirement("GEN-15", level="SHOULD")
    def no_server_error(self, answer: Answer, operation: Operation) -> None:
        """No input makes the target answer 5xx, save for the 5xx codes an operation documents."""
        if answer.status < 500:
            self.recorder.passed("GEN-15", "no_server_error", operation.label)
        elif not self._documented_server_error(answer, operation):
            detail = answer.code or ("an empty body" if not answer.content else "a body that is no error envelope")
            message = f"answered {answer.status} with {detail}"
            self._failed(answer, "GEN-15", "no_server_error", message, sighting=refused_read(answer))

    @universal_requirement("GEN-27")
    def documented_status(self, answer: Answer, operation: Operation) -> None:
        """Every status that is answered is documented for its operation."""
        if answer.status >= 500:
            return
        if answer.status in operation.responses:
            self.recorder.passed("GEN-27", "documented_status", operation.label)
        else:
            documented = ", ".join(map(str, sorted(operation.responses)))
            message = f"answered {answer.status}, documented are {documented}"
            self._failed(answer, "GEN-27", "documented_status", message, sighting=refused_read(answer))

    @universal_requirement("GEN-33")
    def media_type(self, answer: Answer, operation: Operation) -> None:
        """An answer with a body has a media type that its operation documents."""
        response = operation.responses.get(answer.status)
        if response is None or not response.media_types or not answer.content:
            return
        if answer.media_type in response.media_types:
            self.recorder.passed("GEN-33", "media_type", operation.label)
        else:
            message = (
                f"{answer.status} came as {answer.media_type or 'no media type'}, "
                f"documented is {', '.join(response.media_types)}"
            )
            self._failed(answer, "GEN-33", "media_type", message)

    @universal_requirement("GEN-14")
    def schema(self, answer: Answer, operation: Operation) -> None:
        """The body of every 2xx and of every documented 4xx validates against its schema."""
        response = operation.responses.get(answer.status)
        if response is None or response.schema is None or answer.status >= 500:
            return
        if not answer.content:
            if answer.ok:
                self._failed(answer, "GEN-14", "response_schema", f"{answer.status} came without a body")
            return
        if answer.json_problem is not None:
            message = f"the body of {answer.status} is unusable: {answer.json_problem}"
            self._failed(answer, "GEN-14", "response_schema", message)
            return
        body = without_what_moves(operation.label, answer.json)
        found = self.contract.validate_response(operation.label, answer.status, body)
        violations = [violation for violation in found if not self._may_be_new(violation)]
        if not violations:
            self.recorder.passed("GEN-14", "response_schema", operation.label)
        for violation in violations:
            where = violation.path or "the body"
            self._failed(
                answer,
                "GEN-14",
                "response_schema",
                f"{answer.status}: {where}: {violation.message}",
                signature=f"{answer.status} {_without_indexes(violation.path)} {violation.schema_path}",
                sighting=wrong_body(answer, violation) if answer.ok else None,
            )

    def _may_be_new(self, violation: Violation) -> bool:
        """Whether it is a value beside those the contract lists, of a target newer than the contract.

        5.10 has types of actions and names of events that 5.8 does not know.
        """
        return self._newer and violation.schema_path.endswith("/enum")

    @universal_requirement("GEN-13", of_writes=True)
    def empty_204(self, answer: Answer, operation: Operation) -> None:
        """A 204 has no body."""
        if answer.status != 204:
            return
        announced = answer.headers.get("content-length", "0")
        if answer.content or announced != "0":
            size = len(answer.content) or f"an announced {announced}"
            self._failed(answer, "GEN-13", "empty_204", f"204 came with {size} bytes of body")
        else:
            self.recorder.passed("GEN-13", "empty_204", operation.label)

    @universal_requirement("GEN-11")
    def error_envelope(self, answer: Answer, operation: Operation) -> None:
        """The JSON body of a 4xx or 5xx is an object with string code and string message."""
        if answer.status < 400 or not answer.content or answer.media_type != "application/json":
            return
        body = answer.json if answer.is_json else None
        if not isinstance(body, dict):
            self._failed(answer, "GEN-11", "error_envelope", f"the body of {answer.status} is not a JSON object")
            return
        kind = "reason_code" if operation.path.startswith("/publish") and "reason_code" in body else "code"
        expected = int if kind == "reason_code" else str
        if isinstance(body.get(kind), expected) and isinstance(body.get("message"), str):
            self.recorder.passed("GEN-11", "error_envelope", operation.label)
        else:
            message = f"{answer.status} has keys {sorted(body)} instead of a string code and a string message"
            self._failed(answer, "GEN-11", "error_envelope", message)

    @universal_requirement("GEN-12")
    def error_code(self, answer: Answer, operation: Operation) -> None:
        """The code of an error is one of EMQX's documented error codes."""
        if answer.status < 400 or answer.code is None:
            return
        if answer.code in ERROR_CODES:
            self.recorder.passed("GEN-12", "error_code", operation.label)
        else:
            self._failed(answer, "GEN-12", "error_code", f"{answer.status} has the unknown code {answer.code!r}")

    @universal_requirement("GEN-16", level="SHOULD")
    def no_internals(self, answer: Answer, operation: Operation) -> None:
        """The text of an error shows no stack trace, source file or secret."""
        if answer.status < 400 or not answer.content:
            return
        text = answer.content.decode("utf-8", errors="replace")
        if self.recorder.redact(text) != text:
            self._failed(answer, "GEN-16", "no_internals", f"{answer.status} repeats a secret of the request")
        elif found := _INTERNALS.search(text):
            message = f"{answer.status} shows internals of the server: {found[0]}"
            self._failed(answer, "GEN-16", "no_internals", message)
        else:
            self.recorder.passed("GEN-16", "no_internals", operation.label)

    def _documented_server_error(self, answer: Answer, operation: Operation) -> bool:
        if answer.status not in operation.responses or answer.code == "INTERNAL_ERROR" or not answer.is_json:
            return False
        # What could not be dispatched says so by the MQTT reason code of its message (behaviour 9).
        told = answer.json if isinstance(answer.json, list) else [answer.json]
        if not any(isinstance(one, dict) and {"code", "reason_code"} & one.keys() for one in told):
            return False
        return not self.contract.validate_response(operation.label, answer.status, answer.json)

    def _failed(
        self,
        answer: Answer,
        requirement: str,
        check: str,
        message: str,
        signature: str | None = None,
        sighting: Sighting | None = None,
    ) -> None:
        errata = explain(self.contract, answer.operation or "", answer.status, answer)
        self.recorder.failed(
            requirement,
            check,
            message,
            answer,
            attribution="document" if errata else "target",
            erratum=", ".join(errata) or None,
            signature=signature,
            by_itself=True,
            sighting=sighting,
        )


CHECKS: tuple[AnswerCheck, ...] = (
    AnswerChecks.answered,
    AnswerChecks.no_server_error,
    AnswerChecks.documented_status,
    AnswerChecks.media_type,
    AnswerChecks.schema,
    AnswerChecks.empty_204,
    AnswerChecks.error_envelope,
    AnswerChecks.error_code,
    AnswerChecks.no_internals,
)


def _without_indexes(pointer: str) -> str:
    return re.sub(r"/\d+(?=/|$)", "/*", pointer)
