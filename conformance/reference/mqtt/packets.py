"""The control packets of MQTT as plain values; `decoder` and `encoder` translate them from and to bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from conformance.reference.mqtt.properties import Properties


class PacketType(IntEnum):
    """The upper four bits of a packet's first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


@dataclass(slots=True)
class Will:
    """The message a broker publishes for a client that vanished."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Connect:
    """CONNECT; ``version`` is 3 (MQIsdp), 4 (3.1.1) or 5, ``keepalive`` seconds, 0 for none."""

    clientid: str
    version: int = 5
    clean_start: bool = True
    keepalive: int = 60
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Connack:
    """CONNACK; ``reason`` is the code as it stands on the wire of the connection's version."""

    session_present: bool
    reason: int
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Publish:
    """PUBLISH; ``packet_id`` is 0 for QoS 0."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Ack:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""

    type: PacketType
    packet_id: int
    reason: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscribeOptions:
    """What a subscriber asked for: QoS, no local, retain as published, retain handling."""

    qos: int = 0
    nl: int = 0
    rap: int = 0
    rh: int = 0


@dataclass(slots=True)
class Subscribe:
    """SUBSCRIBE with its filters in order."""

    packet_id: int
    filters: list[tuple[str, SubscribeOptions]]
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Suback:
    """SUBACK, one code per filter."""

    packet_id: int
    reasons: list[int]
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Unsubscribe:
    """UNSUBSCRIBE with its filters in order."""

    packet_id: int
    filters: list[str]
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Unsuback:
    """UNSUBACK; without codes before MQTT 5."""

    packet_id: int
    reasons: list[int]
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Pingreq:
    """PINGREQ."""


@dataclass(slots=True)
class Pingresp:
    """PINGRESP."""


@dataclass(slots=True)
class Disconnect:
    """DISCONNECT; before MQTT 5 only a client sends it, without code."""

    reason: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True)
class Auth:
    """AUTH of the extended authentication of MQTT 5."""

    reason: int = 0
    properties: Properties = field(default_factory=dict)


Packet = (
    Connect
    | Connack
    | Publish
    | Ack
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
    | Auth
)
