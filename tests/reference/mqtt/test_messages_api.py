"""mqueue and inflight pages (CLI-11 to CLI-13)."""

from __future__ import annotations

import base64

import pytest

from conformance.reference.mqtt.packets import Ack, PacketType, Subscribe, SubscribeOptions
from tests.waiting import eventually


def away(target, name, payloads):
    """A session whose client is away and for which ``payloads`` are queued."""
    client = target.client(name, SessionExpiryInterval=60)
    client.subscribe(f"{name}/#", 1)
    client.close()
    eventually(lambda: not target.api("GET", f"/clients/{name}").json()["connected"])
    for number, payload in enumerate(payloads):
        body = {"topic": f"{name}/{number}", "qos": 1, "payload_encoding": "base64"}
        body["payload"] = base64.b64encode(payload).decode()
        assert target.api("POST", "/publish", body).status_code == 200


def walk(target, name, what="mqueue_messages", **params):
    """All messages by following positions, and how many pages that took."""
    found, pages, position = [], 0, "none"
    while True:
        page = target.api("GET", f"/clients/{name}/{what}", position=position, **params).json()
        if not page["data"]:
            assert page["meta"]["position"] == position, "an exhausted queue repeats the position"
            return found, pages
        found += page["data"]
        position = page["meta"]["position"]
        pages += 1


def test_queue_is_walked_once_in_order(target, name):
    payloads = [f"payload-{number}".encode() for number in range(5)]
    away(target, name, payloads)
    found, pages = walk(target, name, limit=2)
    assert [base64.b64decode(item["payload"]) for item in found] == payloads
    assert pages == 3
    whole = target.api("GET", f"/clients/{name}/mqueue_messages").json()
    assert whole["data"] == found
    assert whole["meta"]["start"] == f"{found[0]['inserted_at']}_0"
    assert whole["meta"]["position"] == f"{found[-1]['inserted_at']}_0"
    assert set(found[0]) == {
        "msgid",
        "topic",
        "qos",
        "publish_at",
        "inserted_at",
        "from_clientid",
        "from_username",
        "payload",
        "mqueue_priority",
    }
    assert (found[0]["from_clientid"], found[0]["from_username"], found[0]["mqueue_priority"]) == ("http_api", "", 0)
    assert target.api("GET", f"/clients/{name}").json()["mqueue_len"] == 5


def test_payload_forms_agree(target, name):
    away(target, name, [b"text", b"\xff\0"])
    forms = {
        form: target.api("GET", f"/clients/{name}/mqueue_messages", payload=form).json()["data"]
        for form in ("none", "base64", "plain")
    }
    assert ["payload" in item for item in forms["none"]] == [False, False]
    assert [item["payload"] for item in forms["plain"]] == ["text", "�\0"]
    assert [base64.b64decode(item["payload"]) for item in forms["base64"]] == [b"text", b"\xff\0"]


def test_small_byte_limits_lose_nothing(target, recorded_target, name):
    """CLI-12; 5.8.9 skips what it cut off (emqx#18506)."""
    payloads = [b"x" * 10 for _ in range(4)]
    away(target, name, payloads)
    found, pages = walk(target, name, max_payload_bytes="20", payload="plain")
    assert ([item["payload"] for item in found], pages) == (["x" * 10] * 4, 2)
    found, pages = walk(target, name, max_payload_bytes="1")
    assert (len(found), pages) == (4, 4), "the first message is always there"
    away(recorded_target, name, payloads)
    assert len(walk(recorded_target, name, max_payload_bytes="20", payload="plain")[0]) == 2


def test_empty_queue_has_no_positions(target, name):
    target.client(name)
    for what in ("mqueue_messages", "inflight_messages"):
        answer = target.api("GET", f"/clients/{name}/{what}").json()
        assert answer == {"data": [], "meta": {"start": "none", "position": "none"}}


# query, code
REFUSED = [
    ({"position": "zzz"}, "INVALID_PARAMETER"),
    ({"position": "1_x"}, "INVALID_PARAMETER"),
    ({"limit": 0}, "BAD_REQUEST"),
    ({"limit": 10001}, "BAD_REQUEST"),
    ({"payload": "hex"}, "BAD_REQUEST"),
    ({"max_payload_bytes": "0MB"}, "BAD_REQUEST"),
    ({"max_payload_bytes": "-1"}, "BAD_REQUEST"),
]


@pytest.mark.parametrize(("query", "code"), REFUSED)
def test_bad_queries_are_refused(target, name, query, code):
    target.client(name)
    for what in ("mqueue_messages", "inflight_messages"):
        answer = target.api("GET", f"/clients/{name}/{what}", **query)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_end_of_data_is_a_documented_position(target, recorded_target, name):
    """Erratum D3: 5.8.9 refuses it."""
    away(target, name, [b"x"])
    answer = target.api("GET", f"/clients/{name}/mqueue_messages", position="end_of_data")
    assert (answer.status_code, answer.json()["data"]) == (200, [])
    recorded_target.client(name)
    assert recorded_target.api("GET", f"/clients/{name}/mqueue_messages", position="end_of_data").status_code == 400


def test_inflight_shows_what_is_not_acknowledged(target, name):
    raw = target.raw()
    raw.connect(name)
    raw.send(Subscribe(1, [(name, SubscribeOptions(qos=1))]))
    raw.read()
    publisher = target.client(f"{name}-pub", username="sender")
    for payload in (b"a", b"b", b"c"):
        publisher.publish(name, payload, 1)
    sent = [raw.read() for _ in range(3)]
    found, pages = walk(target, name, "inflight_messages", limit=2, payload="plain")
    assert ([item["payload"] for item in found], pages) == (["a", "b", "c"], 2)
    assert (found[0]["from_clientid"], found[0]["from_username"]) == (f"{name}-pub", "sender")
    assert "mqueue_priority" not in found[0]
    page = target.api("GET", f"/clients/{name}/inflight_messages").json()
    assert page["meta"] == {"start": found[0]["inserted_at"], "position": found[-1]["inserted_at"]}
    for packet in sent:
        raw.send(Ack(PacketType.PUBACK, packet.packet_id))
    eventually(lambda: not target.api("GET", f"/clients/{name}/inflight_messages").json()["data"])
