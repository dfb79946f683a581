"""One exchange with a target: what was sent, what came back, and the line that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from conformance.target.http.json_body import decode_json
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


class Deviation(AssertionError):
    """Something is wrong that ``answer`` shows; for judgments about several answers, which must say which one it is.

    ``refused``: whether the request should have been refused, so that what it did is undone, and what others see of it
    until then is told as its consequence.
    """

    def __init__(self, message: str, answer: Answer, *, refused: bool = False) -> None:
        super().__init__(message)
        self.answer = answer
        self.refused = refused


class UnexpectedAnswer(Deviation):
    """The target answered something else than its contract demands; ``answer`` is what came back."""

    def __init__(self, answer: Answer, expectation: str, *, refused: bool = False) -> None:
        code = f" {answer.code}" if answer.code else ""
        super().__init__(
            f"{answer.operation or f'{answer.sent.method} {answer.sent.path}'} answered {answer.status}{code}, "
            f"expected {expectation}",
            answer,
            refused=refused,
        )


@dataclass(slots=True)
class Sent:
    """A request as sent; ``path`` is raw, below ``/api/v5``, with its query. ``credentials`` says how it was signed.

    ``again``: for each time that it was sent again, how and why. ``at_once``: how many requests were sent at the same
    time, itself included.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    credentials: str
    request_id: str
    again: list[str] = field(default_factory=list)
    at_once: int = 1

    def curl(self, redact: Redactor, secrets: Collection[str] = ()) -> str:
        """A line to paste into a shell; credentials and base URL come from the environment.

        Secrets in the body are to be filled in. ``secrets``: values to hide besides those of its secret fields.
        """
        hide = self.hiding(redact, secrets)
        parts = ["curl -sS -i --path-as-is", f"-X {self.method}"]
        if self.credentials in AUTHENTICATION_ARGUMENTS:
            parts.append(AUTHENTICATION_ARGUMENTS[self.credentials])
        for name, value in self.headers.items():
            if name.lower() in ("content-type", "accept") or (
                name.lower() == "authorization" and self.credentials == "literal"
            ):
                parts.append(f"-H {shlex.quote(redact.known(f'{name}: {value}'))}")
        stdin = ""
        if self.body:
            text = _printable(self.body)
            if text is not None:
                parts.append(f"--data-binary {shlex.quote(hide(text))}")
            else:
                stdin = f"printf {shlex.quote(hide(self.body.hex()))} | xxd -r -p | "
                parts.append("--data-binary @-")
        parts.append(f'"{BASE_URL_VARIABLE}"{shlex.quote(hide(self.path))}')
        return stdin + " ".join(parts)

    def hiding(self, redact: Redactor, secrets: Collection[str] = ()) -> Callable[[str], str]:
        """What hides known secrets, ``secrets``, and those in the secret fields of the body."""
        return partial(redact.hide, values=redact.secrets_in(self.body) | set(secrets))


@dataclass
class Answer:
    """What a target answered. ``operation`` is the label the request was meant for (None for an unknown path).

    ``began``: when the request was sent, by the monotonic clock in seconds.
    """

    operation: str | None
    sent: Sent
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    elapsed_s: float
    truncated: bool = False
    began: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def expect(self, *statuses: int, code: str | None = None) -> Answer:
        """This answer, if it has one of ``statuses`` (and that ``code``); raises `UnexpectedAnswer` otherwise."""
        if self.status not in statuses or code not in (None, self.code):
            expectation = " or ".join(map(str, statuses)) + (f" {code}" if code else "")
            raise UnexpectedAnswer(self, expectation, refused=min(statuses) >= 400)
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
        """The decoded body; raises `NotJson` (see `conformance.target.http.json_body`)."""
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

    def curl(self, redact: Redactor, secrets: Collection[str] = ()) -> str:
        """The line that repeats the request, see `Sent.curl`."""
        return self.sent.curl(redact, secrets)

    def transcript(self, redact: Redactor, secrets: Collection[str] = ()) -> str:
        """Request and response as text, redacted and shortened, for reports; ``secrets`` as for `curl`."""
        hide = self.sent.hiding(redact, secrets)
        request = (
            f"{self.sent.method} {hide(self.sent.path)}\nx-request-id: {self.sent.request_id}\n\n"
            f"{_excerpt(self.sent.body, hide)}"
        ) + "".join(f"\n\n--- {note} ---" for note in self.sent.again)
        headers = hide("\n".join(f"{name}: {value}" for name, value in self.headers.items()))
        response = (
            f"{self.status} after {self.elapsed_s * 1000:.0f} ms\n{shortened(headers)}\n\n"
            f"{_excerpt(self.content, hide)}"
        )
        return f"{request}\n\n--- answer ---\n{response}"


def _printable(body: bytes) -> str | None:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text and "\r" not in text else None


def _excerpt(body: bytes, hide: Callable[[str], str]) -> str:
    """The beginning of a body; what is hidden there is hidden before the rest is cut off, and a secret with it."""
    text = hide(body[: 2 * _EXCERPT].decode("utf-8", errors="backslashreplace"))[:_EXCERPT]
    more = len(body) - _EXCERPT
    return text + (f"\n... {more} more bytes" if more > 0 else "")


def shortened(text: str) -> str:
    """At most the beginning of a text that a target chose."""
    more = len(text) - _EXCERPT
    return text[:_EXCERPT] + (f"... {more} more characters" if more > 0 else "")
