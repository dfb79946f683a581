"""Faults of publishing one message (PUB).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from conformance.reference.message import Message, now_ms
from conformance.reference.mqtt import broker, session
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.retained import RetainedStore
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.statistics import Statistics
from conformance.reference.mqtt_operations import publish
from conformance.target.guard.sandbox import goal
from tests.faults.seeded import (
    Broken,
    always,
    broken,
    broken_handler,
    changed_body,
    edit,
    error_reply,
    json_reply,
    nothing,
    on,
    scenario,
    seed,
    swallow,
    twice,
)

PULL = "https://github.com/emqx/emqx/pull/"
PUBLISH = "POST /publish"


def item(name: str) -> str:
    return scenario("publish", name)


def published(change: Callable[[Message], Message]) -> Broken:
    """Every message is changed before it is published."""
    return broken(Broker, "publish", lambda original: lambda self, message: original(self, change(message)))


def delivered(**changes: Any) -> Broken:
    """Every message is changed before it is delivered."""
    return broken(
        Session,
        "deliver",
        lambda deliver: (
            lambda self, message, subscription, retained=False: deliver(
                self, replace(message, **changes), subscription, retained
            )
        ),
    )


REACHES = item("message_reaches_its_subscribers")
seed("subscribers receive nothing", broken(Session, "deliver", nothing), REACHES, "PUB-01")
seed("subscribers receive every message twice", broken(Session, "deliver", twice), REACHES, "PUB-01")
seed("messages are delivered without their payload", delivered(payload=b""), REACHES, "PUB-01")
seed("messages are delivered on another topic", delivered(topic="elsewhere"), REACHES, "PUB-01")
seed("every message is delivered with QoS 0", published(lambda message: replace(message, qos=0)), REACHES, "PUB-01")
seed(
    "a retained message is delivered as retained to its subscribers",
    broken(
        Session,
        "deliver",
        lambda deliver: lambda self, message, subscription, retained=False: deliver(self, message, subscription, True),
    ),
    REACHES,
    "PUB-01",
)
seed("a published message has no id", on(PUBLISH, edit(lambda body: body.update(id="")), 200), REACHES, "PUB-01")
seed(
    "the answer to a publish repeats the message",
    on(PUBLISH, edit(lambda body: body.update(topic="t", payload="first")), 200),
    REACHES,
    "PUB-01",
    origin=f"{PULL}9155",
)
seed("every message has the same id", on(PUBLISH, edit(lambda body: body.update(id="0" * 32)), 200), REACHES, "PUB-01")
seed(
    "a delivered message is answered like an undelivered one",
    on(PUBLISH, lambda _: json_reply(202, {"reason_code": 16, "message": "no_matching_subscribers"}), 200),
    REACHES,
    "PUB-01",
)
NOBODY = item("message_without_subscriber")
seed(
    "a message without subscribers is answered like a delivered one",
    on(PUBLISH, lambda _: json_reply(200, {"id": "0" * 32}), 202),
    NOBODY,
    "PUB-02",
)
seed(
    "the reason for 202 is another one",
    on(PUBLISH, edit(lambda body: body.update(reason_code=17)), 202),
    NOBODY,
    "PUB-02",
)
seed(
    "only messages with subscribers are retained",
    broken(RetainedStore, "store", nothing),
    NOBODY,
    "PUB-02",
)
TOPIC = item("topic_name_is_checked")
seed(
    "a refused topic is published all the same",
    broken_handler(PUBLISH, lambda handler: lambda call: _published_anyway(call) or handler(call)),
    TOPIC,
    "PUB-03",
)


def _published_anyway(call: Any) -> None:
    topic = call.body["topic"].partition("#")[0]
    call.deployment.broker.publish(Message(topic, call.body["payload"].encode()))


seed(
    "wildcards are fine in a topic name",
    broken(publish, "is_topic_name", lambda _: lambda topic: len(topic) <= 65_535),
    TOPIC,
    ("PUB-03", PUBLISH, "topic_name_is_checked"),
)
seed(
    "a topic may be of any length",
    broken(publish, "is_topic_name", lambda _: lambda topic: "#" not in topic and "+" not in topic),
    TOPIC,
    ("PUB-03", PUBLISH, "topic_name_is_checked"),
)
seed(
    "a topic of 65,535 bytes is too long",
    broken(publish, "is_topic_name", lambda check: lambda topic: len(topic) < 65_535 and check(topic)),
    TOPIC,
    ("PUB-03", PUBLISH, "topic_name_is_checked"),
)
seed(
    "a bad topic has another reason code",
    on(PUBLISH, edit(lambda body: body.update(reason_code=131)), 400),
    TOPIC,
    "PUB-03",
)
seed(
    "a bad topic is answered with an array",
    on(PUBLISH, lambda reply: reply.with_json([reply.json]), 400),
    TOPIC,
    "PUB-03",
    "GEN-11",
    "GEN-14",
    origin=f"{PULL}11493",
)
BASE64 = item("base64_payload")
seed(
    "a base64 payload is delivered as it came",
    broken(publish, "_payload", lambda _: lambda message: message["payload"].encode()),
    BASE64,
    "PUB-04",
)
seed(
    "what is no base64 is delivered as it came",
    broken(publish, "_payload", lambda payload: lambda message: _lenient(payload, message)),
    BASE64,
    ("PUB-04", PUBLISH, "base64_payload"),
)


def _lenient(payload: Callable[[Any], bytes], message: Any) -> bytes:
    try:
        return payload(message)
    except publish._Refused:
        return bytes(message["payload"].encode())


PROPERTIES = item("properties_arrive")
for name in (
    "payload_format_indicator",
    "response_topic",
    "correlation_data",
    "content_type",
    "message_expiry_interval",
):
    seed(
        f"{name} does not arrive",
        published(
            lambda message, name=name: replace(
                message, properties={key: value for key, value in message.properties.items() if key != name}
            )
        ),
        PROPERTIES,
        "PUB-07",
    )
seed("user properties do not arrive", delivered(user_properties=[]), PROPERTIES, "PUB-07")
seed(
    "the expiry interval arrives in milliseconds",
    published(
        lambda message: replace(
            message,
            properties={
                key: value * 1000 if key == "message_expiry_interval" else value
                for key, value in message.properties.items()
            },
        )
    ),
    PROPERTIES,
    "PUB-07",
)
STRINGS = item("user_properties_are_strings")
seed(
    "a user property of any type is published and lost",
    broken(publish, "_check_texts", nothing),
    STRINGS,
    ("PUB-08", PUBLISH, "user_properties_are_strings"),
)


def aborting(broker: Broker, receiver: Session) -> None:
    """What a deployment with the defect does."""
    if receiver.connection is not None:
        receiver.connection.abort()
        receiver.connection = None
        broker.sessions.end(receiver)


seed(
    "a user property that is no string costs subscribers their connection",
    (broken(publish, "_check_texts", nothing), broken(Broker, "not_encodable", lambda _: aborting)),
    STRINGS,
    ("PUB-08", PUBLISH, "user_properties_are_strings"),
)
LARGE = item("message_larger_than_a_packet")
seed(
    "a message may be larger than a packet",
    broken(publish, "largest_packet", lambda largest: lambda deployment: 10 * largest(deployment)),
    LARGE,
    ("PUB-09", PUBLISH, "message_larger_than_a_packet"),
)
seed(
    "a message that is too large has another reason code",
    on(PUBLISH, edit(lambda body: body.update(reason_code=149)), 400),
    LARGE,
    "PUB-09",
)
DEFAULTS = item("defaults_and_texts")
seed(
    "the default QoS of a publish is 1",
    published(lambda message: replace(message, qos=max(1, message.qos))),
    DEFAULTS,
    "PUB-11",
)
seed(
    "a payload is delivered in Latin-1",
    published(lambda message: replace(message, payload=message.payload.decode().encode("latin-1", "replace"))),
    DEFAULTS,
    "PUB-11",
)
seed(
    "a message without payload is not published",
    swallow(PUBLISH, error_reply(400, "BAD_REQUEST"), lambda request: request.json["payload"] == ""),
    DEFAULTS,
    ("PUB-11", PUBLISH, "defaults_and_texts"),
)
seed(
    "messages do not expire while their receiver is away",
    broken(session, "expired", always(False)),
    item("expired_message_is_not_delivered"),
    "PUB-12",
)


def listed_for_ever(matching: Any) -> Any:
    return lambda self, wanted=None: matching(self, wanted) if wanted else list(self._messages.values())


seed(
    "a retained message that has expired stays in the list",
    broken(RetainedStore, "matching", listed_for_ever),
    item("expired_message_is_not_delivered"),
    "PUB-12",
)
seed(
    "messages that wait keep their expiry interval",
    broken(
        Session,
        "_properties",
        lambda properties: (
            lambda self, delivery, alias: {
                **properties(self, delivery, alias),
                **{
                    name: value
                    for name, value in delivery.message.properties.items()
                    if name == "message_expiry_interval"
                },
            }
        ),
    ),
    item("expired_message_is_not_delivered"),
    "PUB-12",
)
seed(
    "a message may be half as large as a packet",
    broken(publish, "largest_packet", lambda largest: lambda deployment: largest(deployment) // 2),
    LARGE,
    "PUB-09",
)
seed(
    "a payload is cut off after 64 KiB",
    published(lambda message: replace(message, payload=message.payload[: 64 * 1024])),
    LARGE,
    "PUB-09",
)
seed(
    "correlation data arrive in Latin-1",
    published(
        lambda message: replace(
            message,
            properties={
                name: value.decode().encode("latin-1", "replace") if name == "correlation_data" else value
                for name, value in message.properties.items()
            },
        )
    ),
    PROPERTIES,
    "PUB-07",
)


def at_once(publish_message: Any) -> Any:
    """Nothing waits."""
    return lambda self, message: publish_message(self, replace(message, topic=goal(message.topic)))


seed(
    "a delayed message is published at once",
    (broken(Broker, "publish", at_once), broken(publish, "is_delayed", always(False))),
    item("delayed_message"),
    "PUB-15",
)
seed(
    "a delayed message never comes",
    broken(
        Broker,
        "publish",
        lambda original: lambda self, message: 1 if broker.is_delayed(message.topic) else original(self, message),
    ),
    item("delayed_message"),
    "PUB-15",
)


def with_correlation_only(body: Any) -> None:
    properties = body.get("properties") or {}
    if "correlation_data" not in properties:
        properties.pop("response_topic", None)


seed(
    "a response topic is lost without correlation data",
    changed_body(PUBLISH, with_correlation_only),
    PROPERTIES,
    "PUB-07",
)


def as_if_new(send: Callable[..., None]) -> Callable[..., None]:
    def send_retained(self: Broker, subscription: Any) -> None:
        def matching(topic_filter: str) -> list[Message]:
            return [replace(message, timestamp=now_ms()) for message in kept.matching(topic_filter)]

        kept, self.retained = self.retained, SimpleNamespace(matching=matching)
        send(self, subscription)
        self.retained = kept

    return send_retained


seed(
    "retained messages are delivered with all of their expiry interval",
    broken(Broker, "send_retained", as_if_new),
    item("expired_message_is_not_delivered"),
    "PUB-12",
)
seed(
    "what expires while its client is away is not counted",
    broken(
        Statistics, "dropped", lambda dropped: lambda self, kind: None if kind == "expired" else dropped(self, kind)
    ),
    item("expired_message_is_not_delivered"),
    "PUB-12",
)
