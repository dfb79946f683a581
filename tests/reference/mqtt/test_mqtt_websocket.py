"""MQTT over WebSocket: the same broker behind frames, and nothing else behind them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.reference.mqtt.decoder import Decoder
from conformance.reference.mqtt.encoder import encode
from conformance.reference.mqtt.packets import Connack, Connect, Packet, Pingreq, Pingresp
from conformance.reference.node_configuration import NodeConfiguration
from tests.reference.mqtt.conftest import Api
from tests.reference.mqtt.mqtt_clients import PahoClient
from tests.waiting import PATIENCE_S

SETTINGS = ("listeners.tcp.default.enable=false", "listeners.ws.default.enable=true")


@pytest.fixture(scope="module")
def deployment() -> Iterator[EmbeddedDeployment]:
    with start_embedded(configuration=NodeConfiguration.parse(SETTINGS)) as deployment:
        yield deployment


@pytest.fixture
def url(deployment: EmbeddedDeployment) -> str:
    assert deployment.mqtt is not None
    return deployment.mqtt


@pytest.fixture
def client(url: str) -> Iterator[PahoClient]:
    client = PahoClient(urlsplit(url).port or 0, "web", websocket="/mqtt")
    yield client
    client.close()


def opened(url: str) -> ClientConnection:
    return connect(url, subprotocols=[Subprotocol("mqtt")], open_timeout=PATIENCE_S, proxy=None)


def answers(web: ClientConnection, count: int) -> list[Packet]:
    decoder = Decoder(version=5)
    packets: list[Packet] = []
    while len(packets) < count:
        packets += [packet for packet, _ in decoder.feed(web.recv(PATIENCE_S, decode=False))]
    return packets


def test_messages_pass(client):
    assert client.subscribe("web/#", 2) == 2
    assert client.publish("web/a", b"\x00\xff" * 70_000, qos=2) == 0
    assert client.receive().payload == b"\x00\xff" * 70_000


def test_the_api_tells_the_listener_of_a_client(client, deployment):
    api = Api(deployment.base_url, deployment.api_key, deployment.api_secret)

    assert api("GET", "/clients/web").json()["listener"] == "ws:default"
    listeners = {each["id"]: each for each in api("GET", "/listeners").json()}
    assert {name: each["enable"] for name, each in listeners.items()} == {"tcp:default": False, "ws:default": True}
    assert listeners["ws:default"]["status"]["current_connections"] == 1
    assert listeners["ws:default"]["bind"] == f"127.0.0.1:{urlsplit(deployment.mqtt).port}"
    assert api("GET", "/listeners/ws:default").json()["websocket"]["mqtt_path"] == "/mqtt"
    assert [each["id"] for each in api("GET", "/listeners", type="ws").json()] == ["ws:default"]
    assert api("GET", "/listeners/ws:other").status_code == 404


@pytest.mark.parametrize("size", [1, 3, 1000], ids=["bytes", "pieces", "whole"])
def test_frames_may_cut_packets_anywhere(url, size):
    packets = encode(Connect("cut", 5), 5) + encode(Pingreq(), 5)
    with opened(url) as web:
        for start in range(0, len(packets), size):
            web.send(packets[start : start + size])
        connack, pong = answers(web, 2)
    assert isinstance(connack, Connack)
    assert connack.reason == 0
    assert isinstance(pong, Pingresp)


def test_a_message_in_fragments_is_one_stream(url):
    packet = encode(Connect("fragments", 5), 5)
    with opened(url) as web:
        web.send(iter((packet[:5], packet[5:9], packet[9:])))
        assert isinstance(answers(web, 1)[0], Connack)


def test_text_is_no_mqtt(url):
    with opened(url) as web:
        web.send("CONNECT")
        with pytest.raises(ConnectionClosed) as closed:
            web.recv(PATIENCE_S)
    assert closed.value.rcvd.code == 1003


@pytest.mark.parametrize(
    ("path", "subprotocols", "status"), [("/other", ["mqtt"], 404), ("/mqtt", None, 400), ("/mqtt", ["chat"], 400)]
)
def test_what_asks_for_something_else_is_refused(url, path, subprotocols, status):
    with pytest.raises(InvalidStatus) as refused:
        connect(url.removesuffix("/mqtt") + path, subprotocols=subprotocols, proxy=None)
    assert refused.value.response.status_code == status


def test_what_is_no_http_costs_the_connection(url, client):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), PATIENCE_S) as raw:
        raw.sendall(encode(Connect("raw", 5), 5) + b"\r\n\r\n")
        while raw.recv(65536):
            pass
    assert client.publish("web/alive", qos=1) in (0, 0x10)


def test_a_kicked_client_is_told(client, deployment):
    Api(deployment.base_url, deployment.api_key, deployment.api_secret)("DELETE", "/clients/web")

    assert client.disconnection() == (True, 0x98)
