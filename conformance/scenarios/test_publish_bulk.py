"""Publishing several messages at once (PUB)."""

from __future__ import annotations

import pytest

from conformance.omission import disturbed
from conformance.requirements import requirement
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
        {"topic": topic, "payload": "third", "qos": 1},
    ]
    answer = target.api.call("POST /publish/bulk", json=messages)
    if answer.status == 200 and target.subscriptions.covering(nowhere):
        disturbed(target.configuration.mode, "on this target somebody is subscribed to every topic")
    answer.expect(202)
    outcomes = ["id" if "id" in item else item.get("reason_code") for item in answer.json]
    assert outcomes == ["id", 16, "id"], f"the answers are {answer.json}"

    answer = target.api.call("POST /publish/bulk", json=messages[::2]).expect(200)
    assert len({item.get("id") for item in answer.json}) == 2, f"two messages have the ids {answer.json}"

    target.publish(topic, "end", qos=1)
    before = subscriber.received_before("end")
    assert before == ["first", "third", "first", "third"], f"delivered {before}"


@requirement("PUB-05", "POST /publish/bulk")
@pytest.mark.needs("mqtt")
def test_bad_message_refuses_all(target: Target) -> None:
    """One message with a bad topic makes a bulk publish answer 400, and none of its messages is delivered."""
    topic = target.sandbox.topic()
    subscriber = target.subscriber(topic)

    messages = [{"topic": topic, "payload": "good"}, {"topic": f"{topic}/#", "payload": "bad"}]
    answer = target.api.call("POST /publish/bulk", json=messages).expect(400)
    assert answer.reason_code == 144, f"the reason code is {answer.reason_code}"

    target.api.call("POST /publish/bulk", json=[{"topic": topic, "payload": "end"}]).expect(200)
    before = subscriber.received_before("end")
    assert before == [], f"{before} was delivered although its batch was refused"


@requirement("PUB-06", "POST /publish/bulk", level="SHOULD")
def test_no_messages_at_all(target: Target) -> None:
    """A bulk publish without messages is a bad request or does nothing: 400, or 200 with an empty array."""
    answer = target.api.call("POST /publish/bulk", json=[])
    if answer.expect(200, 400).ok:
        assert answer.json == [], f"nothing was published, and the answer is {answer.json}"
