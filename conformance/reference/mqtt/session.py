"""A session: what the broker knows of one client id, and how messages reach the client behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from conformance.reference.defects import Defect, Quirk
from conformance.reference.deployment import Deployment
from conformance.reference.message import Message, now_ms
from conformance.reference.mqtt.aliases import OutgoingAliases
from conformance.reference.mqtt.authorization import AuthorizationCache
from conformance.reference.mqtt.encoder import publish_bytes
from conformance.reference.mqtt.packets import Ack, Packet, PacketType, SubscribeOptions, Will
from conformance.reference.mqtt.peer import Peer
from conformance.reference.mqtt.properties import Properties
from conformance.reference.mqtt.queues import Delivery, Inflight, MessageQueue, expired
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.statistics import Statistics
from conformance.reference.mqtt.topics import Filter
from conformance.reference.node_configuration import NodeConfiguration

NEVER_EXPIRES = 0xFFFFFFFF
# EMQX reports the statistics of a connection this many seconds after traffic (its idle_timeout).
REPORT_SECONDS = 15.0

# What the encoder raises for values MQTT cannot carry, for example user properties that are no strings.
_NOT_ENCODABLE = (AttributeError, TypeError, OverflowError, ValueError)


class Link(Protocol):
    """What a session asks of the connection of its client; ``congested``: nothing more fits into its buffers."""

    congested: bool

    def write(self, data: bytes) -> None:
        """Send encoded bytes."""

    def send(self, packet: Packet) -> None:
        """Encode and send a packet."""

    def detach(self, reason: str, code: Reason) -> None:
        """Close for a reason that is dealt with in the session as well."""

    def abort(self) -> None:
        """Drop the connection without a word."""


class Witness(Protocol):
    """Who is told what becomes of messages."""

    def message_delivered(self, session: Session, message: Message) -> None: ...

    def message_acked(self, session: Session, message: Message, properties: Mapping[str, Any]) -> None: ...

    def delivery_dropped(self, session: Session, message: Message, reason: str) -> None: ...


class Home(Protocol):
    """What a session asks of its broker."""

    @property
    def deployment(self) -> Deployment: ...

    @property
    def configuration(self) -> NodeConfiguration: ...

    @property
    def events(self) -> Witness: ...

    def not_encodable(self, session: Session) -> None:
        """A message cannot be written for the client of a session."""


@dataclass(slots=True)
class Subscription:
    """One session's subscription; ``identifier`` is the MQTT 5 subscription identifier."""

    session: Session
    filter: Filter
    options: SubscribeOptions
    identifier: int | None = None
    is_new: bool = True
    """False if the subscription replaced one of the same filter."""


class Session:
    """The state that outlives connections: subscriptions, mqueue, inflight window, QoS 2 identifiers.

    ``expiry_interval`` is seconds after a disconnect, 0 ends the session with its connection. Instants are
    milliseconds since the epoch. ``connection`` is None while the client is away.
    """

    def __init__(self, broker: Home, clientid: str, username: str | None, peer: Peer) -> None:
        self.broker = broker
        self.clientid = clientid
        self.username = username
        self.is_superuser = False
        self.peer = peer
        self.expiry_interval = 0
        self.created_at = now_ms()
        self.disconnected_at: int | None = None
        self.disconnect_properties: Properties = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.mqueue = MessageQueue(broker.configuration.max_mqueue_len)
        self.inflight = Inflight(broker.configuration.max_inflight)
        self.awaiting_rel: set[int] = set()
        self.statistics = Statistics()
        self.authorization_cache = AuthorizationCache()
        self.aliases = OutgoingAliases()
        self.will: Will | None = None
        self.connection: Link | None = None
        self.timers: list[asyncio.TimerHandle] = []
        self._report: asyncio.TimerHandle | None = None

    @property
    def connected(self) -> bool:
        return self.connection is not None

    @property
    def persistent(self) -> bool:
        return self.expiry_interval > 0

    def attach(self, connection: Link, username: str | None, peer: Peer) -> None:
        """A client has (re)connected: counters, cached decisions and limits belong to the new connection."""
        self.cancel_timers()
        self.connection = connection
        self.username = username
        self.peer = peer
        self.disconnected_at = None
        self.disconnect_properties = {}
        self.statistics = Statistics()
        self.authorization_cache = AuthorizationCache()
        self.aliases = OutgoingAliases(peer.properties.get("topic_alias_maximum", 0))
        self.inflight.limit = min(self.broker.configuration.max_inflight, peer.receive_maximum)

    def cancel_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()
        if self._report is not None:
            self._report.cancel()
            self._report = None

    # Statistics

    @property
    def counters(self) -> dict[str, int]:
        """The counters as the API shows them: live, or with `Quirk.LATE_STATISTICS` those of the last report."""
        late = self.broker.deployment.has(Quirk.LATE_STATISTICS)
        return self.statistics.reported if late else self.statistics.values

    def report_later(self) -> None:
        """Traffic has come: report the statistics after a while, unless that is due already."""
        if self._report is None and self.broker.deployment.has(Quirk.LATE_STATISTICS):
            self._report = asyncio.get_running_loop().call_later(REPORT_SECONDS, self._report_now)

    def _report_now(self) -> None:
        self._report = None
        self.statistics.report()

    # Delivery

    def deliver(self, message: Message, subscription: Subscription, retained: bool = False) -> None:
        """Send or queue a message for one subscription; ``retained`` if it comes from the retained store."""
        options, configuration = subscription.options, self.broker.configuration
        ignores_own = options.nl or (self.peer.version < 5 and configuration.ignore_loop_deliver)
        if ignores_own and message.from_clientid == self.clientid:
            self.broker.events.delivery_dropped(self, message, "no_local")
            return
        qos = (max if configuration.upgrade_qos else min)(message.qos, options.qos)
        retain = message.retain and (retained or bool(options.rap))
        shared = subscription.filter if subscription.filter.group is not None else None
        delivery = Delivery(message, qos, retain, subscription.identifier, shared)
        connection = self.connection
        if connection is None or connection.congested or (qos and self.inflight.full):
            self._enqueue(delivery)
        else:
            self._send(connection, delivery)

    def owed_to_groups(self) -> list[tuple[Filter, Message]]:
        """The messages of shared subscriptions that wait, or that the client has not acknowledged."""
        held = [*self.inflight.items(), *self.mqueue.items()]
        return [(each.shared, each.message) for each in held if each.shared and each.qos and not each.released]

    def _enqueue(self, delivery: Delivery) -> None:
        if not delivery.qos and not self.broker.configuration.mqueue_store_qos0:
            self._drop(delivery, "qos0_msg")
            return
        dropped = self.mqueue.push(delivery)
        if dropped is not None:
            self._drop(dropped, "queue_full")

    def _drop(self, delivery: Delivery, reason: str) -> None:
        self.statistics.dropped(reason)
        self.broker.events.delivery_dropped(self, delivery.message, reason)

    def drain(self) -> None:
        """Send what is queued, as far as window and transport allow."""
        while self.mqueue and (connection := self.connection) is not None:
            if connection.congested or self.inflight.full:
                return
            self._send(connection, self.mqueue.pop())

    def _send(self, connection: Link, delivery: Delivery) -> None:
        if expired(delivery.message):
            self._drop(delivery, "expired")
            return
        packet_id = self.inflight.add(delivery) if delivery.qos else 0
        written = self._write(connection, delivery, packet_id, dup=False)
        if not written and not self.broker.deployment.has(Defect.TOO_LARGE_MESSAGE_STAYS_IN_FLIGHT):
            self.inflight.remove(packet_id)

    def _write(self, connection: Link, delivery: Delivery, packet_id: int, dup: bool) -> bool:
        """Put a PUBLISH on the wire; False if this client can never get it."""
        message = delivery.message
        topic, alias = self.aliases.written(message.topic)
        try:
            data = publish_bytes(
                topic,
                message.payload,
                delivery.qos,
                delivery.retain,
                dup,
                packet_id,
                self._properties(delivery, alias) if self.peer.version >= 5 else {},
                self.peer.version,
            )
        except _NOT_ENCODABLE:
            self.broker.not_encodable(self)
            return False
        if len(data) > self.peer.maximum_packet_size:
            self._drop(delivery, "too_large")
            return False
        connection.write(data)
        self.aliases.sent(message.topic, alias)
        self.statistics.message_out(delivery.qos)
        self.broker.events.message_delivered(self, message)
        return True

    def _properties(self, delivery: Delivery, alias: int | None) -> Properties:
        message = delivery.message
        properties: Properties = dict(message.properties)
        if (interval := properties.get("message_expiry_interval")) is not None:
            elapsed = (now_ms() - message.timestamp) // 1000
            properties["message_expiry_interval"] = max(0, min(interval - elapsed, 0xFFFFFFFF))
        if message.user_properties:
            properties["user_property"] = message.user_properties
        if delivery.identifier is not None:
            properties["subscription_identifier"] = delivery.identifier
        if alias is not None:
            properties["topic_alias"] = alias
        return properties

    def replay(self) -> None:
        """After a reconnect: repeat what was not acknowledged, then send what was queued."""
        connection = self.connection
        if connection is None:
            return
        for packet_id, delivery in self.inflight.by_packet_id():
            if delivery.released:
                connection.send(Ack(PacketType.PUBREL, packet_id))
            elif not self._write(connection, delivery, packet_id, dup=True):
                self.inflight.remove(packet_id)
        self.drain()

    # Acknowledgements

    def acknowledged(self, ack: Ack) -> None:
        """PUBACK or PUBCOMP, or a PUBREC that refuses: the exchange is over."""
        delivery = self.inflight.remove(ack.packet_id)
        if delivery is not None and ack.type is not PacketType.PUBCOMP:
            self.broker.events.message_acked(self, delivery.message, ack.properties)
        self.drain()

    def received(self, ack: Ack) -> Reason:
        """PUBREC: the client has the message; answers the code for the PUBREL."""
        delivery = self.inflight.get(ack.packet_id)
        if delivery is None:
            return Reason.PACKET_IDENTIFIER_NOT_FOUND
        if not delivery.released:
            delivery.released = True
            self.broker.events.message_acked(self, delivery.message, ack.properties)
        return Reason.SUCCESS

    def facts(self) -> dict[str, Any]:
        """Message headers that tell where a message of this client came from."""
        return {"username": self.username, "peerhost": self.peer.host, "peername": self.peer.name}
