"""Retained messages (behaviour 10)."""

from __future__ import annotations

import base64
from typing import Any

from conformance.reference.defects import Quirk, Traits
from conformance.reference.message import Message
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.view import rfc3339, sender_username
from conformance.reference.rest.http import ApiError, Call, Reply, SchemaFilter, handles
from conformance.reference.rest.pagination import envelope

_MAX_SHOWN_PAYLOAD = 1_048_576


@handles("GET /mqtt/retainer/messages", filter=SchemaFilter.CHECK)
def list_retained(call: Call) -> Reply:
    """A page of retained messages, oldest first; ``count`` only without a ``topic``."""
    query, traits, store = call.query, call.deployment.traits, call.deployment.part(Broker).retained
    topic_filter = query.get("topic")
    # 5.8.9 counts its table, where an expired message stays until somebody looks for it.
    count = store.count()
    found = store.matching(topic_filter)
    body = envelope(found, query["page"], query["limit"], traits, countable=topic_filter is None)
    if topic_filter is None and Quirk.EXPIRED_RETAINED_COUNTED in traits:
        body["meta"]["count"] = count
    body["data"] = [_summary(message, traits) for message in body["data"]]
    return Reply(200, body)


@handles("DELETE /mqtt/retainer/messages", filter=SchemaFilter.CHECK)
def clear_retained(call: Call) -> Reply:
    """Forget all retained messages."""
    call.deployment.part(Broker).retained.clear()
    return Reply(204)


@handles("GET /mqtt/retainer/message/{topic}", filter=SchemaFilter.CHECK)
def read_retained(call: Call) -> Reply:
    """The oldest message for a topic or filter; its payload unless that is larger than 1 MiB (erratum A21)."""
    found = call.deployment.part(Broker).retained.matching(call.path["topic"])
    if not found:
        raise _not_found()
    view = _summary(found[0], call.deployment.traits)
    if len(found[0].payload) <= _MAX_SHOWN_PAYLOAD:
        view["payload"] = base64.b64encode(found[0].payload).decode()
    return Reply(200, view)


@handles("DELETE /mqtt/retainer/message/{topic}", filter=SchemaFilter.CHECK)
def delete_retained(call: Call) -> Reply:
    """Forget all messages for a topic or filter."""
    if not call.deployment.part(Broker).retained.delete(call.path["topic"]):
        raise _not_found()
    return Reply(204)


def _not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "Viewed message doesn't exist")


def _summary(message: Message, traits: Traits) -> dict[str, Any]:
    return {
        "msgid": message.id,
        "topic": message.topic,
        "qos": message.qos,
        "publish_at": rfc3339(message.timestamp),
        "from_clientid": message.from_clientid,
        "from_username": sender_username(message, traits),
    }
