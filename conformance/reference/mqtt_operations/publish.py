"""Publishing over REST (behaviour 9, errata A14 to A16)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.message import Message
from conformance.reference.mqtt.broker import Broker, is_delayed
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.topics import is_topic_name
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, handles

SENDER = "http_api"
MAX_STRING_BYTES = 65_535
# Fixed header, remaining length, topic length and packet identifier, as EMQX estimates a packet.
_OVERHEAD = 1 + 4 + 2 + 2


class _Refused(Exception):
    """A message that cannot be published: ``{reason_code, message}`` with status 400, without ``code``."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(400, {"reason_code": int(reason), "message": message})


@handles("POST /publish")
def publish(call: Call) -> Reply:
    """Publish a message: 200 with its id, or 202 if nobody is subscribed."""
    try:
        message = _message(call, call.body)
    except _Refused as refused:
        return refused.reply
    result = _routed(call, message)
    return Reply(200 if "id" in result else 202, result)


@handles("POST /publish/bulk")
def publish_bulk(call: Call) -> Reply:
    """Publish messages in order; one that cannot be published refuses them all."""
    if not call.body:
        if call.deployment.has(Defect.PUBLISH_OF_NOTHING):
            raise Crash("{case_clause,[]}")
        raise ApiError(400, "BAD_REQUEST", "there is no message to publish")
    try:
        messages = [_message(call, item) for item in call.body]
    except _Refused as refused:
        return refused.reply
    results = [_routed(call, message) for message in messages]
    return Reply(200 if all("id" in result for result in results) else 202, results)


def _routed(call: Call, message: Message) -> dict[str, Any]:
    receivers = call.deployment.part(Broker).publish(message)
    if is_delayed(message.topic) and call.deployment.has(Defect.DELAYED_MESSAGE_HAS_NO_SUBSCRIBER):
        receivers = 0
    if receivers:
        return {"id": message.id}
    return {"reason_code": int(Reason.NO_MATCHING_SUBSCRIBERS), "message": "no_matching_subscribers"}


def _message(call: Call, item: dict[str, Any]) -> Message:
    topic = item["topic"]
    payload = _payload(item)
    if not is_topic_name(topic):
        raise _Refused(Reason.TOPIC_NAME_INVALID, "topic_name_invalid")
    if _OVERHEAD + len(topic.encode()) + len(payload) > largest_packet(call.deployment):
        raise _Refused(Reason.QUOTA_EXCEEDED, "packet_too_large")
    properties = dict(item.get("properties") or {})
    user_properties = properties.pop("user_properties", {})
    if not call.deployment.has(Defect.USER_PROPERTIES_UNCHECKED):
        # 5.8.9 lets anything through to the packet serializer, which costs every MQTT 5 subscriber its connection.
        _check_texts([*user_properties, *user_properties.values(), *_texts(properties)])
    if "correlation_data" in properties:
        properties["correlation_data"] = properties["correlation_data"].encode()
    return Message(
        topic=topic,
        payload=payload,
        qos=item["qos"],
        retain=item["retain"],
        from_clientid=SENDER,
        properties=properties,
        user_properties=sorted(user_properties.items()),
    )


def largest_packet(deployment: Deployment) -> int:
    """Bytes of the largest packet that may be published (``mqtt.max_packet_size``)."""
    return deployment.settings.configuration.max_packet_size


def _texts(properties: dict[str, Any]) -> list[str]:
    return [properties[name] for name in ("content_type", "response_topic", "correlation_data") if name in properties]


def _check_texts(values: list[Any]) -> None:
    """Raise 400 unless every value fits an MQTT string."""
    for value in values:
        if not isinstance(value, str):
            raise ApiError(400, "BAD_REQUEST", "values of user_properties must be strings")
        if "\0" in value or len(value.encode()) > MAX_STRING_BYTES:
            raise ApiError(400, "BAD_REQUEST", "a property is longer than 65535 bytes or contains U+0000")


def _payload(item: dict[str, Any]) -> bytes:
    text: str = item["payload"]
    if item["payload_encoding"] != "base64":
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _Refused(Reason.IMPLEMENTATION_SPECIFIC_ERROR, "the payload is no base64") from None
