"""MQTT 5 properties: which exist, where they may stand, and their encoding (chapter 2.2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reference.mqtt import wire
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.wire import ProtocolError, Reader, malformed

Properties = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Property:
    name: str
    kind: str
    packets: frozenset[str]


_EVERYWHERE = (
    "connect connack publish will puback pubrec pubrel pubcomp subscribe suback unsubscribe unsuback disconnect auth"
)
_REASONED = "connack puback pubrec pubrel pubcomp suback unsuback disconnect auth"

# identifier, name, kind, packets
_TABLE = (
    (0x01, "payload_format_indicator", "flag", "publish will"),
    (0x02, "message_expiry_interval", "four", "publish will"),
    (0x03, "content_type", "string", "publish will"),
    (0x08, "response_topic", "string", "publish will"),
    (0x09, "correlation_data", "binary", "publish will"),
    (0x0B, "subscription_identifier", "varint", "publish subscribe"),
    (0x11, "session_expiry_interval", "four", "connect connack disconnect"),
    (0x12, "assigned_client_identifier", "string", "connack"),
    (0x13, "server_keep_alive", "two", "connack"),
    (0x15, "authentication_method", "string", "connect connack auth"),
    (0x16, "authentication_data", "binary", "connect connack auth"),
    (0x17, "request_problem_information", "flag", "connect"),
    (0x18, "will_delay_interval", "four", "will"),
    (0x19, "request_response_information", "flag", "connect"),
    (0x1A, "response_information", "string", "connack"),
    (0x1C, "server_reference", "string", "connack disconnect"),
    (0x1F, "reason_string", "string", _REASONED),
    (0x21, "receive_maximum", "two", "connect connack"),
    (0x22, "topic_alias_maximum", "two", "connect connack"),
    (0x23, "topic_alias", "two", "publish"),
    (0x24, "maximum_qos", "flag", "connack"),
    (0x25, "retain_available", "flag", "connack"),
    (0x26, "user_property", "pair", _EVERYWHERE),
    (0x27, "maximum_packet_size", "four", "connect connack"),
    (0x28, "wildcard_subscription_available", "flag", "connack"),
    (0x29, "subscription_identifier_available", "flag", "connack"),
    (0x2A, "shared_subscription_available", "flag", "connack"),
)
_BY_ID = {number: _Property(name, kind, frozenset(packets.split())) for number, name, kind, packets in _TABLE}
_BY_NAME = {name: (wire.varint(number), kind) for number, name, kind, _ in _TABLE}
_NEVER_ZERO = {"receive_maximum", "maximum_packet_size", "subscription_identifier"}


def read_properties(reader: Reader, packet: str) -> Properties:
    """The properties of ``packet`` (lower-case packet name, or ``will``), by name.

    ``user_property`` is a list of pairs, ``subscription_identifier`` of a PUBLISH a list of numbers.
    Raises ProtocolError for unknown, misplaced, repeated or out-of-range properties.
    """
    length = reader.varint()
    if not length:
        return {}
    end = reader.position + length
    if end > reader.end:
        raise malformed("properties end after the packet")
    part = Reader(reader.data, reader.position, end)
    reader.position = end
    found: Properties = {}
    while part:
        known = _BY_ID.get(part.varint())
        if known is None or packet not in known.packets:
            raise malformed(f"property is not allowed in {packet}")
        value = _read_value(part, known.kind)
        _check(known, value)
        if known.name == "user_property" or (known.name == "subscription_identifier" and packet == "publish"):
            found.setdefault(known.name, []).append(value)
        elif known.name in found:
            raise ProtocolError(Reason.PROTOCOL_ERROR, f"{known.name} occurs twice")
        else:
            found[known.name] = value
    return found


def _read_value(reader: Reader, kind: str) -> Any:
    if kind == "pair":
        return reader.string(), reader.string()
    if kind == "flag":
        return reader.byte()
    return getattr(reader, kind)()


def _check(known: _Property, value: Any) -> None:
    if known.kind == "flag" and value > 1:
        raise ProtocolError(Reason.PROTOCOL_ERROR, f"{known.name} is neither 0 nor 1")
    if value == 0 and known.name in _NEVER_ZERO:
        raise ProtocolError(Reason.PROTOCOL_ERROR, f"{known.name} is 0")
    if value == 0 and known.name == "topic_alias":
        raise ProtocolError(Reason.TOPIC_ALIAS_INVALID, "topic alias is 0")


def properties_bytes(properties: Mapping[str, Any]) -> bytes:
    """The encoded properties behind their length.

    Raises AttributeError or TypeError for a value of the wrong type, OverflowError for one that does not fit.
    """
    if not properties:
        return b"\0"
    out = bytearray()
    for name, value in properties.items():
        identifier, kind = _BY_NAME[name]
        if kind == "pair":
            for key, text in value:
                out += identifier + wire.string(key) + wire.string(text)
        elif name == "subscription_identifier" and isinstance(value, list):
            for number in value:
                out += identifier + wire.varint(number)
        else:
            out += identifier + _value_bytes(kind, value)
    return wire.varint(len(out)) + bytes(out)


def _value_bytes(kind: str, value: Any) -> bytes:
    if kind == "string":
        return wire.string(value)
    if kind == "binary":
        return wire.binary(value)
    if kind == "varint":
        return wire.varint(value)
    return int(value).to_bytes({"flag": 1, "two": 2, "four": 4}[kind], "big")
