"""CONNECT: who is let in, with which session, and what CONNACK says.

The order is EMQX's: packet, ban, credentials, then the session (behaviour: authentication, banned, clients).
"""

from __future__ import annotations

import secrets
from typing import Protocol

from conformance.reference.message import now_ms
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.gatekeeper import Refused
from conformance.reference.mqtt.limits import granted, judge_connect
from conformance.reference.mqtt.packets import Connack, Connect
from conformance.reference.mqtt.peer import Peer
from conformance.reference.mqtt.properties import Properties
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.session import Link, Session
from conformance.reference.mqtt.topics import is_topic_name
from conformance.reference.mqtt.wire import MAX_VARINT


class Newcomer(Link, Protocol):
    """What is asked of a connection until its client is let in or refused."""

    @property
    def broker(self) -> Broker: ...

    @property
    def listener_id(self) -> str:
        """The listener it came through, ``tcp:default``."""

    def addresses(self) -> tuple[str, int, str]:
        """Host and port of the peer, and the name of our own socket."""

    def accepted(self, session: Session, keepalive: int) -> None:
        """The client is in."""

    def refuse_connect(self, reason: Reason) -> None:
        """The client is told why not."""


def admit(connection: Newcomer, packet: Connect, size: int) -> None:
    """Answer a CONNECT of ``size`` bytes: CONNACK and a session, or a refusal and the end of the connection."""
    broker = connection.broker
    configuration = broker.configuration
    if configuration.use_username_as_clientid and packet.username:
        packet.clientid = packet.username
    peer = _peer(connection, packet)
    assigned = _assign_clientid(packet)
    reason, superuser = _judge(connection, packet, peer)
    if reason is not Reason.SUCCESS:
        broker.events.client_connack(packet, peer, 0, reason)
        connection.refuse_connect(reason)
        return
    session, present = broker.sessions.open(connection, packet, peer)
    peer.connected_at = now_ms()  # not before its session was created
    session.is_superuser = superuser
    session.expiry_interval = _expiry_interval(packet, configuration.session_expiry_interval)
    session.will = packet.will
    session.statistics.packet_in(size)
    session.statistics.report()
    properties: Properties = granted(configuration, packet.keepalive) if packet.version >= 5 else {}
    peer.keepalive = properties.get("server_keep_alive", packet.keepalive)
    connection.accepted(session, peer.keepalive)
    if assigned and packet.version >= 5:
        properties["assigned_client_identifier"] = packet.clientid
    broker.events.client_connack(packet, peer, session.expiry_interval, Reason.SUCCESS)
    connection.send(Connack(present and packet.version > 3, Reason.SUCCESS, properties))
    broker.events.client_connected(session)
    if present:
        session.replay()


def _peer(connection: Newcomer, packet: Connect) -> Peer:
    host, port, sockname = connection.addresses()
    properties = packet.properties
    return Peer(
        host,
        port,
        sockname,
        connection.listener_id,
        packet.version,
        packet.clean_start,
        packet.keepalive,
        properties.get("receive_maximum", 65535),
        properties.get("maximum_packet_size", MAX_VARINT + 5),
        properties,
    )


def _assign_clientid(packet: Connect) -> bool:
    # 3.1.1 allows an empty client id only for a session that ends with its connection [MQTT-3.1.3-7].
    if packet.clientid or (packet.version < 5 and not packet.clean_start):
        return False
    packet.clientid = f"auto-{secrets.token_hex(8)}"
    return True


def _expiry_interval(packet: Connect, default: int) -> int:
    """Seconds a session outlives its connection; clients before MQTT 5 cannot say it themselves."""
    if packet.version >= 5:
        return int(packet.properties.get("session_expiry_interval", 0))
    return 0 if packet.clean_start else default


def _judge(connection: Newcomer, packet: Connect, peer: Peer) -> tuple[Reason, bool]:
    """The reason code for CONNACK, and whether the client is a superuser."""
    broker = connection.broker
    gatekeeper = broker.gatekeeper
    if not packet.clientid:
        return Reason.CLIENT_IDENTIFIER_NOT_VALID, False
    if "authentication_method" in packet.properties:
        return Reason.BAD_AUTHENTICATION_METHOD, False
    if packet.will is not None and not is_topic_name(packet.will.topic):
        return Reason.TOPIC_NAME_INVALID, False
    limited = judge_connect(broker.configuration, packet)
    if limited is not Reason.SUCCESS:
        return limited, False
    if gatekeeper.is_banned(packet.clientid, packet.username, peer.host):
        return Reason.BANNED, False
    if broker.sessions.is_full and packet.clientid not in broker.sessions:
        return Reason.QUOTA_EXCEEDED, False
    verdict = gatekeeper.authenticate(packet.clientid, packet.username, packet.password, peer.host)
    if isinstance(verdict, Refused):
        reason, superuser = Reason(verdict.reason_code), False
    else:
        reason, superuser = Reason.SUCCESS, bool(verdict.is_superuser)
    broker.events.client_check_authn_complete(packet, peer, reason, superuser)
    return reason, superuser
