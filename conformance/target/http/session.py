"""The HTTP session with a target: one per worker, everything the suite sends goes through `Api.call`."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import requests
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict

from conformance import __version__
from conformance.contract import Contract
from conformance.target.errors import TargetLost
from conformance.target.http.answer import Answer, Sent
from conformance.target.http.connection import fresh_connection, read_body
from conformance.target.http.credentials import Credentials, Signature
from conformance.target.http.health import Health, rate_limited
from conformance.target.http.patience import (
    IDEMPOTENT,
    SAFE,
    from_gateway,
    may_help,
    never_sent,
    pause_after,
    reason_of,
    unheard,
)
from conformance.target.http.transport import GuardedAdapter
from conformance.target.redaction import Redactor
from conformance.target.settings.config import Configuration
from conformance.target.timing import Settling

MOST_IN_VAIN = 5
"""Requests in a row that stay unanswered by a target that seems alive, before the run gives up."""

_UNSET: Any = object()


class NoAnswer(Exception):
    """The target is alive, but gave no HTTP answer to this request (GEN-31)."""

    def __init__(self, operation: str | None, sent: Sent, reason: str) -> None:
        super().__init__(f"{sent.method} {sent.path}: no answer: {reason}{_noted(sent)}")
        self.operation = operation
        self.sent = sent
        self.reason = reason


class Undelivered(NoAnswer):
    """A gateway gave an answer of its own: nothing is known about the target's."""


Observer = Callable[[Answer], None]
Doubter = Callable[[Sent], None]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation by its label, for `Api.together`; fields as the arguments of `Api.call`."""

    label: str
    path: Mapping[str, str] = field(default_factory=dict)
    json: Any = _UNSET


class Api:
    """Calls operations of a target and hands every answer to its observers.

    Whatever is sent again is noted on its `Sent` (``again``). The ``doubters`` hear of a write that may have been
    carried out twice by that, before anybody hears of its answer. ``timing``: how long the target may take.

    Raises `NoAnswer` if one request stays unanswered by a living target, `Undelivered` if a gateway answered it,
    `TargetLost` if the target is gone, and `SafetyViolation` if the guard refuses.
    """

    def __init__(
        self, configuration: Configuration, adapter: GuardedAdapter, contract: Contract, redactor: Redactor, run_id: str
    ) -> None:
        assert configuration.base_url is not None
        self.base_url = configuration.base_url
        self.contract = contract
        self.redact = redactor
        self.credentials = Credentials(configuration.keys, configuration.secrets.get("token"))
        self.observers: list[Observer] = []
        self.doubters: list[Doubter] = []
        self.timing = configuration.bounds
        self.settling = Settling()
        self._adapter = adapter
        self._user_agent = f"emqx-conformance/{__version__} run={run_id}"
        self._request_prefix = f"{run_id}-{uuid.uuid4().hex[:6]}-"
        self._count = itertools.count(1)
        self._in_vain = 0
        self.health = Health(
            lambda path: self.probe("GET", path, self.timing.heartbeat), redactor, lambda: self.timing.recovered
        )
        self._session = requests.Session()
        self._session.trust_env = False
        self._verify: str | bool = str(configuration.ca_bundle) if configuration.ca_bundle else True
        self._session.adapters.clear()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def close(self) -> None:
        self._session.close()

    def call(
        self,
        label: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        json: Any = _UNSET,
        content: bytes | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: Signature = "default",
    ) -> Answer:
        """Call an operation of the contract by its label.

        ``path``: decoded path parameters. ``query``: names and values, a list repeats its name. ``json``: the body
        as a value; ``content`` with ``content_type``: the body as bytes.
        """
        method, template = label.split(" ", 1)
        return self.send(
            method,
            expand(template, path or {}) + query_string(query),
            operation=label,
            content=encode(json) if json is not _UNSET else content,
            content_type=content_type or ("application/json" if json is not _UNSET else None),
            headers=headers,
            credentials=credentials,
        )

    def together(self, calls: Sequence[Call]) -> list[Answer]:
        """Send all calls at once, each on a connection of its own; the answers come in the order of the calls."""

        def exchange(call: Call) -> Answer:
            method, template = call.label.split(" ", 1)
            content = None if call.json is _UNSET else encode(call.json)
            content_type = None if content is None else "application/json"
            sent = self._prepare(method, expand(template, call.path), content, content_type)
            sent.at_once = len(calls)
            return self._exchange(call.label, sent)

        self.settling.wait()
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = list(pool.map(exchange, calls))
        self.settling.wrote(self.timing.lag)
        for answer in answers:
            self._observe(answer)
        return answers

    def send(
        self,
        method: str,
        raw_path: str,
        *,
        operation: str | None = None,
        content: bytes | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: Signature = "default",
        observed: bool = True,
    ) -> Answer:
        """Send a request as it stands; ``raw_path`` is percent-encoded, below ``/api/v5``, with its query."""
        sent = self._prepare(method, raw_path, content, content_type, headers, credentials)
        self.settling.wait()
        answer = self._exchange(operation, sent)
        if method != "GET" and not 400 <= answer.status < 500:
            self.settling.wrote(self.timing.lag)
        if observed:
            self._observe(answer)
        return answer

    def _observe(self, answer: Answer) -> None:
        for observer in self.observers:
            observer(answer)

    def _prepare(
        self,
        method: str,
        raw_path: str,
        content: bytes | None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: Signature = "default",
    ) -> Sent:
        request_id = f"{self._request_prefix}{next(self._count)}"
        all_headers: dict[str, str] = {
            "User-Agent": self._user_agent,
            "Accept": "application/json",
            "X-Request-Id": request_id,
            **self.credentials.headers(credentials),
        }
        if content_type is not None:
            all_headers["Content-Type"] = content_type
        if content is not None:
            all_headers["Content-Length"] = str(len(content))
        elif method in ("POST", "PUT", "PATCH"):
            all_headers["Content-Length"] = "0"
        all_headers.update(headers or {})
        return Sent(method, raw_path, all_headers, content or b"", self.credentials.resolve(credentials), request_id)

    def send_json(self, method: str, raw_path: str, body: Any) -> Answer:
        """Send a JSON body outside of every check (set-up, preflight)."""
        return self.send(method, raw_path, content=encode(body), content_type="application/json", observed=False)

    def probe(self, method: str, raw_path: str, silence_s: float | None = None) -> Answer:
        """One request on a new connection, without retries, checks or patience; raises `requests.RequestException`."""
        return self._once(None, self._prepare(method, raw_path, None), silence_s, fresh=True)

    def _exchange(self, operation: str | None, sent: Sent) -> Answer:
        """The answer to a request, which is sent again where that is harmless, or its first way proves nothing."""
        errors = gateways = refusals = 0
        lost, waited = False, 0.0
        while True:
            try:
                answer = self._once(operation, sent, fresh=lost)
            except requests.RequestException as error:
                lost = True
                reason = reason_of(error, self.redact)
                if unheard(error):
                    # A write goes out again as well: most likely nobody looked at it, and whether the target answers
                    # would stay undecided. Whoever concludes something from it is told.
                    self._again(sent, f"on a new connection, because the one before was closed after use ({reason})")
                    continue
                errors += 1
                if errors > 1 or not may_help(sent.method, error):
                    self._require_health()
                    if errors > 2 or not never_sent(error):
                        raise self._unanswered(operation, sent, reason) from None
                if not never_sent(error):
                    self._again(sent, f"on a new connection, because there was no answer ({reason})")
                continue
            if answer.status == 429:
                pause = pause_after(answer, refusals)
                refusals, waited = refusals + 1, waited + pause
                if waited > self.timing.throttled:
                    raise rate_limited(operation or f"{sent.method} {sent.path}")
                self._again(sent, f"{pause:g} s after 429, which refuses it", refused=True)
                time.sleep(pause)
            elif from_gateway(answer):
                gateways += 1
                if gateways > 2 or sent.method not in IDEMPOTENT:
                    self._require_health()
                    raise Undelivered(operation, sent, f"a gateway answered {answer.status} in place of the target")
                self._again(sent, f"because a gateway answered {answer.status} in place of the target")
                time.sleep(0.5 * gateways)
            else:
                self._in_vain = 0
                if lost and (restart := self.health.restart()):
                    raise restart
                return answer

    def _again(self, sent: Sent, why: str, *, refused: bool = False) -> None:
        """Note that a request is sent again; ``refused``: the target said that it did not carry it out."""
        sent.again.append(f"sent again {why}")
        if sent.method not in SAFE and not refused:
            for doubter in self.doubters:
                doubter(sent)

    def _require_health(self) -> None:
        if problem := self.health.problem():
            raise problem

    def _unanswered(self, operation: str | None, sent: Sent, reason: str) -> Exception:
        self._in_vain += 1
        if self._in_vain >= MOST_IN_VAIN:
            return TargetLost(f"{self._in_vain} requests in a row stayed unanswered, the last one because of {reason}")
        return NoAnswer(operation, sent, reason)

    def _once(
        self, operation: str | None, sent: Sent, silence_s: float | None = None, *, fresh: bool = False
    ) -> Answer:
        request = requests.PreparedRequest()
        request.method = sent.method
        request.url = self.base_url + sent.path
        request.headers = CaseInsensitiveDict(sent.headers)
        request.body = sent.body or None
        request.hooks = default_hooks()
        # Not Session.send: it looks at redirects and cookies, which the suite must not follow or keep.
        adapter = self._session.get_adapter(request.url)
        timeout = (self.timing.connected, silence_s or self.timing.silence)
        began = time.monotonic()
        with fresh_connection() if fresh else nullcontext():
            response = adapter.send(request, stream=True, timeout=timeout, verify=self._verify)
        content, truncated = read_body(response)
        answer = Answer(
            operation=operation,
            sent=sent,
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            content=content,
            elapsed_s=getattr(response, "elapsed_s", 0.0),
            truncated=truncated,
            began=began,
        )
        self._adapter.answered(answer)
        return answer


def _noted(sent: Sent) -> str:
    return f" ({'; '.join(sent.again)})" if sent.again else ""


def expand(template: str, parameters: Mapping[str, str]) -> str:
    """Fill a path template; values are percent-encoded as one segment each."""
    for name, value in parameters.items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template


def query_string(query: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items() if isinstance(query, Mapping) else query:
        for item in value if isinstance(value, list | tuple) else [value]:
            pairs.append((name, item if isinstance(item, str) else json.dumps(item)))
    return "?" + urlencode(pairs, quote_via=quote) if pairs else ""


def encode(value: Any) -> bytes:
    """A value as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
