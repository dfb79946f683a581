"""One connection, over TCP or WebSocket: bytes in, packets handled, bytes out.

Whatever the peer sends, the worst outcome is the end of this connection.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Protocol, cast

from conformance.reference.message import Message
from conformance.reference.mqtt.admission import admit
from conformance.reference.mqtt.authorization import Access
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.decoder import Decoder
from conformance.reference.mqtt.encoder import encode
from conformance.reference.mqtt.intake import Intake
from conformance.reference.mqtt.limits import judge_publish, judge_subscription
from conformance.reference.mqtt.packets import (
    Ack,
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
)
from conformance.reference.mqtt.properties import Properties
from conformance.reference.mqtt.reasons import Reason, connack_code, reason_name, suback_code
from conformance.reference.mqtt.session import NEVER_EXPIRES, Session, Subscription
from conformance.reference.mqtt.table import ExclusiveError
from conformance.reference.mqtt.topics import FilterError, actual_topic, is_topic_filter, is_topic_name, parse_filter
from conformance.reference.mqtt.wire import ProtocolError
from conformance.reference.node_configuration import ListenerConfiguration
from conformance.reference.nodes import set_to_work
from conformance.reference.rates import rate_per_s

LOGGER = logging.getLogger(__name__)
CONNECT_TIMEOUT = 15.0
KEEP_ALIVE_FACTOR = 1.5
_CLIENT_PACKETS = (Publish, Ack, Subscribe, Unsubscribe, Pingreq, Disconnect)


class Entrance(Protocol):
    """What a connection asks of the listener it came through."""

    @property
    def configuration(self) -> ListenerConfiguration: ...

    def accept(self, transport: asyncio.BaseTransport) -> float:
        """Leave a new connection unread until it is its turn; returns the seconds until then."""

    def left(self) -> None:
        """One of the connections has ended."""


class Connection(asyncio.Protocol):
    """The server side of one client's connection; ``session`` is None until its CONNECT was accepted."""

    def __init__(self, broker: Broker, node: str, listener: Entrance) -> None:
        self.broker = broker
        self.node = node
        self.listener = listener
        self.session: Session | None = None
        self.version = 4
        self.congested = False
        rates = listener.configuration
        self._intake = Intake(
            Decoder(broker.configuration.max_packet_size),
            rate_per_s(rates.messages_rate),
            rate_per_s(rates.bytes_rate),
            self._packet_received,
            self._failed,
        )
        self._aliases: dict[int, str] = {}
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_packet = 0.0
        self._closing = False

    # Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.broker.connections.add(self)
        wait_s = self.listener.accept(transport)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(wait_s + CONNECT_TIMEOUT, self.close, "idle_timeout")

    @property
    def listener_id(self) -> str:
        """The listener it came through, ``tcp:default``."""
        return self.listener.configuration.id

    def addresses(self) -> tuple[str, int, str]:
        """Host and port of the peer, and the name of our own socket."""
        transport = self._transport
        peer = transport.get_extra_info("peername") if transport else None
        own = transport.get_extra_info("sockname") if transport else None
        host, port = (peer[0], peer[1]) if peer else ("127.0.0.1", 0)
        return host, port, f"{own[0]}:{own[1]}" if own else "127.0.0.1:0"

    def data_received(self, data: bytes) -> None:
        self._last_packet = asyncio.get_running_loop().time()
        self._intake.feed(data)

    def _packet_received(self, packet: Packet, size: int) -> bool:
        set_to_work(self.node)
        if not self._closing:
            self._handle(packet, size)
        return not self._closing

    def _failed(self, error: Exception) -> None:
        set_to_work(self.node)
        if isinstance(error, ProtocolError):
            LOGGER.debug("protocol error: %s", error)
            self._refuse(error.reason)
        else:
            # A defect of the broker must cost one connection, not the deployment.
            LOGGER.error("packet handling failed", exc_info=error)
            self._refuse(Reason.UNSPECIFIED_ERROR)

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        if self.session is not None:
            self.session.drain()

    def connection_lost(self, exc: Exception | None) -> None:
        set_to_work(self.node)
        self._end_intake()
        self.broker.connections.discard(self)
        self.listener.left()
        self._closing = True
        self._leave("tcp_closed" if exc is None else "tcp_error")

    def write(self, data: bytes) -> None:
        """Send encoded bytes; silently nothing on a connection that is closing."""
        if self._closing or self._transport is None:
            return
        self._transport.write(data)
        if self.session is not None:
            self.session.statistics.packet_out(len(data))

    def send(self, packet: Packet) -> None:
        self.write(encode(packet, self.version))

    # The end of a connection

    def close(self, reason: str, code: Reason | None = None, publish_will: bool = True) -> None:
        """End the connection for ``reason`` (as rules see it), telling an MQTT 5 client ``code``."""
        if self._closing:
            return
        if code is not None and self.version >= 5 and self.session is not None:
            self.send(Disconnect(code))
        self._end_intake()
        self._closing = True
        if self._transport is not None:
            self._transport.close()
        self._leave(reason, publish_will)

    def detach(self, reason: str, code: Reason) -> None:
        """Close for a reason that the caller also deals with in the session: kick, take-over."""
        if self.version >= 5:
            self.send(Disconnect(code))
        session, self.session = self.session, None
        if session is not None:
            self.broker.events.client_disconnected(session, reason)
        self.close(reason)

    def abort(self) -> None:
        """Drop the connection without a word."""
        self.session = None
        self._end_intake()
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def _leave(self, reason: str, publish_will: bool = True) -> None:
        session, self.session = self.session, None
        if session is not None:
            self.broker.events.client_disconnected(session, reason)
            self.broker.sessions.away(session, publish_will)

    def _refuse(self, reason: Reason) -> None:
        if reason is Reason.UNSUPPORTED_PROTOCOL_VERSION and self.session is None:
            # Said in the format of 3.1.1, the only one an unknown version may understand [MQTT-3.1.2-2].
            self.send(Connack(False, connack_code(reason, self.version)))
        self.close(reason_name(reason), reason)

    def refuse_connect(self, reason: Reason) -> None:
        """Answer CONNECT with a failure and close."""
        self.send(Connack(False, connack_code(reason, self.version)))
        self.close(reason_name(reason))

    def _end_intake(self) -> None:
        self._cancel_timer()
        self._intake.close()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Keep-alive

    def accepted(self, session: Session, keepalive: int) -> None:
        """CONNECT was accepted: from here on the keep-alive rules (seconds, 0 for none)."""
        self.session = session
        self._cancel_timer()
        if keepalive:
            self._watch(keepalive * KEEP_ALIVE_FACTOR)

    def _watch(self, limit: float) -> None:
        loop = asyncio.get_running_loop()
        remaining = self._last_packet + limit - loop.time()
        if remaining <= 0:
            self.close("keepalive_timeout", Reason.KEEP_ALIVE_TIMEOUT)
        else:
            self._timer = loop.call_later(remaining, self._watch, limit)

    # Packets

    def _handle(self, packet: Packet, size: int) -> None:
        session = self.session
        if session is None:
            if not isinstance(packet, Connect):
                raise ProtocolError(Reason.PROTOCOL_ERROR, "the first packet is no CONNECT")
            self.version = packet.version
            admit(self, packet, size)
            return
        session.statistics.packet_in(size)
        session.report_later()
        if not isinstance(packet, _CLIENT_PACKETS):
            raise ProtocolError(Reason.PROTOCOL_ERROR, f"{type(packet).__name__} from a client")
        if isinstance(packet, Publish):
            self._publish(session, packet)
        elif isinstance(packet, Ack):
            self._ack(session, packet)
        elif isinstance(packet, Subscribe):
            self._subscribe(session, packet)
        elif isinstance(packet, Unsubscribe):
            self._unsubscribe(session, packet)
        elif isinstance(packet, Pingreq):
            self.send(Pingresp())
        else:
            self._disconnect(session, packet)

    def _publish(self, session: Session, packet: Publish) -> None:
        session.statistics.message_in(packet.qos)
        self._resolve_alias(packet)
        if not is_topic_name(packet.topic):
            raise ProtocolError(Reason.TOPIC_NAME_INVALID, "topic name is empty or has wildcards")
        if "subscription_identifier" in packet.properties:
            raise ProtocolError(Reason.PROTOCOL_ERROR, "a client sent a subscription identifier")
        if packet.qos == 2:
            if packet.packet_id in session.awaiting_rel:
                # A repeated QoS 2 message: the first copy has been published [MQTT-4.3.3-10].
                self._acknowledge(PacketType.PUBREC, packet.packet_id, Reason.SUCCESS)
                return
            if len(session.awaiting_rel) >= self.broker.configuration.max_awaiting_rel > 0:
                raise ProtocolError(Reason.RECEIVE_MAXIMUM_EXCEEDED, "too many unreleased QoS 2 messages")
        access = Access("publish", actual_topic(packet.topic), packet.qos, packet.retain)
        if self.broker.authorize(session, access):
            reason = judge_publish(self.broker.configuration, packet)
            if reason is not Reason.SUCCESS:
                raise ProtocolError(reason, f"a message to {packet.topic} is over a limit")
            if not self.broker.publish(message_of(session, packet)):
                reason = Reason.NO_MATCHING_SUBSCRIBERS
        else:
            reason = self._denied(f"publish to {packet.topic}")
            session.statistics.values["recv_msg.dropped"] += 1
        if packet.qos == 1:
            self._acknowledge(PacketType.PUBACK, packet.packet_id, reason)
        elif packet.qos == 2:
            if reason < Reason.UNSPECIFIED_ERROR or self.version < 5:
                session.awaiting_rel.add(packet.packet_id)
            self._acknowledge(PacketType.PUBREC, packet.packet_id, reason)

    def _denied(self, what: str) -> Reason:
        """What a client is told that may not do something, unless that costs it its connection."""
        if self.broker.configuration.deny_action == "disconnect":
            raise ProtocolError(Reason.NOT_AUTHORIZED, f"not allowed to {what}")
        return Reason.NOT_AUTHORIZED

    def _resolve_alias(self, packet: Publish) -> None:
        alias = packet.properties.pop("topic_alias", None)
        if alias is None:
            return
        if packet.topic:
            self._aliases[alias] = packet.topic
        elif (known := self._aliases.get(alias)) is not None:
            packet.topic = known
        else:
            raise ProtocolError(Reason.PROTOCOL_ERROR, f"topic alias {alias} is unknown")

    def _acknowledge(self, kind: PacketType, packet_id: int, reason: Reason) -> None:
        self.send(Ack(kind, packet_id, reason))

    def _ack(self, session: Session, packet: Ack) -> None:
        if packet.type is PacketType.PUBREL:
            known = packet.packet_id in session.awaiting_rel
            session.awaiting_rel.discard(packet.packet_id)
            reason = Reason.SUCCESS if known else Reason.PACKET_IDENTIFIER_NOT_FOUND
            self._acknowledge(PacketType.PUBCOMP, packet.packet_id, reason)
        elif packet.type is PacketType.PUBREC and packet.reason < Reason.UNSPECIFIED_ERROR:
            self._acknowledge(PacketType.PUBREL, packet.packet_id, session.received(packet))
        else:
            session.acknowledged(packet)

    def _subscribe(self, session: Session, packet: Subscribe) -> None:
        identifier = packet.properties.get("subscription_identifier")
        granted = [
            self._subscribe_one(session, text, options, identifier, packet.properties)
            for text, options in packet.filters
        ]
        codes = [item.options.qos if isinstance(item, Subscription) else item for item in granted]
        self.send(Suback(packet.packet_id, [suback_code(code, self.version) for code in codes]))
        session.statistics.report()
        for item in granted:
            if isinstance(item, Subscription):
                self.broker.send_retained(item)

    def _subscribe_one(
        self, session: Session, text: str, options: SubscribeOptions, identifier: int | None, properties: Properties
    ) -> Subscription | Reason:
        try:
            topic_filter = parse_filter(text)
        except FilterError as error:
            raise ProtocolError(Reason.TOPIC_FILTER_INVALID, str(error)) from None
        if not is_topic_filter(topic_filter.topic):
            raise ProtocolError(Reason.TOPIC_FILTER_INVALID, f"malformed topic filter {text!r}")
        if topic_filter.group is not None and options.nl:
            raise ProtocolError(Reason.PROTOCOL_ERROR, "no local on a shared subscription")
        if not self.broker.authorize(session, Access("subscribe", topic_filter.topic, options.qos)):
            return self._denied(f"subscribe to {text}")
        reason = judge_subscription(self.broker.configuration, topic_filter)
        if reason is not Reason.SUCCESS:
            return reason
        if self.broker.has_too_many(session, topic_filter):
            return Reason.QUOTA_EXCEEDED
        options = replace(options, qos=min(options.qos, self.broker.configuration.max_qos_allowed))
        try:
            return self.broker.subscribe(session, topic_filter, options, identifier, properties)
        except ExclusiveError:
            return Reason.QUOTA_EXCEEDED

    def _unsubscribe(self, session: Session, packet: Unsubscribe) -> None:
        codes: list[int] = []
        for text in packet.filters:
            try:
                topic_filter = parse_filter(text)
            except FilterError as error:
                raise ProtocolError(Reason.TOPIC_FILTER_INVALID, str(error)) from None
            known = self.broker.unsubscribe(session, topic_filter, packet.properties)
            codes.append(Reason.SUCCESS if known else Reason.NO_SUBSCRIPTION_EXISTED)
        self.send(Unsuback(packet.packet_id, codes))
        session.statistics.report()

    def _disconnect(self, session: Session, packet: Disconnect) -> None:
        interval = packet.properties.get("session_expiry_interval")
        if interval is not None:
            if interval and not session.persistent:
                raise ProtocolError(Reason.PROTOCOL_ERROR, "session expiry was 0 at CONNECT")
            session.expiry_interval = min(interval, NEVER_EXPIRES)
        session.disconnect_properties = packet.properties
        reason = "normal" if packet.reason == Reason.SUCCESS else reason_name(packet.reason)
        self.close(reason, publish_will=packet.reason != Reason.SUCCESS)


def message_of(session: Session, packet: Publish) -> Message:
    """The application message in a client's PUBLISH."""
    properties = packet.properties
    user_properties = properties.pop("user_property", [])
    return Message(
        topic=packet.topic,
        payload=packet.payload,
        qos=packet.qos,
        retain=packet.retain,
        from_clientid=session.clientid,
        from_username=session.username,
        properties=properties,
        user_properties=user_properties,
        headers=session.facts(),
    )
