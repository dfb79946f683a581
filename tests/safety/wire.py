"""An MQTT client in memory: it talks to the broker's connection without a socket in between."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.connection import Connection
from conformance.reference.mqtt.encoder import encode
from conformance.reference.mqtt.listener import Listener
from conformance.reference.mqtt.packets import Connect, Disconnect, Packet, Publish, Subscribe, SubscribeOptions
from conformance.reference.nodes import FIRST_NODE

_VERSION = 5
_PUBLISH = 3


class _Transport(asyncio.Transport):
    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": (self._client.host, 40000), "sockname": ("127.0.0.1", 1883)}.get(name, default)

    def write(self, data: Any) -> None:
        if data[0] >> 4 == _PUBLISH:
            self._client.received += 1

    def close(self) -> None:
        self._client.connected = False

    abort = close


class Client:
    """Connects at once; ``received`` counts the messages that reached it."""

    def __init__(self, broker: Broker, client_id: str, *filters: str, host: str = "10.0.0.7") -> None:
        self.client_id = client_id
        self.host = host
        self.connected = True
        self.received = 0
        listener = Listener(broker, broker.configuration.listeners[0], FIRST_NODE)
        self._connection = Connection(broker, FIRST_NODE, listener)
        self._connection.connection_made(_Transport(self))
        self._send(Connect(client_id, _VERSION, username=client_id, keepalive=0))
        if filters:
            self._send(Subscribe(1, [(topic_filter, SubscribeOptions()) for topic_filter in filters]))

    def publish(self, topic: str, payload: bytes = b"{}") -> None:
        self._send(Publish(topic, payload))

    def disconnect(self) -> None:
        self._send(Disconnect())
        self._connection.broker.connections.discard(self._connection)

    def _send(self, packet: Packet) -> None:
        self._connection.data_received(encode(packet, _VERSION))
