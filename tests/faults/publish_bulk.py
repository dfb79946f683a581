"""Faults of publishing several messages at once (PUB-05, PUB-06).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.mqtt_operations import publish
from conformance.reference.rest.http import Reply as Answer
from tests.faults.seeded import Broken, broken_handler, changed_body, edit, error_reply, on, scenario, seed

BULK = "POST /publish/bulk"

ORDER = scenario("publish_bulk", "answers_are_in_the_order_of_the_messages")
REFUSED = scenario("publish_bulk", "bad_message_refuses_all")
NONE = scenario("publish_bulk", "no_messages_at_all")
seed(
    "the answers of a bulk publish come in another order",
    on(BULK, lambda reply: reply.with_json(sorted(reply.json, key=lambda answer: "id" in answer)), 202),
    ORDER,
    "PUB-05",
)
seed(
    "a bulk publish is answered 200 whatever is delivered",
    on(BULK, lambda reply: reply.with_json(reply.json, 200), 202),
    ORDER,
    ("PUB-05", BULK, "answers_are_in_the_order_of_the_messages"),
    ("GEN-14", BULK, "response_schema"),
)
seed(
    "a bulk publish is answered 202 whatever is delivered",
    on(BULK, lambda reply: reply.with_json(reply.json, 202), 200),
    ORDER,
    ("PUB-05", BULK, "answers_are_in_the_order_of_the_messages"),
)
seed(
    "the messages of a bulk publish have one id",
    on(BULK, lambda reply: reply.with_json([reply.json[0]] * len(reply.json)), 200),
    ORDER,
    "PUB-05",
)


def reversed_bulk(handler: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    return lambda call: handler(replace(call, body=call.body[::-1]))


def repeated_bulk(handler: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    return lambda call: (handler(call), handler(call))[1]


seed("a bulk publish delivers in another order", broken_handler(BULK, reversed_bulk), ORDER, "PUB-05")
seed("a bulk publish delivers twice", broken_handler(BULK, repeated_bulk), ORDER, "PUB-05")


def one_by_one(handler: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """The messages before the one that is refused are published."""

    def publish_each(call: Any) -> Answer:
        if any("#" in message["topic"] for message in call.body):
            handler(replace(call, body=[message for message in call.body if "#" not in message["topic"]]))
        return handler(call)

    return publish_each


seed("the good messages of a bad batch are published", broken_handler(BULK, one_by_one), REFUSED, "PUB-05")
seed(
    "a bad message in a batch is skipped",
    on(BULK, lambda reply: reply.with_json([{"id": "0" * 32}], 200), 400),
    REFUSED,
    ("PUB-05", BULK, "bad_message_refuses_all"),
)
seed(
    "a batch with a bad topic has another reason code",
    on(BULK, edit(lambda body: body.update(reason_code=131)), 400),
    REFUSED,
    "PUB-05",
)
seed(
    "a batch without messages crashes",
    on(BULK, lambda _: error_reply(500, "INTERNAL_ERROR"), 400),
    NONE,
    ("PUB-06", BULK, "no_messages_at_all"),
    ("GEN-15", BULK, "no_server_error"),
)
seed(
    "a batch without messages has an answer",
    on(BULK, lambda reply: reply.with_json([{"id": "0" * 32}], 200), 400),
    NONE,
    "PUB-06",
)


def each(change: Callable[[dict[str, Any]], object]) -> Broken:
    """Every message of a batch is changed before it is published."""
    return changed_body(BULK, lambda body: [change(message) for message in body])


seed(
    "payloads of a batch are published as they came",
    each(lambda message: message.update(payload_encoding="plain")),
    (ORDER, REFUSED),
    "PUB-05",
)
seed(
    "the default QoS of a batch is 1",
    each(lambda message: message.update(qos=message["qos"] or 1)),
    REFUSED,
    "PUB-05",
)


def of_any_size(handler: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """What is larger than a packet is cut."""

    def publish_all(call: Any) -> Answer:
        return handler(replace(call, body=[{**message, "payload": message["payload"][:1000]} for message in call.body]))

    return publish_all


def retained_all_the_same(handler: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """What is retained of a batch is stored before the batch is refused."""

    def publish_all(call: Any) -> Answer:
        for message in call.body:
            if message["retain"]:
                call.deployment.broker.retained.store(publish._message(call, message))
        return handler(call)

    return publish_all


seed("messages of a batch may be larger than a packet", broken_handler(BULK, of_any_size), REFUSED, "PUB-05")
seed("good messages of a bad batch are retained", broken_handler(BULK, retained_all_the_same), REFUSED, "PUB-05")
