"""Messages that wait for a client, or for its acknowledgement (CLI)."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.scenarios.clocks import CLOCK_TOLERANCE_S
from conformance.scenarios.sessions import expect_window
from conformance.target.http.answer import Answer
from conformance.target.mqtt import MqttClient
from conformance.target.resources.messages import payload_of
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

QUEUED = "GET /clients/{clientid}/mqueue_messages"
UNACKNOWLEDGED = "GET /clients/{clientid}/inflight_messages"

MOST_PAGES = 20
TEXTS = ["first", "second ü", "third", "fourth €", "fifth"]

LONGEST_QUEUE = 10_000
"""Messages of a queue that is filled; one request publishes them all."""


def walk(page: Callable[..., Answer], client_id: str, **query: Any) -> list[list[dict[str, Any]]]:
    """The messages of every page, from the first to the one where nothing is left."""
    position, pages = "none", []
    for _ in range(MOST_PAGES):
        body = page(client_id, position=position, **query).expect(200).json
        pages.append(body["data"])
        position = body["meta"]["position"]
        if not body["data"] or position == "end_of_data":
            return pages
    raise AssertionError(f"there are {len(TEXTS)} messages, and page {MOST_PAGES} still has some")


def payloads(pages: list[list[dict[str, Any]]]) -> list[str]:
    return [message["payload"] for page in pages for message in page]


def expect_every_form(page: Callable[..., Answer], client_id: str, texts: Sequence[str]) -> None:
    """Fail the item unless the messages are listed alike in every payload form, and one fits into any byte limit."""
    encoded = page(client_id, payload="base64").expect(200).json["data"]
    assert [payload_of(message).decode() for message in encoded] == texts, "base64 differs from plain"
    assert page(client_id).expect(200).json["data"] == encoded, "base64 is not the default"
    without = page(client_id, payload="none").expect(200).json["data"]
    assert [message["msgid"] for message in without] == [message["msgid"] for message in encoded], "none lists others"
    assert not any("payload" in message for message in without), "payload=none shows payloads"
    least = payloads([page(client_id, payload="plain", max_payload_bytes=1).expect(200).json["data"]])
    assert least == texts[:1], f"a page of one byte has {least}, expected the first message alone"


def absent_client(target: Target, topic: str, qos: int | None = None) -> str:
    """Client id of a session whose messages can be listed; skips the item where sessions are kept on disk."""
    client_id = target.offline_session(topic, qos)
    if target.clients.queued(client_id, limit=1).status == 501:
        not_demanded("the target keeps sessions on disk, whose messages cannot be listed (501)")
    return client_id


def client_with_messages(target: Target, topic: str) -> str:
    """Client id of a session for which the messages of `TEXTS` on ``topic`` wait."""
    client_id = absent_client(target, topic)
    for text in TEXTS:
        target.publish(topic, text, qos=1).expect(200)
    target.eventually(lambda: len(target.clients.queued(client_id).expect(200).json["data"]) == len(TEXTS))
    return client_id


def silent_client(target: Target, topic_filter: str, count: int) -> MqttClient:
    """A subscriber that acknowledges nothing by itself; skips the item where it is not sent ``count`` messages then."""
    client = target.subscriber(topic_filter, qos=1, manual_ack=True)
    expect_window(client, count)
    return client


@requirement("CLI-11", QUEUED)
def test_queued_messages_page_by_page(target: Target) -> None:
    """The messages that wait for an absent client are listed in order, each on one page, in every payload form."""
    absent = client_with_messages(target, target.sandbox.topic())
    whole = target.clients.queued(absent, payload="plain").expect(200).json
    assert payloads([whole["data"]]) == TEXTS, f"waiting are {payloads([whole['data']])}"
    assert {message["qos"] for message in whole["data"]} == {1}, "the messages were published with QoS 1"

    for limit in (1, 2, len(TEXTS)):
        pages = walk(target.clients.queued, absent, limit=limit, payload="plain")
        assert payloads(pages) == TEXTS, f"pages of {limit} have {payloads(pages)}, expected {TEXTS}"
        assert max(map(len, pages)) <= limit, f"a page of {limit} has {max(map(len, pages))} messages"

    expect_every_form(target.clients.queued, absent, TEXTS)

    if target.capabilities.profile.limits.queues_qos_0:
        other = absent_client(target, topic := target.sandbox.topic())
        target.publish(topic, "of QoS 0", qos=0).expect(200)
        target.eventually(lambda: target.clients.queued(other).expect(200).json["data"])
        waiting = target.clients.queued(other, payload="plain").expect(200).json["data"]
        found = [(message["payload"], message["qos"]) for message in waiting]
        assert found == [("of QoS 0", 0)], f"payload and QoS of what waits are {found}, published was of QoS 0, 0"


@requirement("CLI-11", QUEUED, "GET /clients")
def test_queued_messages_are_counted_and_delivered(target: Target) -> None:
    """The client's mqueue_len is the number of waiting messages; once back it gets them in order, and none wait."""
    absent = client_with_messages(target, target.sandbox.topic())

    def length() -> int:
        listed = target.clients.listed(clientid=absent, fields="clientid,mqueue_len")
        return int(listed[0]["mqueue_len"])

    target.eventually(lambda: length() == len(TEXTS), target.timing.statistics)
    assert length() == len(TEXTS), f"{len(TEXTS)} messages wait, mqueue_len is {length()}"

    back = target.connect(absent, clean_start=False, session_expiry_s=300)
    back.wait_for_messages(len(TEXTS))
    assert back.texts == TEXTS, f"delivered {back.texts}, waiting were {TEXTS}"
    empty = target.eventually(lambda: target.clients.queued(absent).expect(200).json["data"] == [])
    assert empty, "delivered messages still wait"


@requirement("CLI-11", QUEUED)
def test_binary_payload_in_the_queue(target: Target) -> None:
    """A waiting message whose payload is no text spoils no list: base64 shows its bytes, plain answers 200 or 400."""
    topic = target.sandbox.topic()
    absent = client_with_messages(target, topic)
    target.publish(topic, base64.b64encode(b"\xff\x00").decode(), payload_encoding="base64", qos=1).expect(200)

    target.eventually(lambda: len(target.clients.queued(absent).expect(200).json["data"]) > len(TEXTS))
    last = target.clients.queued(absent).expect(200).json["data"][-1]
    assert payload_of(last) == b"\xff\x00", f"the payload ff 00 is shown in base64 as {last['payload']}"
    target.clients.queued(absent, payload="plain").expect(200, 400)


@requirement("CLI-12", QUEUED, level="SHOULD")
def test_small_pages_lose_nothing(target: Target) -> None:
    """Pages cut short by max_payload_bytes continue where they were cut: every message is on one of them."""
    absent = client_with_messages(target, target.sandbox.topic())
    pages = walk(target.clients.queued, absent, payload="plain", max_payload_bytes=15)
    assert payloads(pages) == TEXTS, f"pages of 15 bytes have {payloads(pages)}, waiting are {TEXTS}"
    assert len(pages) > 2, f"5 messages of 5 to 11 bytes fit on {len(pages)} pages of 15 bytes"


@requirement("CLI-13", UNACKNOWLEDGED)
def test_unacknowledged_messages(target: Target) -> None:
    """What was sent and not acknowledged yet is listed in order, each message on one page; acknowledged, it is not."""
    topic = target.sandbox.topic()
    client = silent_client(target, topic, len(TEXTS))
    for text in TEXTS:
        target.publish(topic, text, qos=1).expect(200)
    messages = client.wait_for_messages(len(TEXTS))
    assert len(messages) == len(TEXTS), f"{len(messages)} of {len(TEXTS)} messages arrived"

    for limit in (2, 100):
        pages = walk(target.clients.unacknowledged, client.client_id, limit=limit, payload="plain")
        assert payloads(pages) == TEXTS, f"pages of {limit} have {payloads(pages)}, expected {TEXTS}"
    expect_every_form(target.clients.unacknowledged, client.client_id, TEXTS)

    client.acknowledge(messages[0])
    remaining = target.eventually(
        lambda: payloads([target.clients.unacknowledged(client.client_id, payload="plain").json["data"]]) == TEXTS[1:]
    )
    assert remaining, "an acknowledged message is still listed, or another one is not"
    for message in messages[1:]:
        client.acknowledge(message)
    empty = target.eventually(lambda: target.clients.unacknowledged(client.client_id).expect(200).json["data"] == [])
    assert empty, "acknowledged messages are still listed"


@requirement("CLI-24", QUEUED, UNACKNOWLEDGED)
@pytest.mark.parametrize("label", [QUEUED, UNACKNOWLEDGED])
def test_messages_are_listed_as_published(target: Target, label: str) -> None:
    """A message that waits, for its client or an acknowledgement, is listed with its id, who published it, and when."""
    root, publisher = target.sandbox.topic(), target.connect()
    if label == QUEUED:
        page, receiver = target.clients.queued, absent_client(target, f"{root}/+", qos=1)
    else:
        page = target.clients.unacknowledged
        receiver = silent_client(target, f"{root}/+", 2).client_id
    identifier = target.publish(f"{root}/api", "of the API", qos=2).expect(200).json["id"]
    publisher.publish(f"{root}/client", "of a client", qos=1)
    target.eventually(lambda: len(page(receiver).expect(200).json["data"]) == 2)

    listed, meta = (page(receiver).expect(200).json[name] for name in ("data", "meta"))
    seen = [(message["topic"], message["qos"], message["from_clientid"]) for message in listed]
    # With the QoS that they are delivered with.
    qos = target.capabilities.profile.limits.delivered_qos(2, 1)
    expected = [(f"{root}/api", qos, "http_api"), (f"{root}/client", 1, publisher.client_id)]
    assert seen == expected, f"topics, QoS and publishers are {seen}, expected {expected}"
    assert listed[0]["msgid"] == identifier, f"published as {identifier}, the message is listed as {listed[0]['msgid']}"
    names = [message["from_username"] for message in listed]
    usernames = ["", publisher.username or names[1]]
    assert names == usernames, f"the user names of the publishers are {names}, expected {usernames}"
    for name, a_second in (("publish_at", 1_000), ("inserted_at", 1_000_000_000)):
        ages = [time.time() - int(message[name]) / a_second for message in listed]
        assert all(abs(age) < CLOCK_TOLERANCE_S for age in ages), f"by {name} the messages are {ages} s old"
    order = [int(message["inserted_at"]) for message in listed]
    assert all(before < after for before, after in pairwise(order)), f"inserted_at of the messages are {order}"

    first = page(receiver, limit=1).expect(200).json["meta"]
    second, end = (
        page(receiver, limit=1, position=each["position"]).expect(200).json["meta"] for each in (first, meta)
    )
    starts = {each["start"] for each in (meta, first, second, end)}
    assert starts == {first["position"]}, f"the first message is at {first['position']}, pages say it is at {starts}"
    assert second["position"] in (meta["position"], "end_of_data"), f"pages of 1 end at {second}, one page at {meta}"
    stays = end["position"] in (meta["position"], "end_of_data")
    assert stays, f"an empty page behind {meta['position']} says that it is at {end['position']}"


@requirement("CLI-25", QUEUED, UNACKNOWLEDGED, "GET /clients/{clientid}")
def test_messages_beyond_the_receive_maximum(target: Target) -> None:
    """A client is sent no more than it takes at once, its receive maximum: the others wait, and follow one by one."""
    target.capabilities.profile.limits.check_queue()
    client = target.subscriber(topic := target.sandbox.topic(), qos=1, manual_ack=True, receive_maximum=2)
    # EMQX tells in CONNACK where it takes less.
    window = min(2, client.limits.get("ReceiveMaximum", 2))
    for text in TEXTS:
        target.publish(topic, text, qos=1).expect(200)

    def held() -> tuple[list[str], ...]:
        pages = (target.clients.unacknowledged, target.clients.queued)
        return tuple(payloads([page(client.client_id, payload="plain").expect(200).json["data"]]) for page in pages)

    expected = (TEXTS[:window], TEXTS[window:])
    assert target.eventually(lambda: held() == expected), f"unacknowledged and waiting are {held()}, not {expected}"
    client.subscribe(target.sandbox.topic())  # EMQX shows what it counted when subscriptions change
    counts = {"inflight_cnt": window, "inflight_max": window, "mqueue_len": len(TEXTS) - window}

    def counted() -> dict[str, int]:
        shown = target.clients.read(client.client_id)
        return {name: shown[name] for name in counts}

    target.eventually(lambda: counted() == counts, target.timing.statistics)
    assert counted() == counts, f"the client is shown with {counted()}, expected {counts}"

    client.acknowledge(client.wait_for_messages(window)[0])
    expected = (TEXTS[1 : window + 1], TEXTS[window + 1 :])
    assert target.eventually(lambda: held() == expected), f"once one is acknowledged they are {held()}, not {expected}"
    client.wait_for_messages(window + 1)
    assert client.texts == TEXTS[: window + 1], f"the client received {client.texts}"


@requirement("CLI-26", QUEUED, "GET /clients/{clientid}", "POST /publish/bulk")
def test_full_queue_drops_the_oldest(target: Target) -> None:
    """Of more messages than may wait for a client the oldest is dropped, which is counted, and the others wait."""
    client_id = absent_client(target, topic := target.sandbox.topic(), qos=1)
    limits = target.capabilities.profile.limits
    shown = target.clients.read(client_id)["mqueue_max"]
    # The API does not tell the settings of a zone but the default one.
    most = shown if limits.zone is not None or limits.told_queue is None else limits.told_queue
    assert shown == most, f"the client is shown with mqueue_max {shown}, and mqtt.max_mqueue_len is {most}"
    if not isinstance(most, int) or not 0 < most <= LONGEST_QUEUE:
        not_demanded(f"on this target {most or 'any number of'} messages may wait for a client")
    texts = [str(number) for number in range(most + 1)]
    target.api.call("POST /publish/bulk", json=[{"topic": topic, "payload": text, "qos": 1} for text in texts])

    def held() -> list[str]:
        query = {"limit": LONGEST_QUEUE, "payload": "plain"}
        return payloads([target.clients.queued(client_id, **query).expect(200).json["data"]])

    target.eventually(lambda: held()[-1:] == texts[-1:])
    waiting = held()
    told = f"{len(waiting)} messages wait, from {waiting[:1]} to {waiting[-1:]}"
    assert waiting == texts[1:], f"{most + 1} messages were published, {told}; expected {texts[1]} to {texts[-1]}"
    expected = {"mqueue_len": most, "mqueue_dropped": 1, "send_msg.dropped.queue_full": 1}

    def counted() -> dict[str, int]:
        shown = target.clients.read(client_id)
        return {name: shown[name] for name in expected}

    target.eventually(lambda: counted() == expected, target.timing.statistics)
    assert counted() == expected, f"the client is shown with {counted()}, expected {expected}"


@requirement("CLI-22", QUEUED, UNACKNOWLEDGED)
@pytest.mark.parametrize("label", [QUEUED, UNACKNOWLEDGED])
def test_impossible_pages(target: Target, label: str) -> None:
    """A position, limit, payload form or byte limit that cannot be is answered with 400, an unknown client with 404."""
    client = {"clientid": target.connect().client_id}
    empty = target.api.call(label, path=client, query={"position": "none"}).expect(200).json
    assert empty["data"] == [], f"nothing waits, and the answer is {empty}"

    impossible: dict[str, tuple[Any, ...]] = {
        "position": ("zzz",),
        "limit": (0, -1, "x", 10_001),
        "payload": ("zzz",),
        "max_payload_bytes": (0, -1, "x"),
    }
    for name, values in impossible.items():
        for value in values:
            target.api.call(label, path=client, query={name: value}).expect(400)
    nobody = {"clientid": target.sandbox.name("nobody")}
    target.api.call(label, path=nobody).expect(404, code="CLIENTID_NOT_FOUND")


LIMIT = 1_000
"""Bytes of the greatest packet that a client of the following items takes."""


@requirement("CLI-30", "POST /publish", "GET /clients/{clientid}", provisional=True)
def test_message_larger_than_a_client_takes(target: Target) -> None:
    """A message larger than the greatest packet a client takes is not sent to it, but counted, and the next one is."""
    topic = target.sandbox.topic()
    client = target.connect(maximum_packet_size=LIMIT)
    client.subscribe(topic, 1)
    target.await_route(topic, client)
    qualities = (0, 1)
    for qos in qualities:
        target.publish(topic, "x" * LIMIT, qos=qos).expect(200)
    target.publish(topic, "small", qos=1).expect(200)

    client.wait_for_messages(1)
    assert client.texts == ["small"], f"after {len(qualities)} messages that are too large, {client.texts} arrived"
    assert client.connected, "the client lost its connection over a message that it does not take"
    client.subscribe(target.sandbox.topic())  # EMQX shows what it counted when subscriptions change

    def dropped() -> int:
        return int(target.clients.read(client.client_id)["send_msg.dropped.too_large"])

    target.eventually(lambda: dropped() == len(qualities), target.timing.statistics)
    assert dropped() == len(qualities), f"{len(qualities)} messages were too large, counted are {dropped()}"


@requirement("CLI-31", "POST /publish", UNACKNOWLEDGED, level="SHOULD")
def test_message_that_is_too_large_waits_for_nothing(target: Target) -> None:
    """A message that is too large for a client counts as sent [MQTT-3.1.2-25]: it keeps no place in its window."""
    topic = target.sandbox.topic()
    client = target.connect(receive_maximum=1, maximum_packet_size=LIMIT)
    client.subscribe(topic, 1)
    target.await_route(topic, client)
    for text in ("x" * LIMIT, "small"):
        target.publish(topic, text, qos=1).expect(200)

    client.wait_for_messages(1)
    assert client.texts == ["small"], f"behind the message that is too large for the client, {client.texts} arrived"

    def held() -> int:
        return len(target.clients.unacknowledged(client.client_id).expect(200).json["data"])

    assert target.eventually(lambda: not held()), f"{held()} messages wait for an acknowledgement that cannot come"
