"""Bytes to packets, strictly: whatever the standard forbids is a ProtocolError with its reason code."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    SubscribeOptions,
    Unsuback,
    Unsubscribe,
    Will,
)
from conformance.reference.mqtt.properties import Properties, read_properties
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.wire import MAX_VARINT, ProtocolError, Reader, malformed

_PROTOCOL_NAMES = {3: "MQIsdp", 4: "MQTT", 5: "MQTT"}
_FIXED_FLAGS = {PacketType.PUBREL: 2, PacketType.SUBSCRIBE: 2, PacketType.UNSUBSCRIBE: 2}
_ACKS = frozenset((PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP))


class Decoder:
    """Cuts a byte stream into packets; ``version`` follows a CONNECT and may be set for the client side."""

    def __init__(self, max_packet_size: int = MAX_VARINT, version: int = 4) -> None:
        self.max_packet_size = max_packet_size
        self.version = version
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Packet, int]]:
        """The complete packets so far, each with its size on the wire in bytes.

        Raises ProtocolError at the first packet that is not valid; the stream is of no use afterwards.
        """
        buffer = self._buffer
        buffer += data
        while True:
            header = self._header()
            if header is None:
                return
            start, end = header
            if len(buffer) < end:
                return
            first, body = buffer[0], bytes(buffer[start:end])
            del buffer[:end]
            packet = decode(first, body, self.version)
            if type(packet) is Connect:
                self.version = packet.version
            yield packet, end

    def _header(self) -> tuple[int, int] | None:
        """Where the body of the next packet starts and ends, None if its length is not there yet."""
        buffer = self._buffer
        length = shift = 0
        for index in range(1, min(5, len(buffer))):
            byte = buffer[index]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                end = index + 1 + length
                if end > self.max_packet_size:
                    raise ProtocolError(Reason.PACKET_TOO_LARGE, f"packet of {end} bytes")
                return index + 1, end
        if len(buffer) >= 5:
            raise malformed("remaining length has more than four bytes")
        return None


def decode(first: int, body: bytes, version: int) -> Packet:
    """The packet with first byte ``first`` and remaining bytes ``body``; raises ProtocolError."""
    if not first >> 4:
        raise malformed("packet type 0")
    kind = PacketType(first >> 4)
    flags = first & 0x0F
    if kind is PacketType.PUBLISH:
        return _publish(flags, body, version)
    if flags != _FIXED_FLAGS.get(kind, 0):
        raise malformed(f"{kind.name} with flags {flags}")
    reader = Reader(body)
    packet = _ack(kind, reader, version) if kind in _ACKS else _DECODERS[kind](reader, version)
    reader.finished()
    return packet


def _properties(reader: Reader, packet: str, version: int) -> Properties:
    return read_properties(reader, packet) if version >= 5 else {}


def _packet_id(reader: Reader) -> int:
    packet_id = reader.two()
    if not packet_id:
        raise ProtocolError(Reason.PROTOCOL_ERROR, "packet identifier 0")
    return packet_id


def _qos(value: int) -> int:
    if value > 2:
        raise malformed("QoS 3")
    return value


def _publish(flags: int, body: bytes, version: int) -> Publish:
    qos = _qos(flags >> 1 & 3)
    if flags & 8 and not qos:
        raise malformed("DUP with QoS 0")
    reader = Reader(body)
    topic = reader.string()
    packet_id = _packet_id(reader) if qos else 0
    properties = _properties(reader, "publish", version)
    return Publish(topic, reader.rest(), qos, bool(flags & 1), bool(flags & 8), packet_id, properties)


def _connect(reader: Reader, _: int) -> Connect:
    name, version = reader.binary(), reader.byte()
    if name.decode("latin-1") != _PROTOCOL_NAMES.get(version):
        raise ProtocolError(Reason.UNSUPPORTED_PROTOCOL_VERSION, f"protocol level {version}")
    flags = reader.byte()
    if flags & 1:
        raise malformed("reserved CONNECT flag is set")
    has_will, will_qos, will_retain = flags & 4, _qos(flags >> 3 & 3), bool(flags & 0x20)
    if not has_will and (will_qos or will_retain):
        raise malformed("will flags without a will")
    has_password, has_username = flags & 0x40, flags & 0x80
    if has_password and not has_username and version < 5:
        raise malformed("password without user name")
    packet = Connect("", version, bool(flags & 2), reader.two())
    packet.properties = _properties(reader, "connect", version)
    packet.clientid = reader.string()
    if has_will:
        properties = _properties(reader, "will", version)
        packet.will = Will(reader.string(), reader.binary(), will_qos, will_retain, properties)
    packet.username = reader.string() if has_username else None
    packet.password = reader.binary() if has_password else None
    return packet


def _connack(reader: Reader, version: int) -> Connack:
    flags = reader.byte()
    if flags > 1:
        raise malformed("reserved CONNACK flags are set")
    return Connack(bool(flags), reader.byte(), _properties(reader, "connack", version))


def _ack(kind: PacketType, reader: Reader, version: int) -> Ack:
    packet = Ack(kind, _packet_id(reader))
    if version >= 5 and reader:
        packet.reason = reader.byte()
        packet.properties = read_properties(reader, kind.name.lower()) if reader else {}
    return packet


def _subscribe(reader: Reader, version: int) -> Subscribe:
    packet = Subscribe(_packet_id(reader), [], _properties(reader, "subscribe", version))
    while reader:
        topic_filter, options = reader.string(), reader.byte()
        reserved = 0xC0 if version >= 5 else 0xFC
        if options & reserved or options >> 4 & 3 == 3:
            raise malformed("reserved subscription options are set")
        packet.filters.append(
            (topic_filter, SubscribeOptions(_qos(options & 3), options >> 2 & 1, options >> 3 & 1, options >> 4 & 3))
        )
    if not packet.filters:
        raise ProtocolError(Reason.PROTOCOL_ERROR, "SUBSCRIBE without a filter")
    return packet


def _suback(reader: Reader, version: int) -> Suback:
    return Suback(reader.two(), properties=_properties(reader, "suback", version), reasons=list(reader.rest()))


def _unsubscribe(reader: Reader, version: int) -> Unsubscribe:
    packet = Unsubscribe(_packet_id(reader), [], _properties(reader, "unsubscribe", version))
    while reader:
        packet.filters.append(reader.string())
    if not packet.filters:
        raise ProtocolError(Reason.PROTOCOL_ERROR, "UNSUBSCRIBE without a filter")
    return packet


def _unsuback(reader: Reader, version: int) -> Unsuback:
    return Unsuback(reader.two(), properties=_properties(reader, "unsuback", version), reasons=list(reader.rest()))


def _disconnect(reader: Reader, version: int) -> Disconnect:
    packet = Disconnect()
    if version >= 5 and reader:
        packet.reason = reader.byte()
        packet.properties = read_properties(reader, "disconnect") if reader else {}
    return packet


def _auth(reader: Reader, version: int) -> Auth:
    if version < 5:
        raise malformed("AUTH before MQTT 5")
    packet = Auth()
    if reader:
        packet.reason = reader.byte()
        packet.properties = read_properties(reader, "auth") if reader else {}
    return packet


_DECODERS: dict[PacketType, Callable[[Reader, int], Packet]] = {
    PacketType.CONNECT: _connect,
    PacketType.CONNACK: _connack,
    PacketType.SUBSCRIBE: _subscribe,
    PacketType.SUBACK: _suback,
    PacketType.UNSUBSCRIBE: _unsubscribe,
    PacketType.UNSUBACK: _unsuback,
    PacketType.PINGREQ: lambda _reader, _version: Pingreq(),
    PacketType.PINGRESP: lambda _reader, _version: Pingresp(),
    PacketType.DISCONNECT: _disconnect,
    PacketType.AUTH: _auth,
}
