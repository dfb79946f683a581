"""A target that misbehaves: raw asyncio, so that no HTTP library repairs what a case breaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from conformance.reference.embedded import EmbeddedDeployment
from tests.waiting import PATIENCE_S, eventually

BASE_PATH = "/api/v5"


@dataclass(frozen=True)
class Request:
    """``path`` is raw, below /api/v5, without the query; ``head`` is everything before the body."""

    method: str
    path: str
    head: bytes
    body: bytes


class Exchange:
    """A request, and the wire on which a case answers it; ``connection`` counts from 1."""

    def __init__(
        self, request: Request, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.request = request
        self.connection = connection
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        self._writer.writelines(parts)
        await self._writer.drain()

    async def answer(self, body: bytes = b"{}", status: str = "200 OK", **headers: str) -> None:
        """A well-formed answer; ``retry_after`` names the header retry-after."""
        fields = {"content-type": "application/json", "content-length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await self.send(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1"), body)

    async def endlessly(self, piece: bytes, pause_s: float = 0.0) -> None:
        """Send ``piece`` again and again until the client goes away."""
        while True:
            await self.send(piece)
            await asyncio.sleep(pause_s)

    async def silence(self) -> None:
        """Send nothing until the client goes away."""
        while await self._reader.read(1024):
            pass

    def close(self) -> None:
        """Finish what was sent, then FIN."""
        self._writer.close()

    def reset(self) -> None:
        """RST instead of FIN."""
        connected = self._writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Case = Callable[[Exchange], Awaitable[None]]


async def healthy(exchange: Exchange) -> None:
    """What every request gets that no case is for, without an upstream."""
    answers: dict[str, Any] = {"/action_types": [], "/nodes": [{"node": "emqx@127.0.0.1", "uptime": 10**9}]}
    await exchange.answer(json.dumps(answers.get(exchange.request.path, {})).encode())


class HostileServer:
    """Use as a context manager. Everything may be changed while it runs.

    ``cases``: path -> case, for requests to that path; ``choose`` decides on the others. ``early``: decides likewise
    before the body of a request is read, and before all others; the body is read once its case is done. ``storm``: a
    case for all requests, from the first one on whose path is ``storm_from``. ``upstream``: a healthy deployment that
    gets everything else. ``greeting``: sent to whoever connects, before the connection is closed.
    """

    def __init__(
        self,
        cases: dict[str, Case] | None = None,
        *,
        upstream: EmbeddedDeployment | None = None,
        tls: ssl.SSLContext | None = None,
        greeting: bytes = b"",
    ) -> None:
        self.cases = cases or {}
        self.choose: Callable[[Request], Case | None] = lambda _request: None
        self.early: Callable[[Request], Case | None] = lambda _request: None
        self.storm: Case | None = None
        self.storm_from: str | None = None
        self.upstream = upstream
        self._known = upstream
        self.seen: list[Request] = []
        self.connections = 0
        self.port = 0
        self._tls = tls
        self._greeting = greeting
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}{BASE_PATH}"

    def paths(self, method: str = "GET") -> list[str]:
        """The paths that were asked for, in order."""
        return [request.path for request in self.seen if request.method == method]

    def wait_until(self, wanted: Callable[[Request], bool]) -> None:
        """Return once a request that is ``wanted`` arrived."""
        eventually(lambda: tuple(self.seen), lambda seen: any(map(wanted, seen)))

    def call(self, function: Callable[[], object]) -> None:
        """Call ``function`` where the cases run."""
        self._loop.call_soon_threadsafe(function)

    def hang_up(self) -> None:
        """Drop every connection; returns after they are closed."""
        self._run(self._drop())

    def __enter__(self) -> HostileServer:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _drop(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()
        while self._open:
            await asyncio.sleep(0)

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._open.add(writer)
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            if self._greeting:
                writer.write(self._greeting)
                writer.close()
            while not writer.is_closing():
                request, length = await _head(reader)
                case = self.early(request)
                if case is None:
                    request = replace(request, body=await reader.readexactly(length))
                    case = self._case(request)
                    length = 0
                self.seen.append(request)
                await case(Exchange(request, number, reader, writer))
                if length and not writer.is_closing():
                    await reader.readexactly(length)
        self._open.discard(writer)
        writer.close()

    def _case(self, request: Request) -> Case:
        if self.storm_from == request.path:
            self.storm_from = None
        if self.storm is not None and self.storm_from is None:
            return self.storm
        return self.cases.get(request.path) or self.choose(request) or (self.forward if self.upstream else healthy)

    async def forward(self, exchange: Exchange) -> None:
        """Let the upstream answer."""
        await exchange.send(await self.ask(exchange.request))

    async def ask(self, request: Request) -> bytes:
        """What the upstream answers to a request."""
        assert self.upstream is not None
        assert self._known is not None
        target = urlsplit(self.upstream.base_url)
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        # Who was told the credentials of the first upstream knows those of every later one.
        head = request.head.replace(_signature(self._known), _signature(self.upstream))
        writer.write(head[:-2] + b"connection: close\r\n\r\n" + request.body)
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        writer.close()
        kept = [line for line in head.split(b"\r\n") if line.lower() != b"connection: close"]
        return b"\r\n".join(kept) + b"\r\n\r\n" + body


def _signature(deployment: EmbeddedDeployment) -> bytes:
    return b64encode(f"{deployment.api_key}:{deployment.api_secret}".encode())


async def _head(reader: asyncio.StreamReader) -> tuple[Request, int]:
    """A request without its body, and the length of that."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    request = Request(method, target.partition("?")[0].removeprefix(BASE_PATH), head, b"")
    return request, int(length.split(b":")[1])
