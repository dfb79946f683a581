"""Retained messages: stored, read, delivered to new subscribers, deleted, expired (RET)."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.clocks import CLOCK_TOLERANCE_S
from conformance.scenarios.walked import SENTENCE, Walk
from conformance.target.guard.mode import Mode
from conformance.target.mqtt import properties_of
from conformance.target.resources.messages import payload_of
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("retainer")]

READ = f"GET {paths.RETAINED_MESSAGE}"
DELETE = f"DELETE {paths.RETAINED_MESSAGE}"
LIST = f"GET {paths.RETAINED_MESSAGES}"
CLEAR = f"DELETE {paths.RETAINED_MESSAGES}"
holds_messages = pytest.mark.state("retained")


def stored(target: Target, topic: str) -> bytes | None:
    """The payload that is retained for a topic, None if there is none."""
    answer = target.retained.get(topic)
    return payload_of(answer.json) if answer.expect(200, 404).ok else None


def kept(target: Target, topic: str) -> bool:
    return target.eventually(lambda: target.retained.get(topic).ok)


def gone(target: Target, topic: str) -> bool:
    return target.eventually(lambda: target.retained.get(topic).status == 404)


@requirement("RET-01", "POST /publish", READ, LIST)
@holds_messages
@pytest.mark.needs("mqtt")
def test_retained_message_is_readable(target: Target) -> None:
    """A retained message can be read as it was published, by MQTT or by the API, and is listed once."""
    of_api, of_client = target.sandbox.topic(), target.sandbox.topic()
    publisher = target.connect()

    publisher.subscribe(of_api)
    target.await_route(of_api, publisher)
    of_bytes = bytes(range(256)) * 8
    text = base64.b64encode(of_bytes).decode()
    published = target.publish(of_api, text, payload_encoding="base64", retain=True, qos=2).expect(200).json["id"]
    publisher.publish(of_client, "one", qos=1, retain=True)
    for topic, payload, qos in ((of_api, of_bytes, 2), (of_client, b"one", 1)):
        assert kept(target, topic), f"{topic} cannot be read"
        message = target.retained.read(topic)
        seen = (message["topic"], payload_of(message), message["qos"])
        assert seen == (topic, payload, qos), f"topic, payload, qos are {seen}"
    identifier = target.retained.read(of_api)["msgid"]
    assert identifier == published, f"published as {published}, the message is shown as {identifier}"
    publishers = message["from_clientid"], message["from_username"]
    expected = publisher.client_id, publisher.username or message["from_username"]
    assert publishers == expected, f"shown as published by {publishers}, expected {expected}"
    again = target.retained.read(of_client)
    assert again == message, f"read once more, {message} is {again}"
    age = (datetime.now(UTC) - datetime.fromisoformat(message["publish_at"])).total_seconds()
    assert abs(age) < CLOCK_TOLERANCE_S, f"what was published now is shown as published at {message['publish_at']}"

    entries = {entry["topic"]: entry for entry in target.retained.listed(topic=of_client)}
    without_payload = {name: value for name, value in message.items() if name != "payload"}
    assert entries == {of_client: without_payload}, f"listed as {entries}, read as {message}"
    listed = sorted(target.retained.ids(topic=f"{target.sandbox.topic_root}#"))
    assert (listed.count(of_api), listed.count(of_client)) == (1, 1), (
        f"{of_api} and {of_client} are retained, listed are {listed}"
    )


@requirement("RET-02", "POST /publish", DELETE)
@holds_messages
@pytest.mark.needs("mqtt")
def test_retained_message_reaches_new_subscribers(target: Target) -> None:
    """A new subscriber receives the retained message, marked retained; after its deletion none does."""
    root = target.sandbox.topic()
    properties = {
        "response_topic": f"{root}/response",
        "correlation_data": "7",
        "payload_format_indicator": 1,
        "user_properties": {"kept": "too"},
    }
    first, second = (
        target.retained.create(topic=f"{root}/{level}", payload=level, qos=1, properties=properties)
        for level in ("a", "b")
    )

    with target.mqtt() as early:
        early.subscribe(f"{root}/#")
        arrived = early.wait_for_messages(2)
        received = sorted((message.payload, message.qos, message.retain) for message in arrived)
    assert received == [(b"a", 1, True), (b"b", 1, True)], f"payload, qos, retain are {received}"
    expected = {
        "ResponseTopic": f"{root}/response",
        "CorrelationData": b"7",
        "PayloadFormatIndicator": 1,
        "UserProperty": [("kept", "too")],
    }
    for message in arrived:
        seen = {name: value for name, value in properties_of(message).items() if name in expected}
        assert seen == expected, f"the properties of a retained message are {seen}, expected {expected}"

    target.retained.delete(first).expect(204)
    gone(target, first)
    with target.mqtt() as late:
        late.subscribe(f"{root}/#")
        # Retained messages come in their own time: the second one is proof that the first is not to come.
        late.wait_for_messages(1, matching=lambda message: message.payload == b"b")
        target.await_route(second, late)
        target.publish(second, "end").expect(200)
        before = late.received_before("end")
    assert before == ["b"], f"after the deletion of {first} a new subscriber received {before}"


@requirement("RET-03", DELETE, READ)
@holds_messages
def test_delete_removes_what_matches(target: Target) -> None:
    """DELETE removes the message of a topic, or all matches of a filter, answers 204, and 404 if there are none."""
    root = target.sandbox.topic()
    for level in ("a", "b", "c/d"):
        target.retained.create(topic=f"{root}/{level}")

    target.retained.delete(f"{root}/none").expect(404)
    target.retained.delete(f"{root}/a").expect(204)
    assert gone(target, f"{root}/a"), "the deleted message is still there"
    target.retained.delete(f"{root}/a").expect(404)

    target.retained.delete(f"{root}/+").expect(204)
    assert gone(target, f"{root}/b"), f"{root}/b matches {root}/+ and is still there"
    assert stored(target, f"{root}/c/d") == b"kept", f"{root}/c/d does not match {root}/+ and is gone"
    target.retained.delete(f"{root}/+").expect(404)


@requirement("RET-04", READ)
@holds_messages
def test_topic_is_one_path_segment(target: Target) -> None:
    """The topic in the path is percent-encoded as one segment; with plain slashes there is no such path."""
    topic = target.retained.create(topic=f"{target.sandbox.topic()}/ü %?")
    target.retained.get(topic).expect(200)

    topic = target.retained.create()
    target.retained.get(topic).expect(200)
    answer = target.api.send("GET", f"/mqtt/retainer/message/{quote(topic)}")
    assert answer.status == 404, f"a path with plain slashes answered {answer.status}"


@requirement("RET-05", "POST /publish", READ)
@holds_messages
def test_retained_message_expires(target: Target) -> None:
    """A retained message is gone once its expiry interval has passed."""
    root = target.sandbox.topic()
    lasting = target.retained.create(topic=f"{root}/lasting", properties={"message_expiry_interval": 600})
    replaced, brief = (
        target.retained.create(topic=f"{root}/{level}", properties={"message_expiry_interval": 2})
        for level in ("replaced", "brief")
    )
    target.publish(replaced, "for ever", retain=True)
    target.eventually(lambda: stored(target, replaced) == b"for ever")

    within_s = 2 + target.timing.expired
    # To read one message, and to list those of a filter, are two ways to it.
    expired = target.eventually(lambda: brief not in target.retained.ids(topic=f"{root}/#"), within_s)
    assert expired, f"a message with an expiry interval of 2 s is still listed after {within_s:g} s"
    assert gone(target, brief), "a message that has expired is not listed any more, but can be read"
    assert stored(target, lasting) == b"kept", "a message with an expiry interval of 600 s is gone"
    assert stored(target, replaced) == b"for ever", "a message that lasts is gone with the time of the one it replaced"


@requirement("RET-06", "POST /publish", READ, LIST)
@holds_messages
def test_one_message_per_topic(target: Target) -> None:
    """A later retained message of a topic replaces the earlier one; one without payload deletes it."""
    topic = target.retained.create(payload="first")
    began = time.monotonic()
    first, other = target.retained.read(topic), target.retained.create()
    between_s = time.monotonic() - began

    target.publish(topic, "second", retain=True, qos=1)
    assert target.eventually(lambda: stored(target, topic) == b"second"), f"{stored(target, topic)!r} is still retained"
    second = target.retained.read(topic)
    assert second["qos"] == 1, f"a message of QoS 1 that replaces another is shown with QoS {second['qos']}"
    assert second["msgid"] != first["msgid"], f"a message that replaces another has its msgid {second['msgid']}"
    dates = [datetime.fromisoformat(message["publish_at"]) for message in (first, second)]
    is_later = (dates[1] - dates[0]).total_seconds() > 0.9 * between_s - 0.001
    # Each node has a clock of its own.
    assert is_later or target.capabilities.profile.answering > 1, (
        f"a message that replaces one of {dates[0]} after {between_s:.3f} s is shown as published at {dates[1]}"
    )
    listed = [entry["topic"] for entry in target.retained.listed(topic=topic)]
    assert listed == [topic], f"{topic} lists {listed}"
    target.publish(topic, "second", retain=True, qos=1)
    is_new = target.eventually(lambda: target.retained.read(topic)["msgid"] != second["msgid"])
    assert is_new, f"a message with the payload of the one that it replaces has its msgid {second['msgid']}"

    target.publish(topic, "not retained")
    target.publish(other, "", retain=True)
    gone(target, other)
    assert stored(target, topic) == b"second", "a message that is not retained, or one of another topic, changed it"
    target.publish(topic, "", retain=True)
    assert gone(target, topic), "a retained message without payload does not delete"
    target.retained.create(topic=topic)
    target.publish(topic, "", retain=True, payload_encoding="base64")
    assert gone(target, topic), "a retained message whose payload is nothing in base64 does not delete"


@requirement("RET-07", CLEAR, LIST)
@pytest.mark.writes(CLEAR)
@pytest.mark.mode(Mode.EXCLUSIVE, "deletes the retained messages of everybody")
@pytest.mark.state("retained", alone=True)
def test_clear(target: Target) -> None:
    """DELETE of all retained messages leaves none, and answers 204 also when there are none."""
    topics = {target.retained.create() for _ in range(2)}
    page = target.api.call(LIST, query={"limit": 1}).expect(200).json
    assert page["meta"]["count"] >= 2, f"2 messages were stored, {page['meta']['count']} are counted"

    target.api.call(CLEAR).expect(204)
    assert target.eventually(lambda: not topics & set(target.retained.ids())), "messages are still listed"
    target.api.call(CLEAR).expect(204)


@requirement("RET-08", LIST, READ)
@holds_messages
def test_filter_by_topic(target: Target) -> None:
    """A topic or a filter lists exactly the messages it matches; to read by a filter finds one of them."""
    root = target.sandbox.topic()
    topics = [target.retained.create(topic=f"{root}/{level}") for level in ("a", "b", "c/d")]
    target.retained.create(topic=f"{root}x")

    for topic_filter, expected in ((f"{root}/#", topics), (f"{root}/+", topics[:2]), (topics[2], topics[2:])):
        listed = sorted(entry["topic"] for entry in target.retained.listed(topic=topic_filter))
        assert listed == expected, f"{topic_filter} lists {listed}, expected {expected}"
    assert target.retained.listed(topic=f"{root}/none") == [], f"{root}/none lists something"
    found = target.retained.read(f"{root}/+")
    assert found["topic"] in topics[:2], "reading by a filter finds no match of it"
    alone = target.retained.read(found["topic"])
    assert found == alone, f"read by a filter, {alone} is {found}"


@requirement("PAG-13", LIST, sentence=SENTENCE)
@holds_messages
def test_pages_of_filtered_messages(target: Target, recorder: Recorder) -> None:
    """Under a topic or a filter hasnext is that of the retained messages it finds."""
    root = target.sandbox.topic()
    for level in ("a", "b", "c/d"):
        target.retained.create(topic=f"{root}/{level}")
    for topic_filter in (f"{root}/#", f"{root}/+", f"{root}/c/d", f"{root}/none"):
        Walk.through(target, target.retained, {"topic": topic_filter}).decide(recorder)


@requirement("RET-09", "POST /publish", provisional=True)
@holds_messages
@pytest.mark.needs("mqtt")
def test_retain_handling(target: Target) -> None:
    """Retain handling decides who gets a retained message: 0 every subscription, 1 only a new one, 2 none."""
    topic = target.retained.create()
    client = target.connect()

    for retain_handling, times in ((2, 0), (1, 0), (0, 1)):
        client.subscribe(topic, retainHandling=retain_handling)
        client.wait_for_messages(times, matching=lambda message: message.payload == b"kept")
        target.await_route(topic, client)
        marker = target.sandbox.name("marker")
        target.publish(topic, marker)
        seen = client.received_before(marker).count("kept")
        assert seen == times, f"with retain handling {retain_handling} it is delivered {seen} times, expected {times}"

    client.unsubscribe(topic)
    client.subscribe(topic, retainHandling=1)
    again = client.wait_for_messages(2, matching=lambda message: message.payload == b"kept")
    assert len(again) == 2, "retain handling 1 delivers nothing to a new subscription"


@requirement("RET-12", "POST /publish", provisional=True)
@holds_messages
@pytest.mark.needs("mqtt")
def test_session_is_resumed_without_retained_messages(target: Target) -> None:
    """A retained message comes with a subscription, and not once more when a client comes back to its session."""
    topic = target.retained.create()
    client = target.connect(session_expiry_s=300)
    client.subscribe(topic)
    assert client.wait_for_messages(1), "the subscription brings no retained message"

    for leaves in (False, True):  # or its session is taken over
        if leaves:
            client.close()
        client = target.connect(client.client_id, clean_start=False, session_expiry_s=300)
        assert client.session_present, "the session of a client that came back is gone"
        target.await_route(topic, client)
        marker = target.sandbox.name("marker")
        target.publish(topic, marker)
        again = client.received_before(marker).count("kept")
        assert not again, (
            f"a client that {'came back' if leaves else 'took its session over'} got it {again} times again"
        )
