"""MQTT over WebSocket (MQTT 5, chapter 6): frames around what a connection over TCP carries as it is.

The boundaries of frames mean nothing to MQTT. What is no request for a WebSocket of MQTT is answered with an HTTP
status, as EMQX does: 404 for another path, 400 without a subprotocol that it knows.
"""

from __future__ import annotations

import asyncio
import http
from typing import Any, cast
from urllib.parse import urlsplit

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from conformance.reference.mqtt.connection import Connection

SUBPROTOCOLS = tuple(Subprotocol(name) for name in ("mqtt", "mqtt-v3", "mqtt-v3.1.1", "mqtt-v5"))
_CARRIED = (Opcode.BINARY, Opcode.CONT)


class WebSocketTransport(asyncio.Transport):
    """What a `Connection` writes to instead of a socket."""

    def __init__(self, protocol: WebSocketProtocol, below: asyncio.Transport) -> None:
        super().__init__()
        self._protocol = protocol
        self._below = below

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._protocol.send(bytes(data))

    def close(self) -> None:
        self._protocol.close(CloseCode.NORMAL_CLOSURE)

    def abort(self) -> None:
        self._below.abort()

    def pause_reading(self) -> None:
        self._below.pause_reading()

    def resume_reading(self) -> None:
        self._below.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._below.get_extra_info(name, default)


class WebSocketProtocol(asyncio.Protocol):
    """The server side of one WebSocket, up to its opening an HTTP connection; ``path`` is where it answers."""

    def __init__(self, connection: Connection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._frames = ServerProtocol(subprotocols=SUBPROTOCOLS, max_size=None)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connection.connection_made(WebSocketTransport(self, self._transport))

    def data_received(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame) and event.opcode in _CARRIED:
                self._connection.data_received(bytes(event.data))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.close(CloseCode.UNSUPPORTED_DATA)  # [MQTT-6.0.0-1]
        self._flush()

    def eof_received(self) -> bool:
        self._frames.receive_eof()
        self._flush()
        return False

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)

    def send(self, data: bytes) -> None:
        """One frame; nothing once the WebSocket is closing."""
        if self._frames.state is State.OPEN:
            self._frames.send_binary(data)
            self._flush()

    def close(self, code: CloseCode) -> None:
        """Say that the WebSocket ends, where there is one, and close the connection."""
        if self._frames.state is State.OPEN:
            self._frames.send_close(code)
            self._flush()
        if self._transport is not None:
            self._transport.close()

    def _open(self, request: Request) -> None:
        if urlsplit(request.path).path == self._path:
            self._frames.send_response(self._frames.accept(request))
        else:
            self._frames.send_response(self._frames.reject(http.HTTPStatus.NOT_FOUND, ""))

    def _flush(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        for data in self._frames.data_to_send():
            if data == SEND_EOF:
                self._transport.close()
                return
            self._transport.write(data)
