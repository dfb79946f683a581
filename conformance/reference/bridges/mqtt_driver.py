"""Deliver to an MQTT broker: connector and action of type ``mqtt``."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.reference.bridges.drivers import Rejected
from conformance.reference.bridges.network import Endpoint, Unreachable, close, connect, endpoints
from conformance.reference.bridges.template import as_text, evaluate, render, render_bytes
from conformance.reference.defects import Traits
from conformance.reference.mqtt.decoder import Decoder
from conformance.reference.mqtt.encoder import encode
from conformance.reference.mqtt.packets import Ack, Connack, Connect, Disconnect, Packet, PacketType, Pingreq, Publish
from conformance.reference.mqtt.topics import is_topic_name
from conformance.reference.mqtt.wire import ProtocolError
from conformance.reference.nodes import FIRST_NODE
from conformance.reference.rest.units import parse_duration

ANSWER_SECONDS = 10.0
_READ_BYTES = 65536
_VERSIONS = {"v3": 3, "v4": 4, "v5": 5}
_WHOLE_RESULT = "${.}"
_FAILURE = 0x80
_NAMES = {
    "Payload-Format-Indicator": "payload_format_indicator",
    "Message-Expiry-Interval": "message_expiry_interval",
    "Content-Type": "content_type",
    "Response-Topic": "response_topic",
    "Correlation-Data": "correlation_data",
}
"""Names of properties in rules, and those in packets."""
_CLIENTID_BYTES = 23
_LONGEST_KEPT_PREFIX = 19


@dataclass(eq=False)
class _Link:
    """One connection to the broker and the packets it waits an answer for."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    version: int
    waiting: dict[int, asyncio.Future[int]] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    last_id: int = 0

    def write(self, packet: Packet) -> None:
        self.writer.write(encode(packet, self.version))

    def new_id(self) -> int:
        for _ in range(65535):
            self.last_id = self.last_id % 65535 + 1
            if self.last_id not in self.waiting:
                return self.last_id
        raise Unreachable("Every packet id is in use")

    def handle(self, packet: Packet) -> None:
        if isinstance(packet, Ack):
            if packet.type is PacketType.PUBREC and packet.reason < _FAILURE:
                self.write(Ack(PacketType.PUBREL, packet.packet_id))
                return
            waiting = self.waiting.get(packet.packet_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(packet.reason)
        elif isinstance(packet, Disconnect):
            raise EOFError

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(Unreachable("The broker closed the connection"))
        await close(self.writer)


class MqttDriver:
    """``pool_size`` connections to one broker, used in turn."""

    def __init__(
        self, name: str, resource_type: str, config: Mapping[str, Any], *, allow_egress: bool, traits: Traits
    ) -> None:
        self._config = config
        self._endpoint: Endpoint = endpoints(resource_type, config)[0]
        self._allow_egress = allow_egress
        self._version = _VERSIONS[config.get("proto_ver", "v4")]
        self._keepalive = int(min(parse_duration(config.get("keepalive", "160s")), 65535))
        self._name = name
        self._links: dict[int, _Link] = {}
        self._next = 0
        self._connecting = asyncio.Lock()

    async def check(self) -> None:
        async with self._connecting:
            for number in range(1, int(self._config.get("pool_size", 8)) + 1):
                if number not in self._links:
                    self._links[number] = await self._open(number)

    async def send(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        message = self._message(parameters, data)
        link = self._link()
        if message.qos == 0:
            link.write(message)
            await self._drain(link)
            return
        message.packet_id = link.new_id()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        link.waiting[message.packet_id] = answer
        try:
            link.write(message)
            async with asyncio.timeout(ANSWER_SECONDS):
                reason = await answer
        except TimeoutError:
            raise Unreachable("The broker did not acknowledge the message") from None
        finally:
            del link.waiting[message.packet_id]
        if reason >= _FAILURE:
            raise Rejected(f"The broker refused the message with reason code {reason}")

    def render(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        self._message(parameters, data)

    async def close(self) -> None:
        while self._links:  # those that the broker closes meanwhile leave by themselves
            _, link = self._links.popitem()
            link.write(Disconnect())
            await link.end()

    def _message(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> Publish:
        topic = render(parameters["topic"], data, missing=b"")
        if not is_topic_name(topic):
            raise Rejected(f"The rendered topic {topic!r} is no topic name")
        qos = _number(evaluate(parameters.get("qos", 1), data))
        if qos not in (0, 1, 2):
            raise Rejected("The rendered qos is not 0, 1 or 2")
        retain = evaluate(parameters.get("retain", False), data) in (True, "true", 1)
        payload = render_bytes(parameters.get("payload", _WHOLE_RESULT), data, missing=b"")
        return Publish(topic, payload, qos, retain, properties=self._properties(data))

    def _properties(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What is selected of a message's properties goes with it, to a broker that speaks MQTT 5."""
        selected = data.get("pub_props")
        if self._version < 5 or not isinstance(selected, Mapping):
            return {}
        properties = {key: selected[name] for name, key in _NAMES.items() if selected.get(name) is not None}
        if isinstance(correlation := properties.get("correlation_data"), str):
            properties["correlation_data"] = correlation.encode()
        user = selected.get("User-Property")
        if isinstance(user, Mapping) and user:
            properties["user_property"] = [(str(name), as_text(value)) for name, value in user.items()]
        return properties

    def _link(self) -> _Link:
        if not self._links:
            raise Unreachable("Not connected")
        self._next += 1
        numbers = list(self._links)
        return self._links[numbers[self._next % len(numbers)]]

    async def _open(self, number: int) -> _Link:
        reader, writer = await connect(self._endpoint, allow_egress=self._allow_egress)
        link = _Link(reader, writer, self._version)
        password = self._config.get("password")
        link.write(
            Connect(
                clientid=clientid(self._config.get("clientid_prefix") or "", self._name, number),
                version=self._version,
                clean_start=self._config.get("clean_start", True),
                keepalive=self._keepalive,
                username=self._config.get("username"),
                password=password.encode() if password is not None else None,
            )
        )
        decoder = Decoder(version=self._version)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await _accepted(reader, decoder)
        except (OSError, EOFError, ProtocolError, Unreachable) as error:
            await close(writer)
            raise Unreachable(str(error) or "The broker closed the connection") from None
        loop = asyncio.get_running_loop()
        link.tasks = [loop.create_task(self._read(number, link, decoder)), loop.create_task(self._ping(link))]
        return link

    async def _read(self, number: int, link: _Link, decoder: Decoder) -> None:
        with contextlib.suppress(OSError, EOFError, ProtocolError):
            while data := await link.reader.read(_READ_BYTES):
                for packet, _ in decoder.feed(data):
                    link.handle(packet)
        if self._links.get(number) is link:
            del self._links[number]
            link.tasks.remove(asyncio.current_task())  # type: ignore[arg-type]
            await link.end()

    async def _ping(self, link: _Link) -> None:
        while self._keepalive:
            await asyncio.sleep(self._keepalive / 2)
            link.write(Pingreq())

    async def _drain(self, link: _Link) -> None:
        try:
            await link.writer.drain()
        except OSError:
            raise Unreachable("The broker closed the connection") from None


def clientid(prefix: str, name: str, number: int) -> str:
    """Client id of a connector's ``number``-th connection: the prefix, the name, a mark of the node, the number.

    Ids beyond 23 bytes are shortened by a hash, which leaves a prefix of at most 19 bytes alone; longer prefixes
    turn shortening off.
    """
    suffix = f"{name}{_hash(FIRST_NODE)[:8]}:{number}"
    full = prefix + suffix
    if len(full.encode()) <= _CLIENTID_BYTES or len(prefix.encode()) > _LONGEST_KEPT_PREFIX:
        return full
    return prefix + _hash(suffix)[:4] if prefix else _hash(suffix)[:_CLIENTID_BYTES]


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


async def _accepted(reader: asyncio.StreamReader, decoder: Decoder) -> None:
    """Read up to the CONNACK; raises `Unreachable` unless it accepts."""
    while data := await reader.read(_READ_BYTES):
        for packet, _ in decoder.feed(data):
            if isinstance(packet, Connack):
                if packet.reason:
                    raise Unreachable(f"The broker refused the connection with reason code {packet.reason}")
                return
    raise EOFError


def _number(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else int(value)
    except (TypeError, ValueError):
        return None
