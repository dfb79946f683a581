"""A proxy in front of the reference deployment that applies one fault to what passes through."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

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


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def with_json(self, value: Any, status: int | None = None) -> Reply:
        headers = {**self.headers, "content-type": "application/json"}
        return replace(self, status=status or self.status, headers=headers, body=json.dumps(value).encode())

    def without_header(self, name: str) -> Reply:
        return replace(self, headers={key: value for key, value in self.headers.items() if key != name})


# Returns the reply to send instead; None closes the connection without one. ``forward`` asks the real deployment.
Fault = Callable[[Request, Callable[[], Reply]], Reply | None]

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class FaultProxy:
    """Use as a context manager; ``base_url`` stands in for that of the deployment.

    ``upstream``, the base URL of the deployment, and ``fault`` may be replaced at any time.
    """

    def __init__(self, upstream: str, fault: Fault) -> None:
        self.upstream = upstream
        self.fault = fault
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                path, _, query = self.path.partition("?")
                request = Request(
                    self.command,
                    path.removeprefix("/api/v5"),
                    query,
                    body,
                    self.headers.get("authorization"),
                    self.headers.get("content-type", ""),
                )
                reply = proxy.fault(request, lambda: self.forward(body))
                if reply is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                if reply.status == 204 and reply.body:
                    self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(reply.body)
                self.wfile.flush()

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

            def forward(self, body: bytes) -> Reply:
                connection = http.client.HTTPConnection(urlsplit(proxy.upstream).netloc, timeout=PATIENCE_S)
                connection.request(self.command, self.path, body or None, dict(self.headers.items()))
                answer = connection.getresponse()
                headers = {name.lower(): value for name, value in answer.getheaders()}
                kept = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
                reply = Reply(answer.status, kept, answer.read())
                connection.close()
                return reply

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.base_url = f"http://127.0.0.1:{self.port}/api/v5"

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
