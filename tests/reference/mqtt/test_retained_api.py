"""Retained messages over REST (RET-01 to RET-06)."""

from __future__ import annotations

import base64
from urllib.parse import quote


def path(topic):
    return f"/mqtt/retainer/message/{quote(topic, safe='')}"


def listed(target, **params):
    return target.api("GET", "/mqtt/retainer/messages", **params).json()


def retain(target, topic, payload, **extra):
    target.api("POST", "/publish", {"topic": topic, "payload": payload, "retain": True, **extra})


def test_message_is_shown_as_it_was_published(target, name):
    target.client(name, username="someone").publish(f"{name}/1", b"\xff\0", 1, retain=True)
    view = target.api("GET", path(f"{name}/1")).json()
    assert set(view) == {"msgid", "topic", "qos", "publish_at", "from_clientid", "from_username", "payload"}
    assert (view["topic"], view["qos"]) == (f"{name}/1", 1)
    assert (view["from_clientid"], view["from_username"]) == (name, "someone")
    assert base64.b64decode(view.pop("payload")) == b"\xff\0"
    assert listed(target, topic=f"{name}/#")["data"] == [view]


def test_one_message_per_topic_and_an_empty_payload_deletes(target, name):
    retain(target, name, "one")
    retain(target, name, "two")
    assert base64.b64decode(target.api("GET", path(name)).json()["payload"]) == b"two"
    assert len(listed(target, topic=name)["data"]) == 1
    retain(target, name, "")
    assert target.api("GET", path(name)).status_code == 404


def test_pages_and_filters(target, name):
    for number in range(4):
        retain(target, f"{name}/{number}", "x")
    retain(target, f"{name}-other", "x")
    pages = [listed(target, topic=f"{name}/+", page=number, limit=2) for number in (1, 2, 3)]
    assert [item["topic"] for page in pages for item in page["data"]] == [f"{name}/{number}" for number in range(4)]
    assert [page["meta"]["hasnext"] for page in pages] == [True, False, False]
    assert "count" not in pages[0]["meta"]
    everything = listed(target, limit=10000)
    assert everything["meta"]["count"] == len(everything["data"])
    assert target.api("GET", path(f"{name}/+")).json()["topic"] == f"{name}/0", "the oldest match"


def test_deleting_by_filter_takes_all_matches_only(target, name):
    for topic in (f"{name}/1", f"{name}/2", f"{name}-other"):
        retain(target, topic, "x")
    assert target.api("DELETE", path(f"{name}/#")).status_code == 204
    answer = target.api("DELETE", path(f"{name}/#"))
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert target.api("GET", path(f"{name}-other")).status_code == 200


def test_expired_messages_disappear(clock, timed_target, timed_recorded_target, name):
    """Also from the count, which 5.8.9 takes from a table that still holds them."""
    both = (timed_target, timed_recorded_target)
    for where in both:
        retain(where, name, "x", properties={"message_expiry_interval": 10})
        retain(where, f"{name}/kept", "x")
    clock.advance(9)
    for where in both:
        assert where.api("GET", path(name)).status_code == 200
        assert listed(where)["meta"]["count"] == 2
    clock.advance(1)
    for where, count in zip(both, (1, 2), strict=True):
        answer = listed(where)
        assert [item["topic"] for item in answer["data"]] == [f"{name}/kept"]
        assert answer["meta"]["count"] == count
        assert where.api("GET", path(name)).status_code == 404


def test_clearing_forgets_everything(recorded_target, name):
    retain(recorded_target, name, "x")
    for _ in range(2):
        assert recorded_target.api("DELETE", "/mqtt/retainer/messages").status_code == 204
    meta = {"count": 0, "limit": 100, "page": 1, "hasnext": False}
    assert listed(recorded_target) == {"data": [], "meta": meta}
