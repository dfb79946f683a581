"""Deliver to an HTTP server: connector and action of type ``http``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httptools

from conformance.reference.bridges.drivers import Rejected
from conformance.reference.bridges.network import Endpoint, Unreachable, close, connect, endpoint_of_url, tls_context
from conformance.reference.bridges.template import render, render_bytes
from conformance.reference.defects import Defect, Traits
from conformance.reference.rest.units import parse_duration

ANSWER_SECONDS = 15.0
_READ_BYTES = 65536
_TRANSIENT_STATUSES = frozenset((429, 503))
_ATTEMPTS = 3
"""Until the buffer hears of it, which waits before it tries again."""
_BODILESS_METHODS = frozenset(("GET", "DELETE"))
_OWN_HEADERS = frozenset(("host", "content-length", "transfer-encoding", "connection", "keep-alive"))
_WHOLE_RESULT = "${.}"
_BREAK = re.compile("[\r\n\0]")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A rendered request; ``path`` starts with a slash."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _Answer:
    """Collects one response from a `httptools` parser."""

    def __init__(self) -> None:
        self.complete = False

    def on_message_complete(self) -> None:
        self.complete = True


class _Connection:
    """One keep-alive connection; ``reusable`` after an answer that does not close it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.reusable = True

    @property
    def alive(self) -> bool:
        return self.reusable and not self._reader.at_eof() and not self.writer.is_closing()

    async def exchange(self, raw: bytes, *, without_body: bool) -> int:
        """Status of the answer to a request given as bytes; raises OSError or EOFError if the connection breaks."""
        self.reusable = False
        self.writer.write(raw)
        await self.writer.drain()
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        while not answer.complete:
            data = await self._reader.read(_READ_BYTES)
            if not data:
                # An answer without length ends with its connection.
                if parser.get_status_code() and not without_body:
                    return int(parser.get_status_code())
                raise EOFError
            parser.feed_data(data)
        self.reusable = parser.should_keep_alive()
        return int(parser.get_status_code())


class HttpDriver:
    """Up to ``pool_size`` keep-alive connections to the host of ``url``."""

    def __init__(
        self, name: str, resource_type: str, config: Mapping[str, Any], *, allow_egress: bool, traits: Traits
    ) -> None:
        ssl_options = config.get("ssl") or {}
        tls = tls_context(ssl_options) if ssl_options.get("enable") is True else None
        self._endpoint: Endpoint = endpoint_of_url(config["url"], tls)
        self._base_path = urlsplit(config["url"]).path.rstrip("/")
        self._headers: Mapping[str, str] = config.get("headers") or {}
        self._allow_egress = allow_egress
        self._trusts_headers = Defect.HEADERS_BY_LINE_BREAKS in traits
        self._connect_seconds = parse_duration(config.get("connect_timeout", "15s"))
        self._free = asyncio.Semaphore(config.get("pool_size", 8))
        self._idle: list[_Connection] = []

    async def check(self) -> None:
        # A kept connection tells nothing of who listens now.
        connection = await self._open()
        if self._idle:
            await close(connection.writer)
        else:
            self._idle.append(connection)

    async def send(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        request = self._request(parameters, data)
        for _ in range(_ATTEMPTS):
            async with self._free:
                status = await self._exchange(request)
            if status not in _TRANSIENT_STATUSES:
                break
        else:
            raise Unreachable(f"HTTP status {status}")
        if not 200 <= status < 300:
            raise Rejected(f"HTTP status {status}")

    def render(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        self._request(parameters, data)

    async def close(self) -> None:
        while self._idle:
            await close(self._idle.pop().writer)

    def _request(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> HttpRequest:
        method = str(parameters.get("method", "post")).upper()
        path = render(parameters.get("path") or "", data)
        if path and not path.startswith(("/", "?")):
            path = "/" + path
        full_path = (self._base_path + path) or "/"
        if not full_path.startswith("/"):
            full_path = "/" + full_path
        if any(character <= " " or character == "\x7f" for character in full_path):
            raise Rejected("The rendered path is not a valid request target")
        headers: dict[str, str] = {}
        for source in (self._headers, parameters.get("headers") or {}):
            for name, value in source.items():
                headers[render(name, data).lower()] = render(str(value), data)
        if not self._trusts_headers and any(_BREAK.search(text) for pair in headers.items() for text in pair):
            raise Rejected("A rendered header contains a line break")
        body = b"" if method in _BODILESS_METHODS else render_bytes(parameters.get("body", _WHOLE_RESULT), data)
        return HttpRequest(method, full_path, headers, body)

    def _on_the_wire(self, request: HttpRequest) -> bytes:
        lines = [f"{request.method} {request.path} HTTP/1.1", f"host: {self._endpoint.host}:{self._endpoint.port}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in _OWN_HEADERS]
        lines += ["connection: keep-alive", f"content-length: {len(request.body)}", "", ""]
        return "\r\n".join(lines).encode("utf-8", "replace") + request.body

    async def _exchange(self, request: HttpRequest) -> int:
        raw = self._on_the_wire(request)
        while True:
            reused = bool(self._idle)
            connection = await self._take()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    status = await connection.exchange(raw, without_body=request.method == "HEAD")
            except (OSError, EOFError, httptools.HttpParserError) as error:
                await close(connection.writer)
                if reused and not isinstance(error, TimeoutError):
                    continue  # a kept connection may have been closed by the server in the meantime
                raise Unreachable("The server closed the connection without an answer") from None
            except asyncio.CancelledError:
                connection.writer.close()
                raise
            if connection.alive:
                self._idle.append(connection)
            else:
                await close(connection.writer)
            return status

    async def _take(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.alive:
                return connection
            await close(connection.writer)
        return await self._open()

    async def _open(self) -> _Connection:
        seconds = min(self._connect_seconds, ANSWER_SECONDS)
        return _Connection(*await connect(self._endpoint, allow_egress=self._allow_egress, seconds=seconds))
