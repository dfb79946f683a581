"""The HTTP server of tests: on a free port of loopback, a thread for each connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Received:
    """A request as it came: ``target`` is the raw path with its query; names of headers are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered; the length of the body is told as well."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def with_json(self, value: Any, status: int | None = None) -> Reply:
        headers = {**self.headers, "content-type": "application/json"}
        return replace(self, status=status or self.status, headers=headers, body=json.dumps(value).encode())

    def without_header(self, name: str) -> Reply:
        return replace(self, headers={key: value for key, value in self.headers.items() if key != name})


# None closes the connection without an answer.
Respond = Callable[[Received], Reply | None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Who connects while a busy machine accepts nobody waits in line, instead of trying again after a second.
    request_queue_size = 128


class HttpServer:
    """Answers as ``respond`` says, which may be replaced at any time. Use as a context manager, or `start` and `close`.

    ``port``: 0 picks a free one.
    """

    def __init__(self, respond: Respond, port: int = 0) -> None:
        self.respond = respond
        server = self

        class Handler(_Handler):
            def handle_any(self) -> None:
                self.answer(server.respond)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

        self._server = _Server((LOOPBACK, port), Handler)
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def close(self) -> None:
        """Stop listening; it may be called again."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self, respond: Respond) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        reply = respond(Received(self.command, self.path, headers, body))
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

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
