"""Brokers that speak no MQTT, or too much of it: the client of the suite ends in time and says why."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from conformance.target import mqtt
from conformance.target.mqtt import MqttClient, MqttError
from conformance.target.timing import Timing
from tests.waiting import PATIENCE_S, eventually

PATIENT = Timing(acknowledged=PATIENCE_S, received=PATIENCE_S)
HASTY = Timing(acknowledged=0.3)

CONNACK = b"\x20\x03\x00\x00\x00"
PUBLISH = b"\x30\x87\x08\x00\x01t\x00\x00\x03" + b"x" * 1025


@contextmanager
def broker(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A listener whose every connection behaves like that once CONNECT has come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(connected: socket.socket) -> None:
            with connected, suppress(OSError):
                connected.recv(1024)
                behave(connected)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connected, _ = listener.accept()
                    threading.Thread(target=serve, args=(connected,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def saying(*parts: bytes, pause_s: float = 0.0) -> Callable[[socket.socket], None]:
    """Send the parts one after the other, then nothing until the client goes away."""

    def behave(connected: socket.socket) -> None:
        for part in parts:
            connected.sendall(part)
            time.sleep(pause_s)
        while connected.recv(1024):
            pass

    return behave


def endlessly(piece: bytes) -> Callable[[socket.socket], None]:
    def behave(connected: socket.socket) -> None:
        connected.sendall(CONNACK)
        while True:
            connected.sendall(piece)

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        saying(),
        saying(*(bytes([byte]) for byte in CONNACK), pause_s=0.2),
        saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        saying(b"\xff" * 100),
        saying(b"\x20\xff\xff\xff\xff\xff"),
        saying(b"\x20\x00"),
        saying(b"\x20\x03\x00\x00\xff"),
        lambda connected: connected.close(),
    ],
    ids=["silence", "drip", "HTTP", "garbage", "endless length", "short CONNACK", "torn properties", "closed"],
)
def test_connection_without_connack_is_given_up(behave: Callable[[socket.socket], None]) -> None:
    with (
        broker(behave) as listener,
        pytest.raises(MqttError, match="closed the connection or did not answer CONNECT"),
    ):
        MqttClient(listener, "client", timing=HASTY).connect()


def test_subscription_without_suback_is_given_up() -> None:
    with (
        broker(saying(CONNACK)) as listener,
        MqttClient(listener, "client", timing=Timing(acknowledged=1.0)) as client,
        pytest.raises(MqttError, match="no SUBACK"),
    ):
        client.subscribe("t")


@pytest.mark.parametrize(
    "packet", [b"\x90\x00", b"\x40\x01\x00", b"\xe0\x02\xff\xff", b"\x62\x00", b"\x30\x05\xff\xff\x00\x00\x00"]
)
def test_broken_packet_ends_the_connection(packet: bytes) -> None:
    with broker(saying(CONNACK, packet)) as listener, MqttClient(listener, "client", timing=PATIENT) as client:
        assert client.wait_closed()


def test_flood_of_messages_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "MOST_RECEIVED", 1024 * 1024)
    flood = endlessly(PUBLISH * 100)
    with broker(flood) as listener, MqttClient(listener, "client", timing=PATIENT) as client:
        with pytest.raises(MqttError, match="the broker sent more than 1 MiB of messages"):
            client.wait_for_messages(10**6)
        assert len(client.messages) < 1024
        eventually(lambda: not client.connected)
        with pytest.raises(MqttError, match="the broker sent more than 1 MiB of messages"):
            client.wait_for_messages(10**6)


@pytest.mark.parametrize("reason", [0x88, 0x89])
def test_busy_broker_is_asked_again(reason: int) -> None:
    answers = [b"\x20\x03\x00" + bytes([reason]) + b"\x00", CONNACK]

    def behave(connected: socket.socket) -> None:
        saying(answers.pop(0))(connected)

    with broker(behave) as listener, MqttClient(listener, "client", protocol=5, timing=PATIENT) as client:
        assert client.connack == 0
    assert answers == []


def test_broker_that_stays_busy_is_told() -> None:
    with broker(saying(b"\x20\x03\x00\x89\x00")) as listener:
        client = MqttClient(listener, "client", protocol=5, timing=HASTY)
        with pytest.raises(MqttError, match="CONNECT refused with reason code 0x89"):
            client.connect()
