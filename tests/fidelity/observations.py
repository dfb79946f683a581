"""Observations a script made with means of its own. A recording only names them, so each has a watcher here.

A watcher is built before the step in front of the observation runs, and asked for what it saw after it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from tests.waiting import PATIENCE_S

Address = tuple[str, int]
Watcher = Callable[[str], dict[str, Any]]


def watcher_for(recorded: dict[str, Any], mqtt: Address) -> Watcher:
    """The watcher of an ``observation``: called with the text of the last answer, it returns what it saw."""
    if "authorization_header_in_message" in recorded:
        return _leak
    if "pubrec_denied_hex" in recorded:
        return _RawClient(mqtt).ending
    raise ValueError(f"unknown observation {sorted(recorded)}")


def _leak(last_text: str) -> dict[str, Any]:
    return {"authorization_header_in_message": "authorization" in last_text and "Basic " in last_text}


class _RawClient:
    """The client ``rec_raw`` without an MQTT library: QoS 2 to a denied topic and to one nobody subscribed to."""

    def __init__(self, mqtt: Address) -> None:
        self._socket = socket.create_connection(mqtt, timeout=PATIENCE_S)
        variable = b"\x00\x04MQTT\x05\x02\x00\x3c\x00" + _text("rec_raw")
        self._send(0x10, variable)
        connack = self._packet()
        self._seen: dict[str, Any] = {"connack_rc": connack[3]}
        for number, (name, topic) in enumerate((("denied", "rec/no"), ("no_subscriber", "rec/yes")), 1):
            self._send(0x34, _text(topic) + number.to_bytes(2, "big") + b"\x00" + b"x")
            self._seen[f"pubrec_{name}_hex"] = self._packet().hex()

    def ending(self, _last_text: str) -> dict[str, Any]:
        """What was seen, with the DISCONNECT that came and whether the connection was closed behind it."""
        with self._socket:
            self._seen["disconnect_hex"] = self._packet().hex()
            self._seen["closed"] = self._socket.recv(1) == b""
        return self._seen

    def _send(self, first_byte: int, rest: bytes) -> None:
        self._socket.sendall(bytes((first_byte, len(rest))) + rest)

    def _packet(self) -> bytes:
        """One packet; those of this exchange are shorter than 128 bytes."""
        head = self._exactly(2)
        return head + self._exactly(head[1])

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            chunk = self._socket.recv(size - len(received))
            if not chunk:
                raise ConnectionError(f"the connection ended after {received.hex()}")
            received += chunk
        return received


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded
