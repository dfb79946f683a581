"""Faults of retained messages (RET).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from conformance.contract.paths import RETAINED_MESSAGE, RETAINED_MESSAGES
from conformance.reference.message import Message
from conformance.reference.mqtt import retained
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.retained import RetainedStore
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.topics import has_wildcard, matches
from conformance.reference.mqtt.view import rfc3339
from conformance.reference.mqtt_operations import retained as operations
from tests.faults.proxy import Reply, Request
from tests.faults.seeded import (
    EMPTY,
    Broken,
    always,
    broken,
    broken_handler,
    changed_body,
    edit,
    edited,
    json_reply,
    nothing,
    on,
    scenario,
    seed,
    swallow,
)

PULL = "https://github.com/emqx/emqx/pull/"
READ = f"GET {RETAINED_MESSAGE}"
DELETE = f"DELETE {RETAINED_MESSAGE}"
LIST = f"GET {RETAINED_MESSAGES}"
CLEAR = f"DELETE {RETAINED_MESSAGES}"


def item(name: str) -> str:
    return scenario("retainer", name)


# --- reading ----------------------------------------------------------------------------------------------------------

READABLE = item("retained_message_is_readable")
seed("retained messages are not kept", broken(RetainedStore, "store", nothing), READABLE, "RET-01")
seed(
    "the payload of a retained message is shown as it is",
    on(READ, edit(lambda body: body.update(payload=base64.b64decode(body["payload"]).decode("latin-1"))), 200),
    READABLE,
    "RET-01",
    origin=f"{PULL}6534",
)
for field, value in (("qos", 0), ("topic", "elsewhere"), ("from_clientid", "")):
    seed(
        f"a retained message is shown with {field} {value!r}",
        on(READ, edit(lambda body, field=field, value=value: body.update({field: value})), 200),
        READABLE,
        "RET-01",
    )
seed("retained messages are not listed", on(LIST, edit(lambda body: body.update(data=[])), 200), READABLE, "RET-01")
seed(
    "retained messages are listed twice",
    on(LIST, edit(lambda body: body.update(data=body["data"] * 2)), 200),
    READABLE,
    "RET-01",
)


def shown(change: Callable[[dict[str, Any], Message], object]) -> Broken:
    """Retained messages are shown, one by one and in the list, with a change."""
    return broken(operations, "_summary", edited(change))


for name, change in {
    "as published whenever they are read": lambda view, _: view.update(publish_at=datetime.now(UTC).isoformat()),
    "as published in 1970": lambda view, message: view.update(publish_at=rfc3339(message.timestamp // 1000)),
    "with ids of their own": lambda view, _: view.update(msgid=view["msgid"][::-1]),
    "without the name of their publisher": lambda view, _: view.update(from_username=""),
}.items():
    seed(f"retained messages are shown {name}", shown(change), READABLE, "RET-01")
seed(
    "the list of retained messages shows other publishers",
    on(LIST, edit(lambda body: [each.update(from_clientid="http_api") for each in body["data"]]), 200),
    READABLE,
    "RET-01",
)
SEGMENT = item("topic_is_one_path_segment")


def slashes(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A path with plain slashes reads a message."""
    if request.path.startswith("/mqtt/retainer/message/") and request.path.count("/") > 4:
        return json_reply(200, {"topic": unquote(request.path)})
    return forward()


seed("plain slashes address a retained message", slashes, SEGMENT, "RET-04")
seed(
    "a percent in the topic is decoded twice",
    swallow(
        READ, json_reply(404, {"code": "NOT_FOUND", "message": "no message"}), lambda request: "%25" in request.path
    ),
    SEGMENT,
    "RET-04",
)
FILTER = item("filter_by_topic")
seed(
    "the topic does not filter the list of retained messages",
    broken(RetainedStore, "matching", lambda matching: lambda self, topic_filter=None: matching(self)),
    FILTER,
    "RET-08",
)
seed(
    "a filter finds only the topic it is",
    broken(retained, "has_wildcard", always(False)),
    FILTER,
    "RET-08",
)
seed(
    "a plus matches several levels",
    broken(retained, "matches", lambda matches: lambda topic, wanted: matches(topic, wanted.replace("+", "#"))),
    FILTER,
    "RET-08",
)

# --- delivering -------------------------------------------------------------------------------------------------------

REACHES = item("retained_message_reaches_new_subscribers")
HANDLING = item("retain_handling")
seed(
    "new subscribers get no retained message",
    broken(Broker, "send_retained", nothing),
    (REACHES, HANDLING),
    "RET-02",
    "RET-09",
)


def unmarked(_send: Callable[..., None]) -> Callable[..., None]:
    def send_retained(broker: Broker, subscription: Any) -> None:
        for message in broker.retained.matching(subscription.filter.topic):
            subscription.session.deliver(message, subscription)

    return send_retained


seed("retained messages are not marked", broken(Broker, "send_retained", unmarked), REACHES, "RET-02")


def from_memory(_send: Callable[..., None]) -> Callable[..., None]:
    """Once delivered, a retained message is remembered, whatever becomes of it."""
    remembered: dict[str, list[Message]] = {}

    def send_retained(broker: Broker, subscription: Any) -> None:
        topic = subscription.filter.topic
        for message in remembered.setdefault(topic, broker.retained.matching(topic)):
            subscription.session.deliver(message, subscription, retained=True)

    return send_retained


seed("a deleted message is still delivered", broken(Broker, "send_retained", from_memory), REACHES, "RET-02")
seed(
    "every subscription gets retained messages",
    broken(
        Broker,
        "send_retained",
        lambda send: (
            lambda self, subscription: send(self, replace(subscription, options=replace(subscription.options, rh=0)))
        ),
    ),
    HANDLING,
    "RET-09",
)
seed(
    "a renewed subscription gets retained messages",
    broken(
        Broker, "send_retained", lambda send: lambda self, subscription: send(self, replace(subscription, is_new=True))
    ),
    HANDLING,
    "RET-09",
)
seed(
    "a new subscription with retain handling 1 gets nothing",
    broken(
        Broker, "send_retained", lambda send: lambda self, subscription: send(self, replace(subscription, is_new=False))
    ),
    HANDLING,
    "RET-09",
)


def again(attach: Callable[..., None]) -> Callable[..., None]:
    """Whoever comes back gets what is retained for its subscriptions."""

    def attached(session: Session, *arguments: Any) -> None:
        attach(session, *arguments)
        for subscription in session.subscriptions.values():
            session.broker.send_retained(subscription)

    return attached


seed(
    "a session is resumed with its retained messages",
    broken(Session, "attach", again),
    item("session_is_resumed_without_retained_messages"),
    "RET-12",
    origin=f"{PULL}16974",
)

# --- deleting ---------------------------------------------------------------------------------------------------------

DELETES = item("delete_removes_what_matches")
seed("a retained message survives its deletion", swallow(DELETE, EMPTY), DELETES, "RET-03")
seed(
    "deleting no retained message is fine",
    on(DELETE, lambda _: EMPTY, 404),
    DELETES,
    ("RET-03", DELETE, "delete_removes_what_matches"),
    origin=f"{PULL}11211",
)
seed(
    "deleting by a filter removes one match",
    broken(RetainedStore, "delete", lambda delete: lambda self, topic: delete(self, self.matching(topic)[0].topic)),
    DELETES,
    "RET-03",
    "GEN-15",
)
seed(
    "deleting by a filter removes more than it matches",
    broken(RetainedStore, "delete", lambda delete: lambda self, topic: delete(self, topic.replace("+", "#"))),
    DELETES,
    "RET-03",
)
CLEARED = item("clear")
seed("clearing the retained messages does nothing", swallow(CLEAR, EMPTY), CLEARED, "RET-07")
seed(
    "retained messages are counted without being stored",
    on(LIST, edit(lambda body: body["meta"].update(count=0)), 200),
    CLEARED,
    "RET-07",
)
seed(
    "there must be something to clear",
    swallow(CLEAR, json_reply(404, {"code": "NOT_FOUND", "message": "no messages"})),
    CLEARED,
    "RET-07",
    "GEN-27",
)
EXPIRES = item("retained_message_expires")
seed("retained messages never expire", broken(retained, "expired", always(False)), EXPIRES, "RET-05")
seed(
    "retained messages with an expiry interval expire at once",
    broken(retained, "expired", lambda _: lambda message: "message_expiry_interval" in message.properties),
    EXPIRES,
    "RET-05",
)


def expired_ones_too(matching: Callable[..., list[Message]]) -> Callable[..., list[Message]]:
    """A filter finds what has expired and was not looked for by its topic yet."""

    def found(self: RetainedStore, wanted: str | None = None) -> list[Message]:
        if wanted is None or not has_wildcard(wanted):
            return matching(self, wanted)
        return [message for topic, message in self._messages.items() if matches(topic, wanted)]

    return found


def with_that_of_the_former(name: str) -> Callable[[Any], Callable[[RetainedStore, Message], None]]:
    """A message that replaces another has a field of it."""

    def make(store: Callable[[RetainedStore, Message], None]) -> Callable[[RetainedStore, Message], None]:
        def stored(self: RetainedStore, message: Message) -> None:
            former = self._messages.get(message.topic)
            store(self, message if former is None else replace(message, **{name: getattr(former, name)}))

        return stored

    return make


seed(
    "a filter finds expired messages",
    broken(RetainedStore, "matching", expired_ones_too),
    EXPIRES,
    "RET-05",
)
seed(
    "a retained message ends with the time of the one it replaced",
    broken(RetainedStore, "store", with_that_of_the_former("properties")),
    EXPIRES,
    "RET-05",
)
ONE = item("one_message_per_topic")
seed(
    "a retained message has the QoS of the one it replaced",
    broken(RetainedStore, "store", with_that_of_the_former("qos")),
    ONE,
    "RET-06",
)
for field, shown in (("timestamp", "date"), ("id", "id")):
    seed(
        f"a retained message has the {shown} of the one it replaced",
        broken(RetainedStore, "store", with_that_of_the_former(field)),
        ONE,
        "RET-06",
    )


def keep_first(store: Callable[[RetainedStore, Message], None]) -> Callable[[RetainedStore, Message], None]:
    def first(self: RetainedStore, message: Message) -> None:
        if message.topic not in self._messages or not message.payload:
            store(self, message)

    return first


seed("the first retained message of a topic stays", broken(RetainedStore, "store", keep_first), ONE, "RET-06")
seed(
    "every retained message of a topic is listed",
    on(LIST, lambda reply: edit(lambda body: body.update(data=body["data"] * 2))(reply), 200),
    ONE,
    "RET-06",
)
seed(
    "a message without payload is retained",
    broken(RetainedStore, "store", lambda _: lambda self, message: self._messages.update({message.topic: message})),
    ONE,
    "RET-06",
)
seed(
    "a message without payload deletes every retained message",
    broken(
        RetainedStore,
        "store",
        lambda store: lambda self, message: store(self, message) if message.payload else self.clear(),
    ),
    ONE,
    "RET-06",
)
seed(
    "every message is retained",
    broken(Broker, "publish", lambda publish: lambda self, message: publish(self, replace(message, retain=True))),
    ONE,
    "RET-06",
)


def of_its_type_only(store: Callable[[RetainedStore, Message], None]) -> Callable[[RetainedStore, Message], None]:
    """Of the properties of a message those are kept that tell its type, and its end."""
    known = {"content_type", "message_expiry_interval"}

    def stored(self: RetainedStore, message: Message) -> None:
        properties = {name: value for name, value in message.properties.items() if name in known}
        store(self, replace(message, properties=properties))

    return stored


seed(
    "retained messages lose where to answer them",
    broken(RetainedStore, "store", of_its_type_only),
    REACHES,
    "RET-02",
)


def without_user_properties(store: Callable[[RetainedStore, Message], None]) -> Any:
    return lambda self, message: store(self, replace(message, user_properties=[]))


def no_payload(handler: Any) -> Any:
    def read(call: Any) -> Any:
        answer = handler(call)
        if answer.status == 200 and has_wildcard(call.path["topic"]):
            answer.body.pop("payload", None)
        return answer

    return read


def unless_stored(store: Callable[[RetainedStore, Message], None]) -> Callable[[RetainedStore, Message], None]:
    def other(self: RetainedStore, message: Message) -> None:
        if message.topic not in self._messages or self._messages[message.topic].payload != message.payload:
            store(self, message)

    return other


def not_retained_if_nothing(body: dict[str, Any]) -> None:
    if body.get("payload_encoding") == "base64" and not body["payload"]:
        body["retain"] = False


seed(
    "a message with the payload that is retained is not retained",
    broken(RetainedStore, "store", unless_stored),
    ONE,
    "RET-06",
)
seed(
    "nothing in base64 is no empty payload",
    changed_body("POST /publish", not_retained_if_nothing),
    ONE,
    "RET-06",
)
seed("what is read by a filter has no payload", broken_handler(READ, no_payload), FILTER, "RET-08")
seed(
    "retained messages lose their user properties",
    broken(RetainedStore, "store", without_user_properties),
    REACHES,
    "RET-02",
)
