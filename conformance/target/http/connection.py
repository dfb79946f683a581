"""Connections that bound what a target can make endless, and that are renewed before a healthy server closes them.

A read timeout alone bounds the silence between two bytes, not an answer: a byte every ten seconds, or headers without
end, would hold a run forever. Here every answer has a deadline and a largest size, whatever part of it is endless.

A server may close a connection that has served whenever it likes, and a request that is sent just then is lost (RFC
9112 9.3.1, 9.6). So no request goes out on a connection that is likely to be closed, and one that got no byte on a
connection used before raises `Unheard`: it says nothing about the target.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from conformance.target.http.standby import FAR_S, StandBy

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of a decoded body that are kept."""

LARGEST_EXCHANGE = 2 * LARGEST_ANSWER
"""Bytes of one answer on the wire that are read: status line, headers, framing and body."""

SILENCES_PER_ANSWER = 2
"""A whole answer may take this many times the read timeout, which bounds one silence in it."""

MOST_EXCHANGES = 500
"""Requests sent over one connection. EMQX closes it after 1000, and a request sent just then is lost."""

LONGEST_IDLE_S = 2.0
"""How long a connection may wait for its next request. Cowboy, EMQX's server, closes it after 5 s by default."""

_HANDSHAKE_S = 5.0
"""How long the handshake of a connection that is to stand by may take."""

_PIECE = 64 * 1024


_BROKEN = (ConnectionError, ssl.SSLEOFError)
"""What sending or reading raises once the other side is gone."""

_FRESH: ContextVar[bool] = ContextVar("fresh", default=False)


class EndlessAnswer(OSError):
    """An answer took too long or grew too large; the target might go on for ever."""


class Unheard(ConnectionError):
    """A connection that had served before was closed without a byte of an answer to its next request."""


@contextmanager
def fresh_connection() -> Iterator[None]:
    """Requests of this thread that are sent meanwhile use new connections."""
    token = _FRESH.set(True)
    try:
        yield
    finally:
        _FRESH.reset(token)


class _BoundedReader(io.RawIOBase):
    """What arrives on a socket until the deadline, or until it is too much; raises `EndlessAnswer`."""

    def __init__(self, raw: io.RawIOBase, connected: socket.socket) -> None:
        self._raw = raw
        self._socket = connected
        self._silence = connected.gettimeout() or math.inf
        self._patience = self._silence * SILENCES_PER_ANSWER
        self._deadline = time.monotonic() + self._patience
        self._left = LARGEST_EXCHANGE
        self.ended = False
        self.silent = True
        """Whether not a single byte has arrived."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if self.ended:
            return 0
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self._late()
        if remaining < self._silence:
            self._socket.settimeout(remaining)
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            if time.monotonic() < self._deadline:
                raise
            raise self._late() from None
        self._left -= count or 0
        self.silent &= not count
        if self._left < 0:
            raise EndlessAnswer(f"the answer is larger than {LARGEST_EXCHANGE // 1024 // 1024} MiB")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _late(self) -> EndlessAnswer:
        return EndlessAnswer(f"the answer was not complete after {self._patience:g} s")


class _Silence(Exception):
    """The connection ended before the first byte of an answer; ``error`` says how."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self._reader = _BoundedReader(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._reader)
        self.excess = b""
        """What came along with an answer that by its status has no body."""

    def begin(self) -> None:
        try:
            super().begin()
        except _BROKEN as error:
            if self._reader.silent:
                raise _Silence(error) from None
            raise
        if self.status < 200 or self.status in (204, 304):
            self._reader.ended = True
            self.excess = self.fp.peek()


class _Renewed(HTTPConnection):
    """A connection that counts as dropped, and is opened anew, once the server may be about to close it.

    ``spent``: nothing more is to be sent on it. That is so after an error that answers a request with a body: the
    server may have answered before it read the body, and need not read what comes behind it.
    """

    response_class = _BoundedResponse
    spent = False
    stood_by = False
    """Whether it was open before there was a request for it; a server may have closed it meanwhile."""
    answered_in_s = math.inf
    """How long the last answer took to begin."""
    _exchanges = 0
    _used_at = 0.0
    _with_body = False
    _sent_at = 0.0

    def connect(self) -> None:
        super().connect()
        self.spent = False
        self.stood_by = False
        self._exchanges = 0
        self._used_at = time.monotonic()

    def request(self, method: str, url: str, body: Any = None, *args: Any, **options: Any) -> None:
        self._with_body = bool(body)
        try:
            super().request(method, url, body, *args, **options)
        except ssl.SSLEOFError as error:
            # As without TLS: the answer may have come before the server stopped to read.
            raise BrokenPipeError from error
        self._sent_at = time.monotonic()

    def getresponse(self) -> Any:
        try:
            response: BaseHTTPResponse = super().getresponse()
        except _Silence as silence:
            if self._exchanges or self.stood_by:
                raise Unheard(f"closed without a byte after {self._exchanges} requests") from silence.error
            raise silence.error from None
        self._exchanges += 1
        self._used_at = time.monotonic()
        self.answered_in_s = self._used_at - self._sent_at
        self.spent = self._with_body and response.status >= 300
        return response

    @property
    def is_connected(self) -> bool:
        fresh = self._exchanges < MOST_EXCHANGES and time.monotonic() - self._used_at < LONGEST_IDLE_S
        return fresh and not self.spent and super().is_connected


class _RenewedTls(_Renewed, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    """Connections to a target; while a body is under way that may be refused, another one comes to stand by."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._stand_by = StandBy(self._connected)
        self._quickest_s = math.inf

    def _make_request(self, conn: Any, method: str, url: str, body: Any = None, *args: Any, **options: Any) -> Any:
        if body and FAR_S < self._quickest_s < math.inf:
            self._stand_by.prepare()
        return super()._make_request(conn, method, url, body, *args, **options)

    def close(self) -> None:
        self._stand_by.close()
        super().close()

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if _FRESH.get():
            connection.close()
        elif connection.is_closed:
            return self._stand_by.take() or connection
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            self._quickest_s = min(self._quickest_s, conn.answered_in_s)
            if conn.spent:
                conn.close()
        super()._put_conn(conn)

    def _connected(self) -> Any:
        connection: Any = self._new_conn()
        connection.timeout = _HANDSHAKE_S
        self._validate_conn(connection)
        if connection.is_closed:
            connection.connect()
        connection.stood_by = True
        return connection


class BoundedPool(_Pool):
    ConnectionCls = _Renewed


class BoundedTlsPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _RenewedTls


POOLS: dict[str, type[HTTPConnectionPool]] = {"http": BoundedPool, "https": BoundedTlsPool}


def read_body(response: requests.Response) -> tuple[bytes, bool]:
    """The decoded body, at most `LARGEST_ANSWER` bytes of it, and whether there was more.

    Raises `requests.RequestException` as `requests` itself would. The connection goes back to its pool when the body
    is read to its end, and is closed otherwise.
    """
    raw: Any = response.raw
    pieces = [raw._original_response.excess]
    room = LARGEST_ANSWER
    try:
        # In pieces: so much is decompressed at once, however well a bomb is packed.
        while room >= 0 and (piece := raw.read(_PIECE, decode_content=True)):
            pieces.append(piece)
            room -= len(piece)
    except (HTTPError, OSError, ValueError) as error:
        response.close()
        raise requests.ConnectionError(error) from error
    content = b"".join(pieces)
    if room < 0 or pieces[0] or response.status_code < 200:
        response.close()
    else:
        raw.release_conn()
    return content[:LARGEST_ANSWER], room < 0
