"""MQTT clients for tests: paho for what applications see, a raw one for what they never send."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from conformance.reference.mqtt.decoder import Decoder
from conformance.reference.mqtt.encoder import encode
from conformance.reference.mqtt.packets import Connack, Connect, Packet
from tests.waiting import PATIENCE_S


def properties(kind: str, **values: Any) -> Properties:
    """paho properties of a packet, ``properties("CONNECT", SessionExpiryInterval=60)``."""
    result = Properties(getattr(PacketTypes, kind))
    for name, value in values.items():
        setattr(result, name, value)
    return result


class PahoClient:
    """A paho client whose callbacks end in queues; ``websocket``: the path of a WebSocket listener."""

    def __init__(
        self,
        port: int,
        clientid: str,
        version: int = 5,
        *,
        clean: bool = True,
        username: str | None = None,
        password: str | None = None,
        will: dict[str, Any] | None = None,
        keepalive: int = 60,
        websocket: str | None = None,
        **connect_properties: Any,
    ) -> None:
        self.version = version
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.connacks: queue.Queue[tuple[int, bool, Any]] = queue.Queue()
        self.disconnects: queue.Queue[tuple[bool, int]] = queue.Queue()
        self._acks: queue.Queue[list[int]] = queue.Queue()
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2,
            clientid,
            protocol=MQTTProtocolVersion(version),
            transport="tcp" if websocket is None else "websockets",
            reconnect_on_failure=False,
            clean_session=None if version == 5 else clean,
        )
        if websocket is not None:
            self.paho.ws_set_options(path=websocket)
        if username is not None:
            self.paho.username_pw_set(username, password)
        if will is not None:
            self.paho.will_set(**will)
        self.paho.on_message = lambda _c, _u, message: self.messages.put(message)
        self.paho.on_connect = lambda _c, _u, flags, code, props: self.connacks.put(
            (code.value, flags.session_present, props)
        )
        self.paho.on_disconnect = lambda _c, _u, flags, code, _p: self.disconnects.put(
            (flags.is_disconnect_packet_from_server, code.value)
        )
        self.paho.on_subscribe = lambda _c, _u, _m, codes, _p: self._acks.put([code.value for code in codes])
        self.paho.on_unsubscribe = lambda _c, _u, _m, codes, _p: self._acks.put([code.value for code in codes])
        self.paho.on_publish = lambda _c, _u, _m, code, _p: self._acks.put([code.value])
        options: dict[str, Any] = {}
        if version == 5:
            options = {"clean_start": clean, "properties": properties("CONNECT", **connect_properties)}
        self.paho.connect("127.0.0.1", port, keepalive, **options)
        self.paho.loop_start()
        self.code, self.session_present, self.connack = self.connacks.get(timeout=PATIENCE_S)

    def subscribe(self, topic: str, qos: int = 0, identifier: int | None = None, **options: Any) -> int:
        """The code of the SUBACK."""
        if self.version == 5:
            extra = properties("SUBSCRIBE", SubscriptionIdentifier=identifier) if identifier else None
            self.paho.subscribe(topic, options=SubscribeOptions(qos=qos, **options), properties=extra)
        else:
            self.paho.subscribe(topic, qos)
        return self._acks.get(timeout=PATIENCE_S)[0]

    def unsubscribe(self, topic: str) -> list[int]:
        self.paho.unsubscribe(topic)
        return self._acks.get(timeout=PATIENCE_S)

    def publish(self, topic: str, payload: Any = b"x", qos: int = 0, retain: bool = False, **values: Any) -> int:
        """The code of PUBACK or PUBREC/PUBCOMP; 0 for QoS 0."""
        extra = properties("PUBLISH", **values) if values else None
        self.paho.publish(topic, payload, qos, retain, extra)
        return self._acks.get(timeout=PATIENCE_S)[0]

    def disconnection(self) -> tuple[bool, int]:
        """Whether the server said that it ends the connection, and its reason code, once it has ended."""
        return self.disconnects.get(timeout=PATIENCE_S)

    def receive(self) -> paho.MQTTMessage:
        return self.messages.get(timeout=PATIENCE_S)

    def payloads(self, count: int) -> list[bytes]:
        return [bytes(self.receive().payload) for _ in range(count)]

    def nothing_more(self) -> bool:
        """Whether all messages sent before now have been taken: a round trip proves it."""
        self.subscribe("nothing/ever/here")
        return self.messages.empty()

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


class RawClient:
    """A socket that speaks packets, or any bytes."""

    def __init__(self, port: int, version: int = 5) -> None:
        self.version = version
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.socket.settimeout(PATIENCE_S)
        self.received = bytearray()
        self._decoder = Decoder(version=version)
        self._packets: Iterator[tuple[Packet, int]] = iter(())

    def connect(self, clientid: str, **values: Any) -> Connack:
        self.send(Connect(clientid, self.version, **values))
        answer = self.read()
        assert isinstance(answer, Connack)
        return answer

    def send(self, *packets: Packet) -> None:
        self.socket.sendall(b"".join(encode(packet, self.version) for packet in packets))

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> Packet | None:
        """The next packet, None once the connection is closed."""
        while True:
            for packet, _ in self._packets:
                return packet
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.received += data
            self._packets = self._decoder.feed(data)

    def close(self) -> None:
        self.socket.close()
