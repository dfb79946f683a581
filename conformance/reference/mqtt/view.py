"""What the REST API shows of a session (behaviour 7, erratum A6) and of a message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from conformance.reference.defects import Quirk, Traits
from conformance.reference.message import Message
from conformance.reference.mqtt.session import Session, Subscription

_BYTES_PER_WORD = 8


def rfc3339(milliseconds: int) -> str:
    """An instant as EMQX prints it, ``2026-11-23T02:29:41.615+00:00``."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def client_object(session: Session) -> dict[str, Any]:
    """One element of GET /clients, statistics included."""
    peer, counters, configuration = session.peer, session.counters, session.broker.configuration
    view: dict[str, Any] = {
        "clientid": session.clientid,
        "username": session.username,
        "node": session.peer.node,
        "listener": peer.listener,
        "connected": session.connected,
        "durable": False,
        "is_bridge": False,
        "is_expired": False,
        "is_persistent": session.persistent,
        "enable_authn": True,
        "auth_expire_at": None,
        "client_attrs": {},
        "mountpoint": None,
        "peersni": None,
        "ip_address": peer.host,
        "port": peer.port,
        "proto_name": peer.protocol_name,
        "proto_ver": peer.version,
        "clean_start": peer.clean_start,
        "keepalive": peer.keepalive,
        "expiry_interval": session.expiry_interval,
        "connected_at": rfc3339(peer.connected_at),
        "created_at": rfc3339(session.created_at),
        "subscriptions_cnt": len(session.subscriptions),
        "subscriptions_max": configuration.max_subscriptions or "infinity",
        "inflight_cnt": len(session.inflight),
        "inflight_max": session.inflight.limit,
        "mqueue_len": len(session.mqueue),
        "mqueue_max": configuration.max_mqueue_len,
        "awaiting_rel_cnt": len(session.awaiting_rel),
        "awaiting_rel_max": configuration.max_awaiting_rel,
        # There is no Erlang process: held payloads, nothing waiting and packets handled are the closest there is.
        "heap_size": _held_words(session),
        "mailbox_len": 0,
        "reductions": counters["recv_pkt"] + counters["send_pkt"],
        **counters,
    }
    if not session.connected and session.disconnected_at is not None:
        view["disconnected_at"] = rfc3339(session.disconnected_at)
        view["disconn_props"] = {}
    return view


def _held_words(session: Session) -> int:
    held = [*session.mqueue.items(), *session.inflight.items()]
    return sum(len(delivery.message.payload) for delivery in held) // _BYTES_PER_WORD


def subscription_object(subscription: Subscription, *, durable: bool = True) -> dict[str, Any]:
    """A subscription; the answer to a subscribe request has no ``durable`` (erratum A18)."""
    session, options = subscription.session, subscription.options
    view = {
        "node": session.peer.node,
        "clientid": session.clientid,
        "topic": str(subscription.filter),
        "qos": options.qos,
        "nl": options.nl,
        "rap": options.rap,
        "rh": options.rh,
    }
    return {**view, "durable": False} if durable else view


def sender_username(message: Message, traits: Traits) -> str:
    """``from_username`` of a message.

    Empty for the API and for rules. With `Quirk.UNDEFINED_USERNAME` it is ``undefined`` for a client without one.
    """
    if message.from_username is not None:
        return message.from_username
    is_of_client = "username" in message.headers
    return "undefined" if is_of_client and Quirk.UNDEFINED_USERNAME in traits else ""
