"""What a rule republishes, seen by an MQTT client (RUL)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.target.mqtt import MqttClient
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

ONCE = "Each matching publish gives exactly one message; one that does not match, or to a rule that is off, none."
START_AGAIN = (
    "A reset of the metrics, and any PUT of the rule, set every counter to 0; later messages count from there."
)


def texts(listener: MqttClient, *awaited: str) -> list[str]:
    """All payloads that have arrived, once those ``awaited`` are among them or 5 s are over."""
    for text in awaited:
        listener.wait_for_messages(matching=lambda message, text=text: message.payload.decode() == text)  # type: ignore[misc]
    return [message.payload.decode() for message in list(listener.messages)]


def user_properties(message: MQTTMessage) -> dict[str, str]:
    assert message.properties is not None, "the message has no MQTT 5 properties"
    return dict(getattr(message.properties, "UserProperty", []))


@dataclass(frozen=True, slots=True)
class Republished:
    """A message as a listener got it; ``end`` is the last level of its topic."""

    end: str
    payload: str
    qos: int
    content_type: str | None

    @classmethod
    def of(cls, message: MQTTMessage) -> Republished:
        content_type = getattr(message.properties, "ContentType", None)
        return cls(message.topic.rpartition("/")[2], message.payload.decode(), message.qos, content_type)


@requirement(
    "RUL-42",
    "PUT /rules/{id}",
    "DELETE /rules/{id}",
    sentence="Whatever becomes of a rule, others go on with the topics that they share with it, and with counting.",
)
@requirement(
    "RUL-41",
    "PUT /rules/{id}",
    sentence="After a PUT a rule hears, selects and does what it says now, and nothing of what it said before.",
)
@requirement(
    "RUL-12",
    "PUT /rules/{id}",
    sentence=START_AGAIN,
)
@requirement("RUL-09", "POST /rules", "PUT /rules/{id}", "DELETE /rules/{id}", sentence=ONCE)
def test_matching_message_is_republished_once(target: Target, recorder: Recorder) -> None:
    """Each matching publish gives one message, by what the rule says at the time, and none while it is off or gone."""
    old, new, out = (target.sandbox.topic(hint) for hint in ("from", "changed", "out"))
    neighbour, shared = target.printing()
    sql = f'SELECT payload.n AS n FROM "{old}/+", "{shared}" WHERE payload.n > 1'
    arguments: dict[str, Any] = {"payload": "${n}", "qos": 1, "mqtt_properties": {"Content-Type": "text/plain"}}
    rule = target.rule_to_delete(**target.rules.republishing(old, f"{out}/old", sql=sql, **arguments))
    listener = target.listen(f"{out}/+")

    def republished(*messages: tuple[str, int]) -> list[Republished]:
        """Publish numbers to topics, and one that does not match where the neighbour listens; returns all so far."""
        for topic, number in (*messages, (shared, 0)):
            target.publish(topic, json.dumps({"n": number}))
        marker = target.sandbox.name("marker")
        target.publish(f"{out}/marker", marker, qos=1)
        assert marker in texts(listener, marker), "the listener does not get what is published on its topic"
        return [each for each in map(Republished.of, list(listener.messages)) if each.end != "marker"]

    arrived = republished((f"{old}/a", 2), (f"{old}/a", 1), (f"{old}/b", 3), (f"{old}/b/c", 4))
    assert [each.payload for each in arrived] == ["2", "3"], f"2 and 3 match, republished were {arrived}"

    off = f'SELECT * FROM "{new}/+", "{shared}" WHERE payload.n > 5'
    heard = target.rules.counted(rule, {"matched": 4})["matched"]
    target.rules.put(rule, {"enable": False, "sql": off}).expect(200)
    left = target.rules.counted(rule, {"matched": 0})["matched"]
    message = f"a PUT that disables a rule which matched {heard} messages left {left}"
    recorder.expect(not left, "RUL-12", "starts_again", message)
    arrived = republished((f"{old}/a", 5), (f"{new}/a", 6))
    assert len(arrived) == 2, f"the rule was off for 5 and 6, republished were {arrived}"

    # What a republish action says nothing of has its default, whatever it said before.
    changed = target.rules.republishing(new, f"{out}/new", sql=off.replace("> 5", "> 7"))
    target.rules.put(rule, {"enable": True, **changed}).expect(200)
    arrived = republished((f"{old}/a", 8), (f"{new}/a", 7), (f"{new}/a", 9))
    assert len(arrived) > 2, f"the rule was on again for 9, republished were {arrived}"
    expected = [Republished("new", '{"n": 9}', 0, None)]
    message = f"of 7, 8 and 9, of which the changed rule is to take 9, came {arrived[2:]}, expected {expected}"
    recorder.expect(arrived[2:] == expected, "RUL-41", "runs_as_changed", message)
    for topic, number, status in ((f"{old}/a", 8, 412), (f"{new}/a", 7, 412), (f"{new}/a", 9, 200)):
        event = {"event_type": "message_publish", "topic": topic, "payload": json.dumps({"n": number}), "qos": 0}
        tested = target.rules.test(rule, {**event, "clientid": "c", "username": "u"})
        message = f"a test of the changed rule with {number} on {topic} answers {tested.status}, expected {status}"
        recorder.expect(tested.status == status, "RUL-41", "tested_as_changed", message, tested)

    target.rules.delete(rule).expect(204)
    before, arrived = len(arrived), republished((f"{new}/a", 10))
    assert len(arrived) == before, f"the rule was deleted before 10, republished were {arrived}"

    counters = target.rules.counted(neighbour, {"passed": 4})
    message = f"of 4 messages on a topic that another rule shared with it, a rule counts {counters['passed']}"
    recorder.expect(counters["passed"] == 4, "RUL-42", "goes_on", message)


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
    listener = target.listen(f"{destination[:-1]}+", target.capabilities.profile.limits.subscribing(2))
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
    """Without templates of its own a republished message has the payload, of any bytes, and the QoS of the original."""
    source, destination = target.sandbox.topic("from"), target.sandbox.topic("out")
    target.borrow_republishing(source, destination)
    listener = target.listen(destination, target.capabilities.profile.limits.subscribing(2))

    sent = [(b"at most once", 0), ("at least once: ü".encode(), 1), (b"exactly once: \xff\xc3(", 2)]
    for payload, qos in sent:
        target.publish(source, base64.b64encode(payload).decode(), payload_encoding="base64", qos=qos)

    arrived = [(bytes(message.payload), message.qos) for message in listener.wait_for_messages(3)]
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
