"""The HTTP session with a target: one per worker, everything the suite sends goes through `Api.call`."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import requests
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from conformance import __version__
from conformance.contract import Contract
from conformance.target.answer import Answer, Sent
from conformance.target.config import Configuration
from conformance.target.credentials import Credentials, Signature
from conformance.target.errors import TargetLost
from conformance.target.redaction import Redactor
from conformance.target.transport import GuardedAdapter

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
LARGEST_ANSWER = 16 * 1024 * 1024
IDEMPOTENT = frozenset({"GET", "PUT", "DELETE", "HEAD"})
GATEWAY_STATUSES = frozenset({502, 503, 504})
LONGEST_RETRY_AFTER_S = 30.0

_UNSET: Any = object()
_HEARTBEAT = "/action_types"


class NoAnswer(Exception):
    """The target is alive, but gave no HTTP answer to this request (GEN-31)."""

    def __init__(self, operation: str | None, sent: Sent, reason: str) -> None:
        super().__init__(f"{sent.method} {sent.path}: no answer: {reason}")
        self.operation = operation
        self.sent = sent
        self.reason = reason


Observer = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation by its label, for `Api.together`; fields as the arguments of `Api.call`."""

    label: str
    path: Mapping[str, str] = field(default_factory=dict)
    json: Any = _UNSET


class Api:
    """Calls operations of a target and hands every answer to its observers.

    Raises `NoAnswer` if one request stays unanswered by a living target, `TargetLost` if the target is gone, and
    `SafetyViolation` if the guard refuses.
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
        self._user_agent = f"emqx-conformance/{__version__} run={run_id}"
        self._request_prefix = f"{run_id}-{uuid.uuid4().hex[:6]}-"
        self._count = itertools.count(1)
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
            return self._exchange(call.label, sent)

        with ThreadPoolExecutor(len(calls)) as pool:
            answers = list(pool.map(exchange, calls))
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
        answer = self._exchange(operation, sent)
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

    def probe(self, method: str, raw_path: str) -> Answer:
        """One request without retries, checks or patience; raises `requests.RequestException`."""
        headers = {"User-Agent": self._user_agent, "Accept": "application/json", **self.credentials.headers("default")}
        return self._once(None, Sent(method, raw_path, headers, b"", self.credentials.default, "probe"))

    def alive(self) -> bool:
        """Whether the target answers a simple read with 200, tried for about five seconds."""
        for pause in (0.0, 0.5, 1.0, 1.5, 2.0):
            time.sleep(pause)
            try:
                if self.probe("GET", _HEARTBEAT).status == 200:
                    return True
            except requests.RequestException:
                continue
        return False

    def _exchange(self, operation: str | None, sent: Sent) -> Answer:
        reason = ""
        for attempt in range(3):
            try:
                answer = self._once(operation, sent)
            except requests.RequestException as error:
                reason = reason_of(error)
                if attempt == 0 and (sent.method in IDEMPOTENT or isinstance(error, requests.ConnectTimeout)):
                    continue
                break
            if answer.status == 429:
                reason = "429 Too Many Requests"
                time.sleep(_retry_after(answer))
                continue
            if answer.status in GATEWAY_STATUSES and not answer.is_json:
                reason = f"{answer.status} from a gateway"
                if sent.method in IDEMPOTENT:
                    time.sleep(0.5 * (attempt + 1))
                    continue
                break
            return answer
        if self.alive():
            raise NoAnswer(operation, sent, self.redact(reason))
        raise TargetLost(f"the target stopped answering ({self.redact(reason)})")

    def _once(self, operation: str | None, sent: Sent) -> Answer:
        request = requests.PreparedRequest()
        request.method = sent.method
        request.url = self.base_url + sent.path
        request.headers = CaseInsensitiveDict(sent.headers)
        request.body = sent.body or None
        request.hooks = default_hooks()
        # Not Session.send: it looks at redirects and cookies, which the suite must not follow or keep.
        adapter = self._session.get_adapter(request.url)
        response = adapter.send(request, stream=True, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S), verify=self._verify)
        content = _read(response)
        return Answer(
            operation=operation,
            sent=sent,
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            content=content[:LARGEST_ANSWER],
            elapsed_s=getattr(response, "elapsed_s", 0.0),
            truncated=len(content) > LARGEST_ANSWER,
        )


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


def _read(response: requests.Response) -> bytes:
    """The decoded body, at most one byte more than `LARGEST_ANSWER`.

    Raises `requests.RequestException` as `requests` itself would; the connection goes back to its pool when the body
    is read to its end, and is closed otherwise.
    """
    try:
        content: bytes = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
    except (HTTPError, OSError) as error:
        response.close()
        raise requests.ConnectionError(error) from error
    if len(content) > LARGEST_ANSWER:
        response.close()
    else:
        response.raw.release_conn()
    return content


def _retry_after(answer: Answer) -> float:
    try:
        return min(max(float(answer.headers.get("retry-after", "1")), 0.0), LONGEST_RETRY_AFTER_S)
    except ValueError:
        return 1.0


def reason_of(error: requests.RequestException) -> str:
    """The innermost cause in a few words: requests nests the interesting part."""
    cause: BaseException = error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__  # type: ignore[assignment]
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
