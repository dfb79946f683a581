"""One exchange with a target: what was sent, what came back, and the line that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conformance.target.json_body import decode_json
from conformance.target.redaction import Redactor

AUTHENTICATION_ARGUMENTS = {
    "basic": '-u "$EMQX_CONFORMANCE_API_KEY:$EMQX_CONFORMANCE_API_SECRET"',
    "bearer": '-H "Authorization: Bearer $EMQX_CONFORMANCE_TOKEN"',
    "viewer": '-u "$EMQX_CONFORMANCE_VIEWER_KEY:$EMQX_CONFORMANCE_VIEWER_SECRET"',
    "publisher": '-u "$EMQX_CONFORMANCE_PUBLISHER_KEY:$EMQX_CONFORMANCE_PUBLISHER_SECRET"',
}
BASE_URL_VARIABLE = "$EMQX_CONFORMANCE_BASE_URL"
_EXCERPT = 4000


class NotJson(ValueError):
    """A body that should be JSON is not."""


class UnexpectedAnswer(AssertionError):
    """The target answered something else than its contract demands; ``answer`` is what came back."""

    def __init__(self, answer: Answer, expectation: str) -> None:
        code = f" {answer.code}" if answer.code else ""
        super().__init__(
            f"{answer.operation or f'{answer.sent.method} {answer.sent.path}'} answered {answer.status}{code}, "
            f"expected {expectation}"
        )
        self.answer = answer


@dataclass(slots=True)
class Sent:
    """A request as sent; ``path`` is raw, below ``/api/v5``, with its query. ``credentials`` says how it was signed."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    credentials: str
    request_id: str


@dataclass
class Answer:
    """What a target answered. ``operation`` is the label the request was meant for (None for an unknown path)."""

    operation: str | None
    sent: Sent
    status: int
    headers: Mapping[str, str]
    content: bytes
    elapsed_s: float
    truncated: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def expect(self, *statuses: int, code: str | None = None) -> Answer:
        """This answer, if it has one of ``statuses`` (and that ``code``); raises `UnexpectedAnswer` otherwise."""
        if self.status not in statuses or code not in (None, self.code):
            expectation = " or ".join(map(str, statuses)) + (f" {code}" if code else "")
            raise UnexpectedAnswer(self, expectation)
        return self

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").split(";", 1)[0].strip().lower()

    @cached_property
    def _decoded(self) -> tuple[Any, str | None]:
        if self.truncated:
            return None, f"it is larger than {len(self.content) // 1024 // 1024} MiB"
        return decode_json(self.content)

    @property
    def json(self) -> Any:
        """The decoded body; raises `NotJson` (see `conformance.target.json_body`)."""
        value, problem = self._decoded
        if problem is not None:
            raise NotJson(f"the body of {self.status} is unusable: {problem}")
        return value

    @property
    def is_json(self) -> bool:
        return self.json_problem is None

    @property
    def json_problem(self) -> str | None:
        """Why the body is no JSON that can be relied on, None if it is."""
        return self._decoded[1]

    @property
    def code(self) -> str | None:
        """The ``code`` of an error envelope, None if there is none."""
        value = self._decoded[0]
        code = value.get("code") if isinstance(value, dict) else None
        return code if isinstance(code, str) else None

    @property
    def reason_code(self) -> int | None:
        """The ``reason_code`` of MQTT in an answer to a publish (16: nobody subscribed), None if there is none."""
        value = self._decoded[0]
        code = value.get("reason_code") if isinstance(value, dict) else None
        return code if isinstance(code, int) else None

    def curl(self, redact: Redactor) -> str:
        """A line to paste into a shell; credentials and base URL come from the environment."""
        parts = ["curl -sS -i --path-as-is", f"-X {self.sent.method}"]
        if self.sent.credentials in AUTHENTICATION_ARGUMENTS:
            parts.append(AUTHENTICATION_ARGUMENTS[self.sent.credentials])
        for name, value in self.sent.headers.items():
            if name.lower() in ("content-type", "accept") or (
                name.lower() == "authorization" and self.sent.credentials == "literal"
            ):
                parts.append(f"-H {shlex.quote(f'{name}: {value}')}")
        stdin = ""
        if self.sent.body:
            text = _printable(self.sent.body)
            if text is not None:
                parts.append(f"--data-binary {shlex.quote(redact(text))}")
            else:
                stdin = f"printf {shlex.quote(''.join(f'{byte:02x}' for byte in self.sent.body))} | xxd -r -p | "
                parts.append("--data-binary @-")
        parts.append(f'"{BASE_URL_VARIABLE}"{shlex.quote(redact(self.sent.path))}')
        return stdin + " ".join(parts)

    def transcript(self, redact: Redactor) -> str:
        """Request and response as text, redacted and shortened, for reports."""
        request = (
            f"{self.sent.method} {self.sent.path}\nx-request-id: {self.sent.request_id}\n\n{_excerpt(self.sent.body)}"
        )
        headers = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        response = (
            f"{self.status} after {self.elapsed_s * 1000:.0f} ms\n{shortened(headers)}\n\n{_excerpt(self.content)}"
        )
        return redact(f"{request}\n\n--- answer ---\n{response}")


def _printable(body: bytes) -> str | None:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text and "\r" not in text else None


def _excerpt(body: bytes) -> str:
    text = body[:_EXCERPT].decode("utf-8", errors="backslashreplace")
    more = len(body) - _EXCERPT
    return text + (f"\n... {more} more bytes" if more > 0 else "")


def shortened(text: str) -> str:
    """At most the beginning of a text that a target chose."""
    more = len(text) - _EXCERPT
    return text[:_EXCERPT] + (f"... {more} more characters" if more > 0 else "")
