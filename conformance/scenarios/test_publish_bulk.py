"""Publishing several messages at once (PUB)."""

from __future__ import annotations

import base64

import pytest

from conformance.omission import disturbed
from conformance.requirements import requirement
from conformance.scenarios.test_publish import LARGEST_BODY
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario]


@requirement("PUB-05", "POST /publish/bulk")
@pytest.mark.needs("mqtt")
def test_answers_are_in_the_order_of_the_messages(target: Target) -> None:
    """The i-th answer of a bulk publish belongs to the i-th message; 200 if all are delivered, else 202."""
    topic, nowhere = target.sandbox.topic(), target.sandbox.topic()
    subscriber = target.subscriber(topic)

    messages = [
        {"topic": topic, "payload": "first", "qos": 1},
        {"topic": nowhere, "payload": "lost"},
        {"topic": topic, "payload": base64.b64encode(b"third").decode(), "payload_encoding": "base64", "qos": 1},
    ]
    answer = target.api.call("POST /publish/bulk", json=messages)
    if answer.status == 200 and target.subscriptions.covering(nowhere):
        disturbed(target.configuration.mode, "on this target somebody is subscribed to every topic")
    answer.expect(202)
    outcomes = ["id" if "id" in item else item.get("reason_code") for item in answer.json]
    assert outcomes == ["id", 16, "id"], f"the answers are {answer.json}"
    repeated = [item for item in answer.json if {"topic", "payload"} & item.keys()]
    assert not repeated, f"the answers repeat the messages: {repeated}"

    answer = target.api.call("POST /publish/bulk", json=messages[::2]).expect(200)
    assert len({item.get("id") for item in answer.json}) == 2, f"two messages have the ids {answer.json}"

    target.publish(topic, "end", qos=1)
    before = subscriber.received_before("end")
    assert before == ["first", "third", "first", "third"], f"delivered {before}"


@requirement("PUB-05", "POST /publish/bulk")
@pytest.mark.needs("mqtt")
@pytest.mark.state("retained")
def test_bad_message_refuses_all(target: Target) -> None:
    """One bad message makes a bulk publish answer 400 with its reason code, and none of its messages is published."""
    topic = target.sandbox.topic()
    subscriber = target.subscriber(topic)

    limit = subscriber.limits.get("MaximumPacketSize", LARGEST_BODY)
    bad: dict[int, dict[str, str]] = {
        144: {"topic": f"{topic}/#", "payload": "bad"},
        131: {"topic": topic, "payload": "%%%", "payload_encoding": "base64"},
    }
    if limit < LARGEST_BODY:
        bad[151] = {"topic": topic, "payload": "x" * (limit + 1)}
    for reason_code, message in bad.items():
        messages = [{"topic": topic, "payload": "good", "retain": True}, message]
        answer = target.api.call("POST /publish/bulk", json=messages).expect(400)
        told = answer.reason_code
        assert told == reason_code, f"reason code {told}, expected {reason_code}, for {str(message)[:80]}"

    target.api.call("POST /publish/bulk", json=[{"topic": topic, "payload": "end"}]).expect(200)
    before = subscriber.received_before("end")
    assert before == [], f"{before} was delivered although its batch was refused"
    qos = [message.qos for message in subscriber.messages]
    assert qos == [0], f"published in bulk without QoS, a message was delivered with {qos}"
    if target.capabilities.no_retainer is None:
        stored = target.retained.get(topic)
        assert stored.status == 404, f"the good message of a refused batch is retained: {stored.json}"


@requirement("PUB-06", "POST /publish/bulk", level="SHOULD")
def test_no_messages_at_all(target: Target) -> None:
    """A bulk publish without messages is a bad request or does nothing: 400, or 200 with an empty array."""
    answer = target.api.call("POST /publish/bulk", json=[])
    if answer.expect(200, 400).ok:
        assert answer.json == [], f"nothing was published, and the answer is {answer.json}"
