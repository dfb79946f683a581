"""A local HTTP sink: what a connector of the target really delivers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conformance.target.polling import deadline


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request the sink received; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class HttpSink:
    """Accepts every request, answers ``status`` and remembers it. Use as a context manager."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.status = 200
        self._deliveries: list[Delivery] = []
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.host, self.port = host, self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> HttpSink:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def received(self, matching: Callable[[Delivery], bool] = lambda _: True) -> list[Delivery]:
        with self._arrived:
            return [delivery for delivery in self._deliveries if matching(delivery)]

    def wait_for(self, matching: Callable[[Delivery], bool], within_s: float) -> Delivery | None:
        """The first delivery that matches, None if there is none within ``within_s`` seconds."""
        end = deadline(within_s)
        with self._arrived:
            while True:
                found = next((delivery for delivery in self._deliveries if matching(delivery)), None)
                remaining = end - time.monotonic()
                if found is not None or remaining <= 0:
                    return found
                self._arrived.wait(remaining)

    def _handler(sink) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _accept(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                delivery = Delivery(self.command, self.path, headers, self.rfile.read(length))
                with sink._arrived:
                    sink._deliveries.append(delivery)
                    sink._arrived.notify_all()
                self.send_response(sink.status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _accept

            def log_message(self, format: str, *args: object) -> None:
                """Keep the terminal for the run's own progress."""

        return Handler
