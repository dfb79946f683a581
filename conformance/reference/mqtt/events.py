"""The events of the broker as rules see them: one method per event, one dictionary of columns per emission.

Names and columns are those of GET /rule_events; ``event`` is the dotted name a rule selects. Columns without a
value are None (``undefined`` in a template). Instants are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.reference.defects import Defect, Traits
from conformance.reference.message import Hooks, Message, now_ms
from conformance.reference.mqtt.authorization import Access
from conformance.reference.mqtt.packets import Connect
from conformance.reference.mqtt.peer import Peer
from conformance.reference.mqtt.reasons import reason_name
from conformance.reference.mqtt.session import Session, Subscription
from conformance.reference.nodes import at_work

Columns = dict[str, Any]


class EventContext(dict[str, Any]):
    """Columns of an event that is about a message; ``message`` carries what is no column (headers)."""

    message: Message | None = None


def printable_properties(
    properties: Mapping[str, Any], user_properties: list[tuple[str, str]] | None = None
) -> Columns:
    """MQTT properties under the names rules use: ``Content-Type``, ``User-Property``, ``User-Property-Pairs``."""
    columns: Columns = {"User-Property": {}}
    for name, value in properties.items():
        if name != "user_property":
            columns[name.title().replace("_", "-")] = value
    pairs = user_properties if user_properties is not None else properties.get("user_property", [])
    if pairs:
        columns["User-Property"] = dict(pairs)
        columns["User-Property-Pairs"] = [{"key": key, "value": value} for key, value in pairs]
    return columns


class Events:
    """Builds contexts only for events somebody listens to."""

    def __init__(self, hooks: Hooks, traits: Traits) -> None:
        self._hooks = hooks
        self._traits = traits

    def _emit(self, event: str, columns: Columns, message: Message | None = None) -> None:
        context = EventContext(columns)
        context["event"] = event.replace("_", ".", 1)
        context["timestamp"] = now_ms()
        context["node"] = at_work()
        context.message = message
        self._hooks.emit(event, context)

    # Messages

    def message_publish(self, message: Message) -> None:
        if self._hooks.wanted("message_publish"):
            self._emit("message_publish", {**_published(message), "client_attrs": {}}, message)

    def message_dropped(self, message: Message, reason: str) -> None:
        if self._hooks.wanted("message_dropped"):
            self._emit("message_dropped", {**_published(message), "reason": reason}, message)

    def message_delivered(self, session: Session, message: Message) -> None:
        if self._hooks.wanted("message_delivered"):
            self._emit("message_delivered", _delivered(session, message), message)

    def message_acked(self, session: Session, message: Message, properties: Mapping[str, Any]) -> None:
        if self._hooks.wanted("message_acked"):
            columns = {**_delivered(session, message), "puback_props": printable_properties(properties)}
            self._emit("message_acked", columns, message)

    def delivery_dropped(self, session: Session, message: Message, reason: str) -> None:
        if self._hooks.wanted("delivery_dropped"):
            self._emit("delivery_dropped", {**_delivered(session, message), "reason": reason}, message)

    # Clients

    def client_connected(self, session: Session) -> None:
        if not self._hooks.wanted("client_connected"):
            return
        peer = session.peer
        columns = _client(session.clientid, session.username, peer)
        columns |= {
            "mountpoint": None,
            "sockname": peer.sockname,
            "proto_name": peer.protocol_name,
            "proto_ver": peer.version,
            "keepalive": peer.keepalive,
            "clean_start": peer.clean_start,
            "expiry_interval": session.expiry_interval,
            "is_bridge": False,
            "conn_props": printable_properties(peer.properties),
            "connected_at": peer.connected_at,
            "client_attrs": {},
        }
        self._emit("client_connected", columns)

    def client_disconnected(self, session: Session, reason: str) -> None:
        if not self._hooks.wanted("client_disconnected"):
            return
        peer = session.peer
        columns = _client(session.clientid, session.username, peer)
        columns |= {
            "reason": reason,
            "sockname": peer.sockname,
            "proto_name": peer.protocol_name,
            "proto_ver": peer.version,
            "disconn_props": printable_properties(session.disconnect_properties),
            "connected_at": peer.connected_at,
            "disconnected_at": session.disconnected_at or now_ms(),
            "client_attrs": {},
        }
        self._emit("client_disconnected", columns)

    def client_connack(self, packet: Connect, peer: Peer, expiry_interval: int, reason: int) -> None:
        if not self._hooks.wanted("client_connack"):
            return
        columns = _client(packet.clientid, packet.username, peer)
        columns |= {
            "reason_code": reason_name(reason),
            "sockname": peer.sockname,
            "proto_name": peer.protocol_name,
            "proto_ver": peer.version,
            "keepalive": peer.keepalive,
            "clean_start": peer.clean_start,
            "expiry_interval": expiry_interval,
            "connected_at": peer.connected_at,
            "conn_props": printable_properties(peer.properties),
        }
        if Defect.CONNACK_WITHOUT_ITS_TIME in self._traits:
            del columns["connected_at"]
        self._emit("client_connack", columns)

    def client_check_authn_complete(self, packet: Connect, peer: Peer, reason: int, superuser: bool) -> None:
        if self._hooks.wanted("client_check_authn_complete"):
            columns = _client(packet.clientid, packet.username, peer)
            columns |= {
                "reason_code": reason_name(reason),
                "is_superuser": superuser,
                "is_anonymous": packet.username is None,
                "client_attrs": {},
            }
            self._emit("client_check_authn_complete", columns)

    def client_check_authz_complete(self, session: Session, access: Access, allowed: bool, source: str) -> None:
        if self._hooks.wanted("client_check_authz_complete"):
            columns = _client(session.clientid, session.username, session.peer)
            columns |= {
                "peerhost": session.peer.host,
                "topic": access.topic,
                "action": access.action,
                "authz_source": source,
                "result": "allow" if allowed else "deny",
                "client_attrs": {},
            }
            self._emit("client_check_authz_complete", columns)

    # Subscriptions

    def session_subscribed(self, subscription: Subscription, properties: Mapping[str, Any]) -> None:
        if self._hooks.wanted("session_subscribed"):
            columns = {**_subscription(subscription), "sub_props": printable_properties(properties)}
            self._emit("session_subscribed", columns)

    def session_unsubscribed(self, subscription: Subscription, properties: Mapping[str, Any]) -> None:
        if self._hooks.wanted("session_unsubscribed"):
            columns = {**_subscription(subscription), "unsub_props": printable_properties(properties)}
            self._emit("session_unsubscribed", columns)


def _message(message: Message) -> Columns:
    return {
        "id": message.id,
        "payload": message.payload,
        "topic": message.topic,
        "qos": message.qos,
        "flags": {"retain": message.retain, "dup": False},
        "publish_received_at": message.timestamp,
        "pub_props": printable_properties(message.properties, message.user_properties),
    }


def _published(message: Message) -> Columns:
    return {
        **_message(message),
        "clientid": message.from_clientid,
        "username": message.from_username,
        "peerhost": message.headers.get("peerhost"),
        "peername": message.headers.get("peername"),
    }


def _delivered(session: Session, message: Message) -> Columns:
    return {
        **_message(message),
        "from_clientid": message.from_clientid,
        "from_username": message.from_username,
        "clientid": session.clientid,
        "username": session.username,
        "peerhost": session.peer.host,
        "peername": session.peer.name,
    }


def _client(clientid: str, username: str | None, peer: Peer) -> Columns:
    return {"clientid": clientid, "username": username, "peername": peer.name}


def _subscription(subscription: Subscription) -> Columns:
    session = subscription.session
    return {
        **_client(session.clientid, session.username, session.peer),
        "peerhost": session.peer.host,
        "topic": str(subscription.filter),
        "qos": subscription.options.qos,
        "client_attrs": {},
    }
