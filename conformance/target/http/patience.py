"""What to make of an exchange that brought no answer of the target: send again, wait, or give up."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import BadStatusLine, HTTPException, IncompleteRead

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from conformance.target.http.answer import Answer
from conformance.target.http.connection import EndlessAnswer, Unheard
from conformance.target.network_errors import in_words
from conformance.target.redaction import Redactor

SAFE = frozenset({"GET", "HEAD"})
"""Methods of requests that change nothing, however often they arrive."""

IDEMPOTENT = SAFE | {"PUT", "DELETE"}
"""Methods of requests that leave the same when they arrive twice; what is answered the second time may differ."""

GATEWAY_STATUSES = frozenset({502, 503, 504})
LONGEST_PAUSE_S = 30.0
"""The most that a Retry-After is obeyed."""

_LONGEST_REASON = 300


def never_sent(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that the request did not reach the target."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def unheard(error: requests.RequestException) -> bool:
    """Whether the request got no byte on a connection used before, which is no evidence against the target."""
    return any(isinstance(cause, Unheard) for cause in _causes(error))


def may_help(method: str, error: requests.RequestException) -> bool:
    """Whether sending a request again is harmless and may bring an answer."""
    return never_sent(error) or (method in IDEMPOTENT and not isinstance(innermost(error), EndlessAnswer))


def from_gateway(answer: Answer) -> bool:
    """Whether a gateway answered in place of the target, whose own 5xx carry a code."""
    if answer.status not in GATEWAY_STATUSES:
        return False
    body = answer.json if answer.is_json else None
    return not isinstance(body, dict) or not {"code", "reason_code"} & body.keys()


def pause_after(answer: Answer, refusals: int) -> float:
    """Seconds to wait after a 429: as told by Retry-After, at least twice as long with every refusal before."""
    told = _retry_after(answer.headers.get("retry-after", ""))
    return min(max(told, math.ldexp(0.5, refusals)), LONGEST_PAUSE_S)


def _retry_after(value: str) -> float:
    """Seconds that a Retry-After asks for (RFC 9110 10.2.3: a number or a date), 0 if it makes no sense."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return (parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return 0.0


def reason_of(error: requests.RequestException, redact: Redactor) -> str:
    """The innermost cause in a few words, redacted and fit for a terminal; requests nests the interesting part."""
    cause = innermost(error)
    said = " ".join(redact(str(cause)).split())
    said = said if said.isprintable() else ascii(said)[1:-1]
    if len(said) > _LONGEST_REASON:
        said = said[:_LONGEST_REASON] + "..."
    if isinstance(cause, EndlessAnswer):
        return said
    if isinstance(cause, IncompleteRead):
        return f"the answer was cut off ({said})"
    if isinstance(cause, OSError):
        return in_words(cause, said)
    text = f"status line: {said}" if isinstance(cause, BadStatusLine) else said or type(cause).__name__
    if isinstance(cause, HTTPException | HTTPError | ValueError | zlib.error):
        return f"the answer is no valid HTTP ({text})"
    return text


def innermost(error: BaseException) -> BaseException:
    """The exception at the bottom of a chain of causes."""
    return list(_causes(error))[-1]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, what caused it, and so on."""
    yield error
    while (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        error = cause
        yield error
