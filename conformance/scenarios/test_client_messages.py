"""Messages that wait for a client, or for its acknowledgement (CLI)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.target.http.answer import Answer
from conformance.target.resources.messages import payload_of
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

QUEUED = "GET /clients/{clientid}/mqueue_messages"
UNACKNOWLEDGED = "GET /clients/{clientid}/inflight_messages"

MOST_PAGES = 20
TEXTS = ["first", "second ü", "third", "fourth €", "fifth"]


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


def absent_client(target: Target, topic: str) -> str:
    """Client id of a session for which the messages of `TEXTS` on ``topic`` wait.

    Skips the item on a target that keeps sessions on disk.
    """
    client_id = target.offline_session(topic)
    if target.clients.queued(client_id, limit=1).status == 501:
        not_demanded("the target keeps sessions on disk, whose messages cannot be listed (501)")
    for text in TEXTS:
        target.publish(topic, text, qos=1).expect(200)
    target.eventually(lambda: len(target.clients.queued(client_id).expect(200).json["data"]) == len(TEXTS))
    return client_id


@requirement("CLI-11", QUEUED)
def test_queued_messages_page_by_page(target: Target) -> None:
    """The messages that wait for an absent client are listed in order, each on one page, in every payload form."""
    absent = absent_client(target, target.sandbox.topic())
    whole = target.clients.queued(absent, payload="plain").expect(200).json
    assert payloads([whole["data"]]) == TEXTS, f"waiting are {payloads([whole['data']])}"
    assert {message["qos"] for message in whole["data"]} == {1}, "the messages were published with QoS 1"

    for limit in (1, 2, len(TEXTS)):
        pages = walk(target.clients.queued, absent, limit=limit, payload="plain")
        assert payloads(pages) == TEXTS, f"pages of {limit} have {payloads(pages)}, expected {TEXTS}"
        assert max(map(len, pages)) <= limit, f"a page of {limit} has {max(map(len, pages))} messages"

    encoded = target.clients.queued(absent, payload="base64").expect(200).json["data"]
    assert [payload_of(message).decode() for message in encoded] == TEXTS, "base64 differs from plain"
    assert target.clients.queued(absent).expect(200).json["data"] == encoded, "base64 is not the default"
    without = target.clients.queued(absent, payload="none").expect(200).json["data"]
    assert [message["msgid"] for message in without] == [message["msgid"] for message in encoded], "none lists others"
    assert not any("payload" in message for message in without), "payload=none shows payloads"


@requirement("CLI-11", QUEUED, "GET /clients")
def test_queued_messages_are_counted_and_delivered(target: Target) -> None:
    """The client's mqueue_len is the number of waiting messages; once back it gets them in order, and none wait."""
    absent = absent_client(target, target.sandbox.topic())

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
    absent = absent_client(target, topic)
    target.publish(topic, base64.b64encode(b"\xff\x00").decode(), payload_encoding="base64", qos=1).expect(200)

    target.eventually(lambda: len(target.clients.queued(absent).expect(200).json["data"]) > len(TEXTS))
    last = target.clients.queued(absent).expect(200).json["data"][-1]
    assert payload_of(last) == b"\xff\x00", f"the payload ff 00 is shown in base64 as {last['payload']}"
    target.clients.queued(absent, payload="plain").expect(200, 400)


@requirement("CLI-12", QUEUED, level="SHOULD")
def test_small_pages_lose_nothing(target: Target) -> None:
    """Pages cut short by max_payload_bytes continue where they were cut: every message is on one of them."""
    absent = absent_client(target, target.sandbox.topic())
    pages = walk(target.clients.queued, absent, payload="plain", max_payload_bytes=15)
    assert payloads(pages) == TEXTS, f"pages of 15 bytes have {payloads(pages)}, waiting are {TEXTS}"
    assert len(pages) > 2, f"5 messages of 5 to 11 bytes fit on {len(pages)} pages of 15 bytes"


@requirement("CLI-13", UNACKNOWLEDGED)
def test_unacknowledged_messages(target: Target) -> None:
    """What was sent and not acknowledged yet is listed in order, each message on one page; acknowledged, it is not."""
    topic = target.sandbox.topic()
    client = target.subscriber(topic, qos=1, manual_ack=True)
    for text in TEXTS:
        target.publish(topic, text, qos=1).expect(200)
    messages = client.wait_for_messages(len(TEXTS))
    assert len(messages) == len(TEXTS), f"{len(messages)} of {len(TEXTS)} messages arrived"

    for limit in (2, 100):
        pages = walk(target.clients.unacknowledged, client.client_id, limit=limit, payload="plain")
        assert payloads(pages) == TEXTS, f"pages of {limit} have {payloads(pages)}, expected {TEXTS}"

    client.acknowledge(messages[0])
    remaining = target.eventually(
        lambda: payloads([target.clients.unacknowledged(client.client_id, payload="plain").json["data"]]) == TEXTS[1:]
    )
    assert remaining, "an acknowledged message is still listed, or another one is not"
    for message in messages[1:]:
        client.acknowledge(message)
    empty = target.eventually(lambda: target.clients.unacknowledged(client.client_id).expect(200).json["data"] == [])
    assert empty, "acknowledged messages are still listed"


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
