"""What a rule republishes, seen by an MQTT client (RUL)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from conformance.requirements import requirement
from conformance.target.mqtt import MqttClient
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]


def texts(listener: MqttClient, *awaited: str) -> list[str]:
    """All payloads that have arrived, once those ``awaited`` are among them or 5 s are over."""
    for text in awaited:
        listener.wait_for_messages(matching=lambda message, text=text: message.payload.decode() == text)  # type: ignore[misc]
    return [message.payload.decode() for message in list(listener.messages)]


def user_properties(message: MQTTMessage) -> dict[str, str]:
    assert message.properties is not None, "the message has no MQTT 5 properties"
    return dict(getattr(message.properties, "UserProperty", []))


@requirement("RUL-09", "POST /rules", "PUT /rules/{id}", "DELETE /rules/{id}")
def test_matching_message_is_republished_once(target: Target) -> None:
    """Each matching publish gives exactly one message; one that does not match, or to a rule that is off, none."""
    source, destination = target.sandbox.topic("from"), target.sandbox.topic("out")
    sql = f'SELECT payload.n AS n FROM "{source}/+" WHERE payload.n > 1'
    rule = target.borrow_republishing(source, destination, sql=sql, payload="${n}", qos=1)
    listener = target.listen(destination)

    def republished(*messages: tuple[str, int]) -> list[str]:
        """Publish numbers below ``source``; returns all that was republished so far."""
        for topic, number in messages:
            target.publish(f"{source}/{topic}", json.dumps({"n": number}), qos=1)
        marker = target.sandbox.name("marker")
        target.publish(destination, marker, qos=1)
        assert marker in texts(listener, marker), "the listener does not get what is published on its topic"
        return [text for text in texts(listener) if not target.sandbox.owns_name(text)]

    arrived = republished(("a", 2), ("a", 1), ("b", 3), ("b/c", 4))
    assert arrived == ["2", "3"], f"2 and 3 match, republished were {arrived}"

    target.rules.put(rule, {"enable": False}).expect(200)
    arrived = republished(("a", 5))
    assert arrived == ["2", "3"], f"the rule was off for 5, republished were {arrived}"
    target.rules.put(rule, {"enable": True}).expect(200)
    arrived = republished(("a", 6))
    assert arrived == ["2", "3", "6"], f"the rule was on again for 6, republished were {arrived}"

    target.rules.delete(rule).expect(204)
    arrived = republished(("a", 7))
    assert arrived == ["2", "3", "6"], f"the rule was deleted before 7, republished were {arrived}"


@requirement("RUL-13", "POST /rules", "GET /rules/{id}/metrics")
def test_rule_does_not_feed_itself(target: Target) -> None:
    """A rule that republishes to its own topic sees its message once and does not republish it again."""
    topic = target.sandbox.topic("loop")
    rule = target.borrow_republishing(topic, topic, payload="${payload}+", qos=1)
    listener = target.listen(topic)

    target.publish(topic, "first", qos=1)
    counters = target.rules.counted(rule, {"matched": 2})
    target.publish(topic, "second", qos=1)

    arrived = sorted(texts(listener, "second+", "second"))
    assert arrived == ["first", "first+", "second", "second+"], f"two publishes gave {arrived}"
    assert counters["matched"] == 2, f"one publish was matched {counters['matched']} times, expected 2"


@pytest.mark.needs("retainer")
@pytest.mark.state("retained")
@requirement("RUL-26", "POST /rules", "GET /mqtt/retainer/message/{topic}")
def test_templates_make_the_message(target: Target) -> None:
    """Topic, payload, QoS and retain of a republished message come from their templates; its sender is the rule."""
    source, destination = target.sandbox.topic("from"), f"{target.sandbox.topic('out')}/7"
    # Retained before, so that the item knows of the message and deletes it.
    target.retained.create(topic=destination)
    sql = f'SELECT payload.x AS x, payload.q AS q, topic, payload FROM "{source}"'
    templates = {"payload": "${x} of ${topic}: ${payload.more.text}", "qos": "${q}", "retain": True}
    rule = target.borrow_republishing(source, f"{destination[:-1]}${{x}}", sql=sql, **templates)
    listener = target.listen(f"{destination[:-1]}+", qos=2)
    # What is retained comes some time after the subscription: by then it must not be one of the messages below.
    listener.wait_for_messages(matching=lambda message: message.payload == b"kept")

    for qos in (0, 1, 2):
        target.publish(source, json.dumps({"x": 7, "q": qos, "more": {"text": f"q{qos}"}}), qos=2 - qos)

    texts(listener, f"7 of {source}: q2")
    arrived = [(m.topic, m.payload.decode(), m.qos) for m in listener.messages if m.payload != b"kept"]
    expected = [(destination, f"7 of {source}: q{qos}", qos) for qos in (0, 1, 2)]
    assert arrived == expected, f"republished were {arrived}, expected {expected}"
    kept = target.eventually(lambda: (message := target.retained.read(destination))["qos"] == 2 and message)
    assert kept, f"retained is {target.retained.read(destination)}, the last message was republished with QoS 2"
    assert kept["from_clientid"] == rule, f"the sender of a republished message is {kept['from_clientid']}"


@requirement("RUL-26", "POST /rules")
def test_default_templates_keep_the_message(target: Target) -> None:
    """Without templates of its own a republished message has the payload and the QoS of the original."""
    source, destination = target.sandbox.topic("from"), target.sandbox.topic("out")
    target.borrow_republishing(source, destination)
    listener = target.listen(destination, qos=2)

    sent = [("at most once", 0), ("at least once: ü", 1), ("exactly once", 2)]
    for payload, qos in sent:
        target.publish(source, payload, qos=qos)

    arrived = [(message.payload.decode(), message.qos) for message in listener.wait_for_messages(3)]
    assert arrived == sent, f"published were {sent}, republished {arrived}"


@requirement("RUL-27", "POST /rules", "POST /publish", provisional=True)
def test_properties_of_a_republished_message(target: Target) -> None:
    """A rule passes user properties on or takes them from a column, and sets the properties it has templates for."""
    source, passed, made = target.sandbox.topic("from"), target.sandbox.topic("passed"), target.sandbox.topic("made")
    templates = {"Content-Type": "text/${payload.kind}", "Message-Expiry-Interval": "${payload.left}"}
    arguments = (
        {"topic": passed, "user_properties": "${pub_props.'User-Property'}"},
        {"topic": made, "user_properties": "${up}", "mqtt_properties": templates},
    )
    target.borrow_rule(
        sql=f'SELECT *, payload.properties AS up FROM "{source}"',
        actions=[{"function": "republish", "args": args} for args in arguments],
    )
    listeners = [target.listen(topic) for topic in (passed, made)]

    payload: dict[str, Any] = {"kind": "plain", "left": 60, "properties": {"new": "1"}}
    target.publish(source, json.dumps(payload), qos=1, properties={"user_properties": {"old": "0"}})

    messages = [listener.wait_for_messages() for listener in listeners]
    assert all(messages), f"republished were {[len(arrived) for arrived in messages]} messages, expected 1 each"
    assert user_properties(messages[0][0]) == {"old": "0"}, f"passed on: {messages[0][0].properties}"
    assert user_properties(messages[1][0]) == {"new": "1"}, f"from a column: {messages[1][0].properties}"
    properties = messages[1][0].properties
    assert getattr(properties, "ContentType", None) == "text/plain", f"templates: {properties}"
    assert 0 < getattr(properties, "MessageExpiryInterval", 0) <= 60, f"templates: {properties}"
