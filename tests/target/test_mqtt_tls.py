"""A listener behind TLS: mqtts:// and wss:// connect with the configured CA, and with no other."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.reference.embedded import start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from conformance.target.addresses import split_listener
from conformance.target.mqtt import MqttClient, MqttError
from tests.waiting import PATIENCE_S

CERTIFICATES = Path(__file__).resolve().parents[1] / "hostile" / "certificates"


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def behind_tls(upstream: str) -> Iterator[int]:
    """A port that ends TLS in front of ``upstream`` (host:port)."""
    host, _, port = upstream.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "trusted.pem")

    def serve(raw: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(raw, server_side=True) as client,
            socket.create_connection((host, int(port))) as server,
        ):
            threading.Thread(target=pump, args=(server, client), daemon=True).start()
            pump(client, server)

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def listeners() -> Iterator[dict[str, str]]:
    """Listeners of one deployment behind TLS, by their type."""
    configuration = NodeConfiguration.parse(["listeners.ws.default.enable=true"])
    with start_embedded(configuration=configuration) as deployment:
        assert deployment.mqtt is not None
        assert deployment.ws is not None
        with behind_tls(deployment.mqtt) as plain, behind_tls(split_listener(deployment.ws).address) as web:
            yield {"ssl": f"mqtts://127.0.0.1:{plain}", "wss": f"wss://127.0.0.1:{web}/mqtt"}


@pytest.mark.parametrize("kind", ["ssl", "wss"])
def test_messages_pass_through_tls(listeners: dict[str, str], kind: str) -> None:
    ca = CERTIFICATES / "ca.pem"
    with MqttClient(listeners[kind], f"cft-{kind}", ca_bundle=ca) as client:
        assert client.subscribe("cft/tls") == 1
        client.publish("cft/tls", b"hello")
        assert [message.payload for message in client.wait_for_messages(1, PATIENCE_S)] == [b"hello"]


@pytest.mark.parametrize("kind", ["ssl", "wss"])
@pytest.mark.parametrize("ca", [None, CERTIFICATES / "self_signed.pem"], ids=["system", "other"])
def test_broker_that_is_not_trusted_is_not_talked_to(listeners: dict[str, str], kind: str, ca: Path | None) -> None:
    with pytest.raises(MqttError, match="certificate verify failed"):
        MqttClient(listeners[kind], "cft-tls", ca_bundle=ca).connect()


def test_what_refuses_a_websocket_is_told(listeners: dict[str, str]) -> None:
    url = listeners["wss"].replace("/mqtt", "/other")
    with pytest.raises(MqttError, match=r"cannot connect to wss://[0-9.:]+/other: WebSocket handshake error"):
        MqttClient(url, "cft-tls", ca_bundle=CERTIFICATES / "ca.pem").connect()
