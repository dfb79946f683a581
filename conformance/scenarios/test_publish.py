"""Publishing through the API, seen by MQTT subscribers (PUB)."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from conformance.contract import paths
from conformance.omission import disturbed, not_demanded
from conformance.requirements import requirement
from conformance.target.http.answer import Deviation
from conformance.target.mqtt import properties_of
from conformance.target.resources.messages import payload_of
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

LARGEST_BODY = 7_000_000
"""EMQX reads at most 8,000,000 bytes of a request (behaviour 0.1)."""

_HUGE_BODY = 9_000_000
_HALF_A_DELAY_S = 0.5


@requirement("PUB-01", "POST /publish")
@pytest.mark.state("retained")
def test_message_reaches_its_subscribers(target: Target) -> None:
    """A published message is answered with 200 and its id, and reaches every subscriber once, not marked retained."""
    topic = target.sandbox.topic()
    subscribers = [target.subscriber_to_retained(topic, qos=1, protocol=protocol) for protocol in (5, 4)]

    first = target.publish(topic, "first", qos=1, retain=True).expect(200)
    last = target.publish(topic, "last", qos=1).expect(200)
    for subscriber in subscribers:
        before = subscriber.received_before("last")
        assert before == ["first"], f"MQTT {subscriber.protocol}: {before} arrived instead of 'first' once"
        message = subscriber.messages[0]
        seen = (message.topic, message.qos, message.retain)
        assert seen == (topic, 1, False), f"MQTT {subscriber.protocol}: topic, qos, retain are {seen}"

    identifiers = [answer.json.get("id") for answer in (first, last)]
    assert all(isinstance(each, str) and each for each in identifiers), f"the messages have the ids {identifiers}"
    assert identifiers[0] != identifiers[1], f"two messages have the id {identifiers[0]}"
    for answer in (first, last):
        repeated = {"topic", "payload"} & answer.json.keys()
        assert not repeated, f"the answer repeats the message: {answer.json}"


@requirement("PUB-02", "POST /publish", f"GET {paths.RETAINED_MESSAGE}")
@pytest.mark.needs("retainer")
@pytest.mark.state("retained")
def test_message_without_subscriber(target: Target) -> None:
    """A message nobody is subscribed to is answered with 202 and reason code 16, and kept if it is retained."""
    topic = target.sandbox.topic()

    answer = target.publish(topic, "nobody")
    if answer.status == 200 and target.subscriptions.covering(topic):
        disturbed(target.configuration.mode, "on this target somebody is subscribed to every topic")
    answer.expect(202)
    assert answer.reason_code == 16, f"the reason code is {answer.reason_code}"

    target.publish(topic, "kept", retain=True).expect(202)
    target.eventually(lambda: target.retained.get(topic).ok)
    kept = payload_of(target.retained.read(topic))
    assert kept == b"kept", f"the retained message is {kept!r}"


@requirement("PUB-03", "POST /publish")
def test_topic_name_is_checked(target: Target) -> None:
    """A topic with wildcards or of more than 65,535 bytes is answered with 400 and reason code 144; nothing arrives."""
    topic = target.sandbox.topic()
    subscriber = target.subscriber(f"{topic}/#")

    # 65,535 bytes are the longest string of MQTT.
    longest = f"{topic}/".ljust(65_535, "t")
    target.publish(longest, "longest")
    for bad in (f"{topic}/#", f"{topic}/+", f"{topic}/a#", longest + "t"):
        answer = target.api.call("POST /publish", json={"topic": bad, "payload": "refused"}).expect(400)
        assert answer.reason_code == 144, f"reason code {answer.reason_code} for {bad[:80]!r} ({len(bad)} bytes)"

    target.publish(f"{topic}/end", "end")
    assert "refused" not in subscriber.received_before("end"), "a refused message was delivered"


@requirement("PUB-04", "POST /publish")
def test_base64_payload(target: Target) -> None:
    """A base64 payload is delivered as the bytes it encodes; what is no base64 is answered with 400."""
    topic = target.sandbox.topic()
    subscriber = target.subscriber(topic)
    bytes_sent = bytes(range(256))

    target.publish(topic, base64.b64encode(bytes_sent).decode(), payload_encoding="base64").expect(200)
    received = [message.payload for message in subscriber.wait_for_messages(1)]
    assert received == [bytes_sent], f"delivered {received}"

    # No base64 at all, without its padding, with half of it, in the alphabet for addresses, and cut off.
    for undecodable in ("%%%", "YQ", "YQ=", "YWJ-", "YWJjZ"):
        body = {"topic": topic, "payload": undecodable, "payload_encoding": "base64"}
        target.api.call("POST /publish", json=body).expect(400)
    target.publish(topic, "end")
    arrived = len(subscriber.received_before("end"))
    assert arrived == 1, f"{arrived} messages were delivered, the undecodable one among them"


@requirement("PUB-07", "POST /publish")
def test_properties_arrive(target: Target) -> None:
    """The MQTT 5 properties of a published message arrive at a subscriber, the expiry interval at most as sent."""
    topic = target.sandbox.topic()
    subscriber = target.subscriber(topic)
    properties = {
        "payload_format_indicator": 1,
        "message_expiry_interval": 100,
        "response_topic": target.sandbox.topic("response"),
        "correlation_data": "request 7 ü",
        "content_type": "text/plain",
        "user_properties": {"colour": "blue", "größe": "ü"},
    }

    target.publish(topic, "with properties", qos=1, properties=properties).expect(200)
    received = [dict(properties_of(message)) for message in subscriber.wait_for_messages(1)]
    assert received, "the message did not arrive"
    expiry = received[0].pop("MessageExpiryInterval", 0)
    user_properties = sorted(received[0].pop("UserProperty", []))
    expected = {
        "PayloadFormatIndicator": 1,
        "ResponseTopic": properties["response_topic"],
        "CorrelationData": "request 7 ü".encode(),
        "ContentType": "text/plain",
    }
    assert received[0] == expected, f"received the properties {received[0]}"
    assert user_properties == [("colour", "blue"), ("größe", "ü")], f"received the user properties {user_properties}"
    assert 0 < expiry <= 100, f"sent with an expiry interval of 100 s, received {expiry}"

    names = ("payload_format_indicator", "response_topic", "correlation_data", "content_type")
    for name in names:
        target.publish(topic, name, qos=1, properties={name: properties[name]}).expect(200)
    messages = subscriber.wait_for_messages(1 + len(names))
    alone = {message.payload.decode(): dict(properties_of(message)) for message in messages}
    for name, shown in zip(names, expected, strict=True):
        assert alone.get(name) == {shown: expected[shown]}, f"of {name} alone {alone.get(name)} arrive"


@requirement("PUB-08", "POST /publish", level="SHOULD")
def test_user_properties_are_strings(target: Target) -> None:
    """A user property that is no string is refused with 400, and costs no subscriber its connection."""
    topic = target.sandbox.topic()
    subscriber = target.subscriber(topic)

    no_texts: list[Any] = [1, True, None, ["a"], {"a": "b"}]
    bodies = [{"topic": topic, "payload": "odd", "properties": {"user_properties": {"a": odd}}} for odd in no_texts]
    answers = [target.api.call("POST /publish", json=body) for body in bodies]
    target.publish(topic, "end")
    arrived = subscriber.wait_for_messages(1, matching=lambda message: message.payload == b"end")
    if not arrived:
        lost = "the subscriber lost its connection" if not subscriber.connected else "the next message is lost"
        raise Deviation(lost, next((answer for answer in answers if answer.status != 400), answers[-1]))
    for answer in answers:
        answer.expect(400)


@requirement("PUB-09", "POST /publish")
def test_message_larger_than_a_packet(target: Target) -> None:
    """A message larger than the greatest packet is answered 400, reason code 151; one that just fits arrives whole."""
    topic = target.sandbox.topic()
    subscriber = target.subscriber(topic)
    limit = subscriber.limits.get("MaximumPacketSize", LARGEST_BODY)
    if limit >= LARGEST_BODY:
        not_demanded(f"the target accepts packets of {limit} bytes, and requests hardly larger")

    body = {"topic": topic, "payload": "x" * (limit + 1)}
    answer = target.api.call("POST /publish", json=body).expect(400)
    assert answer.reason_code == 151, f"the reason code is {answer.reason_code}"
    # A message is as large as its topic, payload and properties, and some bytes more.
    largest = "x" * (limit - len(topic) - 1_000)
    target.publish(topic, largest).expect(200)

    target.publish(topic, "end").expect(200)
    sizes = [len(text) for text in subscriber.received_before("end")]
    assert sizes == [len(largest)], f"messages of {sizes} bytes were delivered, expected one of {len(largest)}"


@requirement("GEN-70", "POST /publish", level="SHOULD")
def test_large_body(target: Target) -> None:
    """A JSON body of nine million bytes is taken like a shorter one, or refused with a 4xx."""
    topic = target.sandbox.topic()
    subscriber = target.subscriber(topic)
    # Blanks say nothing: it is a small message all the same.
    content = json.dumps({"topic": topic, "payload": "small"}).encode().ljust(_HUGE_BODY)

    answer = target.api.call("POST /publish", content=content, content_type="application/json")
    assert answer.status == 200 or 400 <= answer.status < 500, f"{_HUGE_BODY:,} bytes are answered {answer.status}"
    target.publish(topic, "end").expect(200)
    arrived = subscriber.received_before("end")
    expected = ["small"] if answer.ok else []
    assert arrived == expected, f"after the answer {answer.status} {arrived} arrived, expected {expected}"


@requirement("PUB-15", "POST /publish", level="SHOULD")
def test_delayed_message(target: Target) -> None:
    """A message to $delayed/1/ and a topic is answered with 200 and its id, and reaches the topic a second later."""
    profile = target.capabilities.profile
    profile.check_delays()
    topic = target.sandbox.topic()
    subscriber = target.subscriber(topic)
    began = time.monotonic()
    answer = target.api.call("POST /publish", json={"topic": f"$delayed/1/{topic}", "payload": "later"})
    if not subscriber.wait_for_messages(1, 1 + target.timing.received):
        if not profile.delays_messages:
            not_demanded("the target delays no messages, and does not say whether it would (GET /mqtt/delayed)")
        raise Deviation(f"what was to be delayed by a second never arrived at {topic}", answer)
    took = time.monotonic() - began

    assert subscriber.texts == ["later"], f"delivered {subscriber.texts}"
    assert took > _HALF_A_DELAY_S, f"what was to be delayed by a second arrived after {took:.1f} s"
    assert answer.status == 200, f"a message that is delayed, and then delivered, is answered {answer.status}"
    assert isinstance(answer.json.get("id"), str), f"it is answered {answer.json}, without its id"


@requirement("PUB-11", "POST /publish")
def test_defaults_and_texts(target: Target) -> None:
    """Without qos a message is published with QoS 0; topic and payload may be any text, the payload also none."""
    topic = f"{target.sandbox.topic()}/ü €"
    subscriber = target.subscriber(topic)

    for payload in ("€ ü \U0001f600", "", "end"):
        target.publish(topic, payload).expect(200)
    qos = [message.qos for message in subscriber.wait_for_messages(3)]
    assert subscriber.texts == ["€ ü \U0001f600", "", "end"], f"delivered {subscriber.texts}"
    assert qos == [0, 0, 0], f"delivered with QoS {qos}"


@requirement("PUB-12", "POST /publish", f"GET {paths.RETAINED_MESSAGE}", provisional=True)
@pytest.mark.needs("retainer")
@pytest.mark.state("retained")
def test_expired_message_is_not_delivered(target: Target) -> None:
    """A message whose expiry interval has passed while its receiver was away is not delivered to it any more."""
    topic = target.sandbox.topic()
    client_id = target.offline_session(topic)
    expiring, lasting = ({"message_expiry_interval": seconds} for seconds in (1, 600))

    retained = target.retained.create(topic=f"{topic}/kept", properties=lasting)
    target.publish(f"{topic}/listed", "old", retain=True, properties=expiring)
    target.publish(topic, "lasting", qos=1, properties=lasting).expect(200)
    target.publish(topic, "old", qos=1, retain=True, properties=expiring).expect(200)
    target.publish(topic, "new", qos=1).expect(200)
    # Both copies expire together, and the retained one can be seen to be gone.
    target.eventually(lambda: target.retained.get(topic).status == 404, 1 + target.timing.expired)
    assert f"{topic}/listed" not in target.retained.ids(), "a retained message that has expired is listed"

    back = target.connect(client_id, clean_start=False, session_expiry_s=300)
    before = back.received_before("new")
    assert before == ["lasting"], f"after more than 1 s, of messages with 1 s and with 600 s {before} arrived"
    left = properties_of(back.messages[0]).get("MessageExpiryInterval", 0)
    assert 0 < left < 600, f"of an expiry interval of 600 s {left} s are left after more than 1 s"
    back.subscribe(retained)
    arrived = back.wait_for_messages(1, matching=lambda message: message.payload == b"kept")
    assert arrived, "a new subscription brings no retained message"

    def expired() -> Any:
        return target.clients.read(client_id)["send_msg.dropped.expired"]

    target.eventually(lambda: expired() == 1, target.timing.statistics)
    assert expired() == 1, f"one message expired while its client was away, send_msg.dropped.expired is {expired()}"
    left = properties_of(arrived[0]).get("MessageExpiryInterval", 0)
    assert 0 < left < 600, f"of an expiry interval of 600 s a retained message has {left} s left after more than 1 s"
