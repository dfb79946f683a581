"""The queued and the unacknowledged messages of a client, page by page (behaviour 7)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from conformance.reference.defects import Defect, Quirk, Traits
from conformance.reference.mqtt.queues import Delivery
from conformance.reference.mqtt.view import sender_username
from conformance.reference.mqtt_operations.clients import session_of
from conformance.reference.rest.http import ApiError, Call, Reply, handles
from conformance.reference.rest.units import parse_size

_MQUEUE_POSITION = re.compile(r"([0-9]+)_(?:[0-9]+|infinity)")
_INFLIGHT_POSITION = re.compile(r"([0-9]+)")
_NONE = "none"
_END = "end_of_data"


@handles("GET /clients/{clientid}/mqueue_messages")
def list_mqueue(call: Call) -> Reply:
    """A page of queued messages; positions are ``<ns>_<priority>``."""
    position = _position(call, _MQUEUE_POSITION)
    limit = _byte_limit(call)
    queue = session_of(call).mqueue
    body = _page(call, queue.items(), position, limit, f"_{queue.priority}")
    for item in body["data"]:
        item["mqueue_priority"] = queue.priority
    return Reply(200, body)


@handles("GET /clients/{clientid}/inflight_messages")
def list_inflight(call: Call) -> Reply:
    """A page of messages the client has not acknowledged; positions are ``<ns>``."""
    position = _position(call, _INFLIGHT_POSITION)
    limit = _byte_limit(call)
    return Reply(200, _page(call, session_of(call).inflight.items(), position, limit, ""))


def _position(call: Call, pattern: re.Pattern[str]) -> int | str | None:
    """Instant of the last message seen, None for the start, ``end_of_data`` (erratum D3) where it is known."""
    text = call.query.get("position", _NONE)
    if text == _NONE:
        return None
    if text == _END and not call.deployment.has(Quirk.END_OF_DATA_UNKNOWN):
        return _END
    match = pattern.fullmatch(text)
    if match is None:
        raise ApiError(400, "INVALID_PARAMETER", "position_limit_invalid")
    return int(match[1])


def _byte_limit(call: Call) -> int:
    limit = parse_size(call.query["max_payload_bytes"])
    if limit <= 0:
        raise ApiError(400, "BAD_REQUEST", "max_payload_bytes must be higher than 0")
    return limit


def _page(
    call: Call, held: Iterable[Delivery], position: int | str | None, byte_limit: int, suffix: str
) -> dict[str, Any]:
    deliveries = list(held)
    start = f"{deliveries[0].inserted_at}{suffix}" if deliveries else _NONE
    if position == _END:
        return {"data": [], "meta": {"start": start, "position": _END}}
    rest = (item for item in deliveries if not isinstance(position, int) or item.inserted_at > position)
    walked = list(islice(rest, call.query["limit"]))
    data = _within(call, walked, byte_limit)
    # 5.8.9 returns the position of the last message walked, so that those cut off are never shown (emqx#18506).
    skips = call.deployment.has(Defect.QUEUE_PAGES_SKIP_MESSAGES)
    last = walked[-1:] if skips else walked[: len(data)][-1:]
    reached = f"{last[0].inserted_at}{suffix}" if last else call.query.get("position", _NONE)
    return {"data": data, "meta": {"start": start, "position": reached}}


def _within(call: Call, deliveries: list[Delivery], byte_limit: int) -> list[dict[str, Any]]:
    """The messages whose payloads, as shown, fit the limit together; always at least one."""
    data: list[dict[str, Any]] = []
    total = 0
    for delivery in deliveries:
        shown, size = _payload(delivery.message.payload, call.query["payload"])
        total += size
        if data and total > byte_limit:
            break
        data.append({**_item(delivery, call.deployment.traits), **shown})
    return data


def _payload(payload: bytes, form: str) -> tuple[dict[str, str], int]:
    """The ``payload`` key (none at all for form ``none``) and its size in bytes."""
    if form == "none":
        return {}, 0
    if form == "base64":
        text = base64.b64encode(payload).decode()
        return {"payload": text}, len(text)
    return {"payload": payload.decode(errors="replace")}, len(payload)


def _item(delivery: Delivery, traits: Traits) -> dict[str, Any]:
    message = delivery.message
    return {
        "msgid": message.id,
        "topic": message.topic,
        "qos": delivery.qos,
        "publish_at": message.timestamp,
        "inserted_at": str(delivery.inserted_at),
        "from_clientid": message.from_clientid,
        "from_username": sender_username(message, traits),
    }
