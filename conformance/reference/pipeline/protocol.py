"""What the reference deployment does differently from uvicorn on the level of HTTP connections."""

from __future__ import annotations

import re
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from conformance.reference.defects import Quirk
from conformance.reference.pipeline.app import BODY_UNREAD, LAST_REQUEST, Application

REQUESTS_PER_CONNECTION = 1000
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (/[^\s?]*)(?:\?\S*)? HTTP/1\.[01]\r\n")
_REASONS = {400: b"Bad Request", 404: b"Not Found", 405: b"Method Not Allowed", 500: b"Internal Server Error"}


class ConnectionProtocol(HttpToolsProtocol):
    """Closes connections as the real server does, and answers methods the parser does not know.

    With `Quirk.CONNECTIONS_END` the 1000th answer on a connection announces that it is the last. After an answer that
    did not wait for the body of its request (401, 404, 405) nothing is announced, and the next request gets no byte:
    the real server closes some of these connections, this one all, so that nobody comes to rely on any.
    """

    _requests = 0
    _received = b""
    _abandoned = False

    @property
    def _application(self) -> Application:
        return cast("Application", self.app)

    @property
    def _ends_connections(self) -> bool:
        return self._application.deployment.has(Quirk.CONNECTIONS_END)

    def data_received(self, data: bytes) -> None:
        self._received = data
        super().data_received(data)

    def on_message_begin(self) -> None:
        if self._ends_connections and self.scope is not None and BODY_UNREAD in self.scope:
            self._abandoned = True
            raise ConnectionAbortedError  # out of the parser, which asks for a 400
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._requests += 1
        if self._requests >= REQUESTS_PER_CONNECTION and self._ends_connections:
            cast("dict[str, object]", self.scope)[LAST_REQUEST] = True
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What the parser refuses: a verb outside its table gets the router's answer, all else a bare 400."""
        if self._abandoned:
            self.transport.close()
            return
        status, headers = 400, b""
        request_line = _REQUEST_LINE.match(self._received)
        if request_line is not None and request_line[1].isupper():
            reply = self._application.unroutable(request_line[1].decode(), request_line[2])
            status = reply.status
            headers = b"".join(f"{name.lower()}: {value}\r\n".encode() for name, value in reply.headers.items())
        self.transport.write(
            b"HTTP/1.1 %d %s\r\n%scontent-length: 0\r\nconnection: close\r\n\r\n" % (status, _REASONS[status], headers)
        )
        self.transport.close()
