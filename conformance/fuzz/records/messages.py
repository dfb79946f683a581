"""Clients, subscriptions, publishing and retained messages: answered before they have an effect."""

from __future__ import annotations

import base64
from typing import Any

from conformance.contract import paths
from conformance.fuzz.fuzzing import NO_SUCH_MEMBER, READ, Fuzzing, Records
from conformance.fuzz.identities import TOPIC, Identities, nameable
from conformance.fuzz.witness import Arrange, Write
from conformance.target.resources.collection import arranged
from conformance.target.sink import HttpSink
from conformance.target.target import Target


def _owned_names(node: Any, identities: Identities, valid: bool) -> Any:
    """A copy of ``node`` where every name, however deep, is one of the sandbox."""
    if isinstance(node, list):
        return [_owned_names(item, identities, valid) for item in node]
    if isinstance(node, dict):
        return {key: _owned_names(value, identities, valid) for key, value in node.items()}
    return identities.name() if nameable(node) else node


def _something(body: Any, identities: Identities, valid: bool) -> Any:
    """Whether there is anything to publish is no matter of the schema (PUB-06)."""
    return [{"topic": identities.topic(), "payload": ""}] if valid and body == [] else body


def _message(body: dict[str, Any], identities: Identities) -> None:
    if body.get("payload_encoding") == "base64":
        body["payload"] = base64.b64encode(body["payload"].encode("utf-8", "replace")).decode()
    properties = body.get("properties")
    if isinstance(properties, dict):
        if "response_topic" in properties:
            properties["response_topic"] = identities.topic()
        if "user_properties" in properties:
            properties["user_properties"] = {"origin": "conformance"}
        if isinstance(properties.get("message_expiry_interval"), int):
            properties["message_expiry_interval"] = abs(properties["message_expiry_interval"]) % 2**32


def _subscription(body: dict[str, Any], identities: Identities) -> None:
    body["topic"] = identities.topic()
    for name, most in (("nl", 1), ("rap", 1), ("rh", 2)):
        if isinstance(body.get(name), int):
            body[name] = abs(body[name]) % (most + 1)


def _kick(bulk: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        client = target.connect().client_id
        addressed: dict[str, Any] = {"body": [client]} if bulk else {"path": {"clientid": client}}
        return Write(lambda: target.clients.get(client).status, **addressed)

    return arrange


def _no_cache(target: Target, sink: HttpSink) -> Write:
    """Needs a client with a cached decision; without one the cache stays empty, and nothing can be seen."""
    target.capabilities.profile.check_cache()
    client = target.connect()
    client.subscribe(target.sandbox.topic("cached"), 0)
    path = {"clientid": client.client_id}

    def cached() -> int:
        answer = target.api.call("GET /clients/{clientid}/authorization/cache", path=path).expect(200)
        return len(answer.json)

    target.eventually(cached)
    return Write(cached, path)


def _subscribe(bulk: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        target.capabilities.profile.limits.check_subscriptions(2)
        client, topic = target.connect().client_id, target.sandbox.topic("sub")
        body = {"topic": topic, "qos": 1}
        return Write(
            lambda: topic in target.clients.filters(client),
            {"clientid": client},
            [body] if bulk else body,
            settle=lambda: _subscribed(target, client),
        )

    return arrange


def _unsubscribe(bulk: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        target.capabilities.profile.limits.check_subscriptions(2)
        connected, topic = target.connect(), target.sandbox.topic("unsub")
        client = connected.client_id
        connected.subscribe(topic, 0)
        target.eventually(lambda: topic in target.clients.filters(client))
        return Write(
            lambda: topic in target.clients.filters(client),
            {"clientid": client},
            [{"topic": topic}] if bulk else {"topic": topic},
            settle=lambda: _subscribed(target, client),
        )

    return arrange


def _subscribed(target: Target, client: str) -> None:
    """Subscribe to a fresh topic for a moment: the client has then carried out whatever it was told before."""
    topic = target.sandbox.topic("settled")
    arranged(target.clients.subscribe(client, topic), 200)
    target.eventually(lambda: topic in target.clients.filters(client))
    arranged(target.clients.unsubscribe(client, topic), 204)  # a client may have few at once


def _publish(bulk: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        topic = target.sandbox.topic("kept")
        body = {"topic": topic, "payload": "kept", "retain": True}
        return Write(
            lambda: target.retained.get(topic).status, body=[body] if bulk else body, settle=target.retained.create
        )

    return arrange


def _forget(everything: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        topic = target.retained.create()
        path = {} if everything else {"topic": topic}
        return Write(lambda: target.retained.get(topic).status, path, settle=target.retained.create)

    return arrange


_CLIENT = "/clients/{clientid}"
# Constraints of query parameters that are no JSON Schema (errata D4, D10; filters of subscriptions).
_SIZES = {"max_payload_bytes": (("0", False), ("1KB", True))}


def _of_client(arrange: Arrange, **fields: Any) -> Fuzzing:
    return Fuzzing(lags=True, witness=arrange, needs=("mqtt",), **fields)


def _of_message(arrange: Arrange, **fields: Any) -> Fuzzing:
    return Fuzzing(lags=True, witness=arrange, needs=("retainer",), state=("retained",), **fields)


RECORDS: Records = {
    "GET /clients": Fuzzing(
        edges={
            "ip_address": (("not-an-address", False), ("127.0.0.1", True)),
            "proto_ver": (("five", False), ("5", True)),
            "fields": ((NO_SUCH_MEMBER, False), ("clientid,username", True)),
        }
    ),
    f"GET {_CLIENT}": READ,
    f"GET {_CLIENT}/authorization/cache": READ,
    f"GET {_CLIENT}/inflight_messages": Fuzzing(edges=_SIZES),
    f"GET {_CLIENT}/mqueue_messages": Fuzzing(edges=_SIZES),
    f"GET {_CLIENT}/subscriptions": READ,
    "GET /subscriptions": Fuzzing(edges={"match_topic": (("$share/g/t", False), ("cft/#", True))}),
    f"DELETE {_CLIENT}": _of_client(_kick(bulk=False)),
    # A list of names, which have no fields.
    "POST /clients/kickout/bulk": _of_client(
        _kick(bulk=True), whole=_owned_names, any_fields=True, stores_nothing=True
    ),
    f"DELETE {_CLIENT}/authorization/cache": _of_client(_no_cache),
    f"POST {_CLIENT}/subscribe": _of_client(_subscribe(bulk=False), identities=TOPIC, grammar=_subscription),
    f"POST {_CLIENT}/subscribe/bulk": _of_client(_subscribe(bulk=True), identities=TOPIC, grammar=_subscription),
    f"POST {_CLIENT}/unsubscribe": _of_client(_unsubscribe(bulk=False), identities=TOPIC),
    f"POST {_CLIENT}/unsubscribe/bulk": _of_client(_unsubscribe(bulk=True), identities=TOPIC),
    "POST /publish": _of_message(_publish(bulk=False), identities=TOPIC, grammar=_message),
    "POST /publish/bulk": _of_message(_publish(bulk=True), identities=TOPIC, grammar=_message, whole=_something),
    f"GET {paths.RETAINED_MESSAGES}": READ,
    f"GET {paths.RETAINED_MESSAGE}": READ,
    f"DELETE {paths.RETAINED_MESSAGES}": _of_message(_forget(everything=True)),
    f"DELETE {paths.RETAINED_MESSAGE}": _of_message(_forget(everything=False)),
}
