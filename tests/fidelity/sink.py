"""The local HTTP server that connectors of a script deliver to."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The port connectors name in the recordings.
RECORDED_PORT = 18999


class Sink:
    """Answers 200 to everything and remembers it."""

    def __init__(self) -> None:
        self._requests: list[dict[str, Any]] = []
        received = self._requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _remember(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode("utf-8", "replace")
                headers = {name.lower(): value for name, value in self.headers.items()}
                received.append({"method": self.command, "path": self.path, "headers": headers, "body": body})
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_DELETE = _remember

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def take(self, recorded: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
        """What arrived since the last call, with the headers that were recorded."""
        deadline = time.monotonic() + seconds
        while len(self._requests) < len(recorded) and time.monotonic() < deadline:
            time.sleep(0.01)
        taken, self._requests[:] = list(self._requests), []
        for request, known in zip(taken, recorded, strict=False):
            request["headers"] = {name: request["headers"].get(name) for name in known.get("headers", {})}
        return taken

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
