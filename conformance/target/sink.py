"""A local HTTP sink: what a connector of the target really delivers."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from conformance.target.addresses import join_address

LONGEST_DELIVERY = 8 * 1024 * 1024
"""Bytes of a body that are kept; also strangers may find a sink that is open to a network."""

CLOSED = 0
"""In place of a status: the sink closes the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request the sink received; ``path`` and ``headers`` as they were sent, but for the case of header names.

    The values of a header that was sent several times are separated by commas (RFC 9110, 5.3). ``answered``: the
    status, `CLOSED` for none.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    answered: int = 200


class SinkError(Exception):
    """The sink cannot listen; the text is one sentence."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A connector opens all connections of its pool at once; with a short line some would have to try again later.
    request_queue_size = 128
    connections = 0

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler], *, listening: bool = True) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._open: set[socket.socket] = set()
        super().__init__((host, port), handler, bind_and_activate=listening)
        if not listening:
            self.server_bind()  # nobody else takes the port, and who connects to it is refused

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # that of HTTPServer looks for the name of the address, which can take seconds

    def get_request(self) -> tuple[socket.socket, Any]:
        connection = super().get_request()
        self.connections += 1
        self._open.add(connection[0])
        return connection

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """End every connection."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or talks nonsense, is no matter of the run."""


class HttpSink:
    """Accepts every request, answers 200 and remembers it. Use as a context manager.

    ``statuses``: what it answers instead, by path; `then` says what it answers next. ``delays``: seconds until it
    answers, by path. ``host``: the name or address under which the target reaches it;
    the sink listens there if it is an address of this machine, on all of them otherwise. ``port``: 0 picks a free one.
    Raises `SinkError` if it cannot listen.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.statuses: dict[str, int] = {}
        self.delays: dict[str, float] = {}
        self._next: dict[str, deque[int]] = {}
        self._deliveries: list[Delivery] = []
        self._arrived = threading.Condition()
        self._server = self._listen(host, port)
        self.host, self.port = host, int(self._server.server_address[1])

    def _listen(self, host: str, port: int) -> _Server:
        try:
            return _Server(host, port, self._handler())
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, None) and not isinstance(error, socket.gaierror):
                raise SinkError(f"cannot listen on port {port} of {host}: {error.strerror}") from None
        try:
            # The target knows this machine by an address of its own, behind a NAT or a container's network.
            return _Server("::" if ":" in host else "0.0.0.0", port, self._handler())  # noqa: S104
        except OSError as error:
            raise SinkError(f"cannot listen on port {port}: {error.strerror}") from None

    @property
    def connections(self) -> int:
        """How often anybody has connected."""
        return self._server.connections

    @property
    def url(self) -> str:
        return f"http://{join_address(self.host, self.port)}"

    def __enter__(self) -> HttpSink:
        self._serve()
        return self

    def _serve(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Until the block ends nobody listens on its port, and every connection is cut."""
        old = self._server
        old.shutdown()
        old.server_close()
        host, port = old.server_address[:2]
        self._server = _Server(str(host), int(port), self._handler(), listening=False)
        self._server.connections = old.connections
        old.cut()
        try:
            yield
        finally:
            self._server.server_activate()
            self._serve()

    def then(self, path: str, *statuses: int) -> None:
        """Answer the next requests to ``path`` with these, `CLOSED` among them, and those after them as usual."""
        with self._arrived:
            self._next[path] = deque(statuses)

    def _status(self, path: str) -> int:
        planned = self._next.get(path)
        return planned.popleft() if planned else self.statuses.get(path, 200)

    def received(self, matching: Callable[[Delivery], bool] = lambda _: True) -> list[Delivery]:
        with self._arrived:
            return [delivery for delivery in self._deliveries if matching(delivery)]

    def wait_for(self, matching: Callable[[Delivery], bool], within_s: float) -> Delivery | None:
        """The first delivery that matches, None if there is none within ``within_s`` seconds."""
        end = time.monotonic() + within_s
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
            timeout = 60.0

            def _accept(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                if not 0 <= length <= LONGEST_DELIVERY:
                    self.send_error(413)
                    return
                headers = {name.lower(): ", ".join(self.headers.get_all(name, ())) for name in self.headers}
                body = self.rfile.read(length)
                path = self.requestline.split()[1]  # that of the handler has no second slash at the beginning
                with sink._arrived:
                    status = sink._status(path)
                    sink._deliveries.append(Delivery(self.command, path, headers, body, status))
                    sink._arrived.notify_all()
                if path in sink.delays:
                    time.sleep(sink.delays[path])
                if status == CLOSED:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _accept

            def log_message(self, format: str, *args: object) -> None:
                """Keep the terminal for the run's own progress."""

        return Handler
