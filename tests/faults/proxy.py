"""A proxy in front of the reference deployment that applies one fault to what passes through."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.http_server import HttpServer, Received, Reply
from tests.waiting import PATIENCE_S


@dataclass(frozen=True)
class Request:
    """``path`` is raw, below /api/v5, without the query; ``authorization`` the header's value, None without one."""

    method: str
    path: str
    query: str
    body: bytes
    authorization: str | None
    content_type: str = ""

    @property
    def signed(self) -> bool:
        return self.authorization is not None

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def is_for(self, label: str) -> bool:
        method, template = label.split(" ", 1)
        pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(template))
        return self.method == method and re.fullmatch(pattern, self.path) is not None


# Returns the reply to send instead; None closes the connection without one. ``forward`` asks the real deployment.
Fault = Callable[[Request, Callable[[], Reply]], Reply | None]

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class FaultProxy(HttpServer):
    """Use as a context manager; ``base_url`` stands in for that of the deployment.

    ``upstream``, the base URL of the deployment, and ``fault`` may be replaced at any time.
    """

    def __init__(self, upstream: str, fault: Fault) -> None:
        super().__init__(self._pass)
        self.upstream = upstream
        self.fault = fault
        self.base_url = f"{self.url}/api/v5"

    def _pass(self, received: Received) -> Reply | None:
        path, _, query = received.target.partition("?")
        request = Request(
            received.method,
            path.removeprefix("/api/v5"),
            query,
            received.body,
            received.headers.get("authorization"),
            received.headers.get("content-type", ""),
        )
        return self.fault(request, lambda: self._forward(received))

    def _forward(self, received: Received) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=PATIENCE_S)
        connection.request(received.method, received.target, received.body or None, dict(received.headers))
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        kept = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
        reply = Reply(answer.status, kept, answer.read())
        connection.close()
        return reply
