"""Connections that bound what a target can make endless, and that are renewed before a healthy server closes them.

A read timeout alone bounds the silence between two bytes, not an answer: a byte every ten seconds, or headers without
end, would hold a run forever. Here every answer has a deadline and a largest size, whatever part of it is endless.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import time
from typing import TYPE_CHECKING, Any

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

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


_PIECE = 64 * 1024


class EndlessAnswer(OSError):
    """An answer took too long or grew too large; the target might go on for ever."""


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
        if self._left < 0:
            raise EndlessAnswer(f"the answer is larger than {LARGEST_EXCHANGE // 1024 // 1024} MiB")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _late(self) -> EndlessAnswer:
        return EndlessAnswer(f"the answer was not complete after {self._patience:g} s")


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
        super().begin()
        if self.status < 200 or self.status in (204, 304):
            self._reader.ended = True
            self.excess = self.fp.peek()


class _Renewed(HTTPConnection):
    """A connection that counts as dropped, and is opened anew, once it was used often or long ago."""

    response_class = _BoundedResponse
    _exchanges = 0
    _used_at = 0.0

    def connect(self) -> None:
        super().connect()
        self._exchanges = 0
        self._used_at = time.monotonic()

    def getresponse(self) -> Any:
        response: BaseHTTPResponse = super().getresponse()
        self._exchanges += 1
        self._used_at = time.monotonic()
        return response

    @property
    def is_connected(self) -> bool:
        fresh = self._exchanges < MOST_EXCHANGES and time.monotonic() - self._used_at < LONGEST_IDLE_S
        return fresh and super().is_connected


class _RenewedTls(_Renewed, HTTPSConnection):
    pass


class BoundedPool(HTTPConnectionPool):
    ConnectionCls = _Renewed


class BoundedTlsPool(HTTPSConnectionPool):
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
