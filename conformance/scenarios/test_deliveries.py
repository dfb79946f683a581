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
from conformance.target.mqtt import MqttClient
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]


def _possible(case: Case) -> bool:
    if case.when == "before" and (not case.retain or case.match == "shared"):
        return False  # nothing is kept for who subscribes later, or nothing of it goes to a group
    if case.when == "away" and case.match == "shared":
        return False
    return case.subscriber == 5 or not (case.retain_as_published or case.aliases)


@requirement("VAR-01", "POST /publish")
@pytest.mark.state("retained")
@covered(
    shape=TOPICS,
    match=("exact", "plus", "hash", "shared"),
    via=("rest", "mqtt3.1.1", "mqtt5"),
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
    """A message reaches whom its topic matches, once, with the lower QoS and the right retain flag; nobody else."""
    if case.when == "before" and target.capabilities.no_retainer is not None:
        raise Inapplicable(target.capabilities.no_retainer)
    root = target.sandbox.topic()
    topic, topic_filter = case.shape.below(root), _filter(case, root)
    others = [f"{topic}/more", f"{root}/other", topic.rpartition("/")[0], f"{topic}x"]
    publish = _publisher(target, case)
    if case.when == "before":
        for each in (*others, topic):
            publish(each)
            assert _is_retained(target, each), f"{each} is not retained"
        subscriber = _subscriber(target, case, topic_filter)
    else:
        subscriber = _subscriber(target, case, topic_filter)
        for each in (*others, topic):
            publish(each)
        if case.when == "away":
            subscriber = _connect(target, case, subscriber.client_id, clean_start=False)

    qos = min(case.published, case.subscribed)
    retain = case.when == "before" or (case.retain and case.retain_as_published)
    matching = [each for each in (*others, topic) if matches(each, bare_topic(topic_filter))]
    if case.when == "away" and qos == 0 and not target.capabilities.profile.limits.queues_qos_0:
        matching = []
    expected = sorted((each, each, qos, retain) for each in matching)
    subscriber.wait_for_messages(len(expected))
    marker = target.sandbox.name("marker")
    target.publish(topic, marker, qos=case.published)
    before = len(subscriber.received_before(marker))
    seen = sorted((m.topic, m.payload.decode(), m.qos, m.retain) for m in subscriber.messages[:before])
    assert seen == expected, f"topic, payload, QoS and retain flag are {seen}, expected {expected}"


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


def _publisher(target: Target, case: Case) -> Callable[[str], object]:
    """Publishes to a topic, with the topic as payload."""
    if case.via == "rest":
        return lambda topic: target.publish(topic, topic, qos=case.published, retain=case.retain)
    client = target.connect(protocol=4 if case.via == "mqtt3.1.1" else 5)
    return lambda topic: client.publish(topic, topic, case.published, retain=case.retain)


def _connect(target: Target, case: Case, client_id: str | None = None, **options: Any) -> MqttClient:
    if case.aliases:
        options["topic_aliases"] = 2
    if case.when in ("resumed", "away"):
        options = {**kept(target, case.subscriber), **options}
    return target.connect(client_id, protocol=case.subscriber, **options)


def _subscriber(target: Target, case: Case, topic_filter: str) -> MqttClient:
    """A subscriber that is away, or has come again, as the case says."""
    client = _connect(target, case)
    options = {"retainAsPublished": case.retain_as_published} if case.subscriber == 5 else {}
    granted = client.subscribe(topic_filter, case.subscribed, **options)
    assert granted == case.subscribed, f"SUBSCRIBE with QoS {case.subscribed} was answered 0x{granted:02X}"
    if case.when != "before":
        target.await_route(topic_filter, client)
    if case.when in ("resumed", "away"):
        client.close()
        assert is_away(target, client.client_id), "a client that has disconnected is still shown as connected"
    if case.when == "resumed":
        client = _connect(target, case, client.client_id, clean_start=False)
        assert client.session_present or case.subscriber == 3, "the session is gone"
    return client
