"""Messages on their way from any publisher to any subscriber (VAR)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.scenarios.factors import Case, covered
from conformance.scenarios.sessions import is_away, kept
from conformance.scenarios.shapes import TOPICS
from conformance.target.errors import Inapplicable
from conformance.target.guard.sandbox import bare_topic
from conformance.target.guard.topics import matches
from conformance.target.mqtt import MqttClient, properties_of
from conformance.target.resources.collection import arranged
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

_ITSELF = ("itself", "itself-no-local")
_PAIRS = [("b", "1"), ("a", "2"), ("b", "3")]
"""User properties of clients: a name may come again, and they keep their order [MQTT-3.3.2-18]."""
_VERSIONS = {"mqtt3.1": 3, "mqtt3.1.1": 4, "mqtt5": 5}

Publish = Callable[[str, str], object]
"""Publishes to a topic, with a payload."""


def _possible(case: Case) -> bool:
    if case.when == "before" and (not case.retain or case.match == "shared" or case.via in _ITSELF):
        return False  # nothing is kept for who subscribes later, or nothing of it goes to a group
    if case.when == "away" and (case.match == "shared" or case.via in _ITSELF):
        return False
    if case.via == "itself-no-local" and case.match == "shared":
        return False  # MQTT 5 forbids it
    return case.subscriber == 5 or not (case.retain_as_published or case.aliases or case.via == "itself-no-local")


@requirement("VAR-01", "POST /publish", "POST /publish/bulk")
@pytest.mark.state("retained")
@covered(
    shape=TOPICS,
    match=("exact", "plus", "hash", "shared"),
    via=("rest", "bulk", *_VERSIONS, *_ITSELF),
    published=(0, 1, 2),
    subscribed=(0, 1, 2),
    subscriber=(3, 4, 5),
    when=("live", "resumed", "away", "before"),
    retain=(False, True),
    retain_as_published=(False, True),
    aliases=(False, True),
    possible=_possible,
)
def test_delivery(target: Target, case: Case) -> None:
    """A message reaches whom its topic matches, once, with the lower QoS, the right retain flag and its properties."""
    if case.when == "before" and target.capabilities.no_retainer is not None:
        raise Inapplicable(target.capabilities.no_retainer)
    root = target.sandbox.topic()
    topic, topic_filter = case.shape.below(root), _filter(case, root)
    topics = [f"{topic}/more", f"{root}/other", topic.rpartition("/")[0], f"{topic}x", topic]
    publish: Publish
    if case.when == "before":
        publish = _publisher(target, case)
        for each in topics:
            publish(each, each)
            assert _is_retained(target, each), f"{each} is not retained"
        subscribers = [_subscriber(target, case, topic_filter)]
    else:
        # Two members of a group share what goes to it.
        subscribers = [_subscriber(target, case, topic_filter) for _ in range(1 + (case.match == "shared"))]
        if case.match == "shared":
            target.await_route(topic_filter, *subscribers)
        publish = _publisher(target, case, subscribers[0])
        for each in topics:
            publish(each, each)
        if case.when == "away":
            subscribers = [_connect(target, case, subscribers[0].client_id, clean_start=False)]

    expected = _expected(target, case, topics, topic_filter)
    seen = _received(target, case, topic, subscribers, len(expected))
    assert seen == expected, f"topic, payload, QoS, retain flag and properties are {seen}, expected {expected}"
    if case.retain and target.capabilities.no_retainer is None:
        assert _is_retained(target, topic), f"{topic} is not retained"
        publish(topic, "")
        gone = target.eventually(lambda: target.retained.get(topic).status == 404)
        assert gone, f"an empty message, published by {case.via}, does not delete what is retained"


def _expected(target: Target, case: Case, topics: list[str], topic_filter: str) -> list[Any]:
    """What the subscribers get together, sorted."""
    limits = target.capabilities.profile.limits
    qos = limits.delivered_qos(case.published, case.subscribed)
    retain = case.when == "before" or (case.retain and case.retain_as_published)
    echoes = case.subscriber == 5 or limits.echoes_to_old_clients
    if case.via == "itself-no-local" or (case.via == "itself" and not echoes):
        return []
    if case.when == "away" and qos == 0 and not limits.queues_qos_0:
        return []
    passed_on = case.subscriber == 5 and case.via not in ("mqtt3.1", "mqtt3.1.1")
    pairs = [("a", "b")] if case.via in ("rest", "bulk") else _PAIRS
    properties = {"ContentType": "text/plain", "UserProperty": pairs} if passed_on else {}
    return sorted(
        (each, each, qos, retain, str(properties)) for each in topics if matches(each, bare_topic(topic_filter))
    )


def _received(target: Target, case: Case, topic: str, subscribers: list[MqttClient], count: int) -> list[Any]:
    """What the subscribers got together, sorted."""
    end = topic
    if case.match == "shared":
        # What is shared comes to either, so that each needs a marker of its own.
        end = target.sandbox.topic()
        for subscriber in subscribers:
            subscriber.subscribe(end, case.subscribed)
        target.await_route(end, *subscribers)
    # What is retained comes in its own time, and what a client publishes with QoS 0 is not acknowledged.
    target.eventually(lambda: sum(len(subscriber.messages) for subscriber in subscribers) >= count)
    marker = target.sandbox.name("marker")
    target.publish(end, marker, qos=case.published)
    seen = []
    for subscriber in subscribers:
        before = len(subscriber.received_before(marker))
        seen += [_shown(message) for message in subscriber.messages[:before]]
    return sorted(seen)


def _shown(message: Any) -> tuple[Any, ...]:
    properties = {
        name: value for name, value in properties_of(message).items() if name in ("ContentType", "UserProperty")
    }
    return message.topic, message.payload.decode(), message.qos, message.retain, str(dict(sorted(properties.items())))


def _is_retained(target: Target, topic: str) -> bool:
    return target.eventually(lambda: target.retained.get(topic).ok)


def _filter(case: Case, root: str) -> str:
    topic: str = case.shape.below(root)
    match case.match:
        case "plus":
            return "/".join((root, *("+" for _ in case.shape.levels)))
        case "hash":
            return f"{topic}/#"
        case "shared":
            return f"$share/group/{topic}"
    return topic


def _publisher(target: Target, case: Case, subscriber: MqttClient | None = None) -> Publish:
    """Publishes as the case says; the subscriber itself where it says so."""
    if case.via in ("rest", "bulk"):
        return lambda topic, payload: _publish_by_api(target, case, topic, payload)
    client = subscriber if case.via in _ITSELF else target.connect(protocol=_VERSIONS[case.via])
    assert client is not None, "a message of the subscriber itself needs one"
    said = {"ContentType": "text/plain", "UserProperty": _PAIRS} if client.protocol == 5 else {}
    return lambda topic, payload: client.publish(topic, payload, case.published, retain=case.retain, **said)


def _publish_by_api(target: Target, case: Case, topic: str, payload: str) -> None:
    properties = {"content_type": "text/plain", "user_properties": {"a": "b"}}
    message = {
        "topic": topic,
        "payload": payload,
        "qos": case.published,
        "retain": case.retain,
        "properties": properties,
    }
    if case.via == "rest":
        arranged(target.api.call("POST /publish", json=message), 200, 202)
        return
    # What stands beside it in the request is another message in everything.
    other = {"topic": target.sandbox.topic(), "payload": "other", "qos": (case.published + 1) % 3}
    arranged(target.api.call("POST /publish/bulk", json=[other, message, other]), 200, 202)


def _connect(target: Target, case: Case, client_id: str | None = None, **options: Any) -> MqttClient:
    if case.aliases:
        options["topic_aliases"] = 2
    if case.when in ("resumed", "away"):
        options = {**kept(target, case.subscriber), **options}
    return target.connect(client_id, protocol=case.subscriber, **options)


def _subscriber(target: Target, case: Case, topic_filter: str) -> MqttClient:
    """A subscriber that is away, or has come again, as the case says."""
    client = _connect(target, case)
    options = {"retainAsPublished": case.retain_as_published, "noLocal": case.via == "itself-no-local"}
    granted = client.subscribe(topic_filter, case.subscribed, **(options if case.subscriber == 5 else {}))
    assert granted == case.subscribed, f"SUBSCRIBE with QoS {case.subscribed} was answered 0x{granted:02X}"
    if case.when != "before" and case.match != "shared":
        target.await_route(topic_filter, client)
    if case.when in ("resumed", "away"):
        client.close()
        assert is_away(target, client.client_id), "a client that has disconnected is still shown as connected"
    if case.when == "resumed":
        client = _connect(target, case, client.client_id, clean_start=False)
        assert client.session_present or case.subscriber == 3, "the session is gone"
    return client
