"""The way out: every request of the suite passes this adapter, whoever built it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from conformance.target.errors import SafetyViolation
from conformance.target.guard.guard import Guard, Outgoing
from conformance.target.http.answer import Answer
from conformance.target.http.connection import POOLS
from conformance.target.http.rate import RateLimit
from conformance.target.http.writes import WriteCount
from conformance.target.journal.creations import CHANGES_RULES_OF_ALL, creations, deletions
from conformance.target.journal.journal import Fate, Journal
from conformance.target.journal.resource import Resource


class GuardedAdapter(HTTPAdapter):
    """An HTTP adapter that asks the guard, keeps to the rate, and writes the journal around each request.

    ``rules_of_all``: what is to be put back if a request changes the rules for all clients, None if that is unknown.
    ``writes``: how often the target changed its configuration.
    Raises `SafetyViolation` for a request that would leave the sandbox or the target.
    """

    rules_of_all: Resource | None = None

    def __init__(self, base_url: str, guard: Guard, journal: Journal, rate: RateLimit) -> None:
        super().__init__(pool_connections=1, pool_maxsize=16)
        self._base_url = base_url
        self._guard = guard
        self._journal = journal
        self._rate = rate
        self.writes = WriteCount()
        self._pool: Any = None

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: bool | str | None, proxies: Any = None, cert: Any = None
    ) -> Any:
        """The connections to the one target there is, which are looked up once."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        return self._pool

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        """As of `HTTPAdapter`, without the cookies: the suite keeps none, and parsing them takes a hostile one long."""
        response = Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw = resp
        response.request = req
        return response

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        outgoing = self._outgoing(request)
        refusal = self._guard.refusal(outgoing)
        if refusal is not None:
            raise SafetyViolation(f"refused to send {outgoing.method} {outgoing.path}: {refusal}")
        label, parameters = self._guard.match(outgoing.method, outgoing.path)
        created = self._creations(label, parameters, outgoing)
        if created:
            self._journal.intend(created)
        try:
            self._rate.wait()
            started = time.perf_counter()
            response = super().send(request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
        except BaseException:
            self._journal.settle(created, Fate.UNKNOWN)
            raise
        elapsed_s = time.perf_counter() - started
        response.elapsed_s = elapsed_s  # type: ignore[attr-defined]
        self.writes.answered(label, response.status_code, elapsed_s)
        self._journal.settle(created, _fate(response.status_code))
        if response.status_code in (204, 404):
            self._journal.gone(self._deletions(label, parameters, response.status_code))
        return response

    def answered(self, answer: Answer) -> None:
        """Take note, from a whole answer, of a rule whose id the server invented."""
        if answer.operation != "POST /rules" or not answer.ok or not answer.is_json:
            return
        outgoing = Outgoing("POST", answer.sent.path, answer.sent.body)
        names = [item.id for item in self._creations("POST /rules", {}, outgoing) if item.kind == "named_rule"]
        rule = answer.json
        if names and isinstance(rule, dict) and isinstance(rule.get("id"), str) and rule.get("name") in names:
            self._journal.record([Resource("rule", rule["id"], rule["name"])])
            self._guard.sandbox.adopt_rule(rule["id"])

    def _creations(self, label: str | None, parameters: Mapping[str, str], outgoing: Outgoing) -> list[Resource]:
        if label in CHANGES_RULES_OF_ALL and self.rules_of_all is not None:
            return [self.rules_of_all]
        if outgoing.method not in ("POST", "PUT"):
            return []
        found = creations(label, parameters, outgoing)
        # The guard leaves the name of a rule alone where its id says whose it is.
        return [item for item in found if item.kind != "named_rule" or self._guard.sandbox.owns_name(item.id)]

    def _outgoing(self, request: PreparedRequest) -> Outgoing:
        url = request.url or ""
        if not url.startswith(self._base_url + "/"):
            raise SafetyViolation(f"refused to send {request.method} {url}: it is not below {self._base_url}")
        body = request.body or b""
        return Outgoing(
            method=(request.method or "GET").upper(),
            path=url[len(self._base_url) :],
            body=body.encode() if isinstance(body, str) else bytes(body),
            content_type=str(request.headers.get("Content-Type", "")),
            signed="Authorization" in request.headers,
            headers={name.lower(): str(value) for name, value in request.headers.items()},
        )

    def _deletions(self, label: str | None, parameters: Mapping[str, str], status: int) -> list[Resource]:
        """What is gone for good; a message that is not retained yet may still become so (the write is asynchronous)."""
        return [item for item in deletions(label, parameters) if status == 204 or item.kind != "retained"]


def _fate(status: int) -> Fate:
    """What a status says of the creations of its request.

    After a 5xx a real server may have stored them all the same; a duplicate (409) exists, and with 408 and 429 it is
    not known how far the request came.
    """
    if 200 <= status < 300:
        return Fate.EXISTS
    return Fate.REFUSED if 400 <= status < 500 and status not in (408, 409, 429) else Fate.UNKNOWN
