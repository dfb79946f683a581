"""Packets to bytes.

Acknowledgements of MQTT 5 always carry reason code and property length, as EMQX writes them
(recording mqtt_pubrec_denied: PUBREC ``50 04 00 01 87 00``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.reference.mqtt import wire
from conformance.reference.mqtt.packets import (
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Pingresp,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from conformance.reference.mqtt.properties import properties_bytes

_PUBLISH = PacketType.PUBLISH << 4


def encode(packet: Packet, version: int) -> bytes:
    """The bytes of ``packet`` for a connection of protocol ``version``.

    Raises AttributeError, TypeError or OverflowError for values that MQTT cannot carry.
    """
    return _ENCODERS[type(packet)](packet, version)


def publish_bytes(
    topic: str,
    payload: bytes,
    qos: int,
    retain: bool,
    dup: bool,
    packet_id: int,
    properties: Mapping[str, Any],
    version: int,
) -> bytes:
    """A PUBLISH without the detour over a `Publish`: the one packet a broker sends in numbers."""
    name = topic.encode()
    head = len(name).to_bytes(2, "big") + name
    if qos:
        head += packet_id.to_bytes(2, "big")
    if version >= 5:
        head += properties_bytes(properties) if properties else b"\0"
    first = _PUBLISH | dup << 3 | qos << 1 | retain
    return b"%c%b%b%b" % (first, wire.varint(len(head) + len(payload)), head, payload)


def _framed(kind: PacketType, body: bytes, flags: int = 0) -> bytes:
    return bytes((kind << 4 | flags,)) + wire.varint(len(body)) + body


def _properties(properties: Mapping[str, Any], version: int) -> bytes:
    return properties_bytes(properties) if version >= 5 else b""


def _publish(packet: Publish, version: int) -> bytes:
    return publish_bytes(
        packet.topic,
        packet.payload,
        packet.qos,
        packet.retain,
        packet.dup,
        packet.packet_id,
        packet.properties,
        version,
    )


def _connect(packet: Connect, _: int) -> bytes:
    version, will = packet.version, packet.will
    flags = packet.clean_start << 1 | (packet.password is not None) << 6 | (packet.username is not None) << 7
    if will is not None:
        flags |= 4 | will.qos << 3 | will.retain << 5
    body = wire.string("MQIsdp" if version == 3 else "MQTT") + bytes((version, flags))
    body += packet.keepalive.to_bytes(2, "big") + _properties(packet.properties, version) + wire.string(packet.clientid)
    if will is not None:
        body += _properties(will.properties, version) + wire.string(will.topic) + wire.binary(will.payload)
    if packet.username is not None:
        body += wire.string(packet.username)
    if packet.password is not None:
        body += wire.binary(packet.password)
    return _framed(PacketType.CONNECT, body)


def _connack(packet: Connack, version: int) -> bytes:
    body = bytes((packet.session_present, packet.reason)) + _properties(packet.properties, version)
    return _framed(PacketType.CONNACK, body)


def _ack(packet: Ack, version: int) -> bytes:
    body = packet.packet_id.to_bytes(2, "big")
    if version >= 5:
        body += bytes((packet.reason,)) + properties_bytes(packet.properties)
    return _framed(packet.type, body, 2 if packet.type is PacketType.PUBREL else 0)


def _subscribe(packet: Subscribe, version: int) -> bytes:
    body = packet.packet_id.to_bytes(2, "big") + _properties(packet.properties, version)
    for topic_filter, options in packet.filters:
        bits = options.qos
        if version >= 5:
            bits |= options.nl << 2 | options.rap << 3 | options.rh << 4
        body += wire.string(topic_filter) + bytes((bits,))
    return _framed(PacketType.SUBSCRIBE, body, 2)


def _suback(packet: Suback, version: int) -> bytes:
    head = packet.packet_id.to_bytes(2, "big") + _properties(packet.properties, version)
    return _framed(PacketType.SUBACK, head + bytes(packet.reasons))


def _unsubscribe(packet: Unsubscribe, version: int) -> bytes:
    body = packet.packet_id.to_bytes(2, "big") + _properties(packet.properties, version)
    return _framed(PacketType.UNSUBSCRIBE, body + b"".join(map(wire.string, packet.filters)), 2)


def _unsuback(packet: Unsuback, version: int) -> bytes:
    head = packet.packet_id.to_bytes(2, "big") + _properties(packet.properties, version)
    return _framed(PacketType.UNSUBACK, head + (bytes(packet.reasons) if version >= 5 else b""))


def _disconnect(packet: Disconnect, version: int) -> bytes:
    body = bytes((packet.reason,)) + properties_bytes(packet.properties) if version >= 5 else b""
    return _framed(PacketType.DISCONNECT, body)


def _auth(packet: Auth, _: int) -> bytes:
    return _framed(PacketType.AUTH, bytes((packet.reason,)) + properties_bytes(packet.properties))


_ENCODERS: dict[type, Callable[[Any, int], bytes]] = {
    Connect: _connect,
    Connack: _connack,
    Publish: _publish,
    Ack: _ack,
    Subscribe: _subscribe,
    Suback: _suback,
    Unsubscribe: _unsubscribe,
    Unsuback: _unsuback,
    Pingreq: lambda _packet, _version: b"\xc0\0",
    Pingresp: lambda _packet, _version: b"\xd0\0",
    Disconnect: _disconnect,
    Auth: _auth,
}
