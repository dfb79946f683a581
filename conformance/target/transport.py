"""The way out: every request of the suite passes this adapter, whoever built it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from conformance.target.connection import POOLS
from conformance.target.errors import SafetyViolation
from conformance.target.guard import Guard, Outgoing
from conformance.target.journal import Journal, Resource, creations, deletions
from conformance.target.rate import RateLimit


class GuardedAdapter(HTTPAdapter):
    """An HTTP adapter that asks the guard, keeps to the rate, and writes the journal around each request.

    Raises `SafetyViolation` for a request that would leave the sandbox or the target.
    """

    def __init__(self, base_url: str, guard: Guard, journal: Journal, rate: RateLimit) -> None:
        super().__init__(pool_connections=1, pool_maxsize=16)
        self._base_url = base_url
        self._guard = guard
        self._journal = journal
        self._rate = rate

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

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
        created = creations(label, parameters, outgoing) if outgoing.method in ("POST", "PUT") else []
        if created:
            self._journal.intend(created)
        self._rate.wait()
        started = time.perf_counter()
        response = super().send(request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
        response.elapsed_s = time.perf_counter() - started  # type: ignore[attr-defined]
        self._settle(label, parameters, created, response)
        return response

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
        )

    def _settle(
        self, label: str | None, parameters: Mapping[str, str], created: list[Resource], response: Response
    ) -> None:
        """Keep the journal true: a 4xx stored nothing, but a 5xx may have (see the contract's known defects)."""
        if created and 400 <= response.status_code < 500 and response.status_code not in (408, 409, 429):
            # A duplicate answers 400 or 409 while the first one exists: only forget what this request introduced.
            if label is not None and not label.startswith("PUT "):
                self._journal.refused([resource for resource in created if not self._journal.confirmed(resource)])
        elif created and response.ok:
            self._journal.confirm(created)
        if response.status_code in (204, 404):
            self._journal.gone(deletions(label, parameters))
