"""Subscribing over REST and listing subscriptions (CLI-05 to CLI-10, SUB-01, SUB-02)."""

from __future__ import annotations

import pytest


def topics(target, **params):
    return [item["topic"] for item in target.api("GET", "/subscriptions", **params).json()["data"]]


def test_rest_subscription_is_listed_delivers_and_ends(target, name, version):
    client = target.client(name, version)
    body = {"topic": f"{name}/+", "qos": 1}
    answer = target.api("POST", f"/clients/{name}/subscribe", body)
    expected = {"clientid": name, "topic": f"{name}/+", "qos": 1, "nl": 0, "rap": 0, "rh": 0, "node": "emqx@127.0.0.1"}
    assert (answer.status_code, answer.json()) == (200, expected)
    listed = [{**expected, "durable": False}]
    assert target.api("GET", f"/clients/{name}/subscriptions").json() == listed
    assert target.api("GET", "/subscriptions", clientid=name).json()["data"] == listed
    assert target.api("POST", "/publish", {"topic": f"{name}/a", "payload": "p", "qos": 2}).status_code == 200
    message = client.receive()
    assert (message.payload, message.qos) == (b"p", 1)
    for _ in range(2):
        assert target.api("POST", f"/clients/{name}/unsubscribe", {"topic": f"{name}/+"}).status_code == 204
    assert target.api("GET", f"/clients/{name}/subscriptions").json() == []
    assert target.api("POST", "/publish", {"topic": f"{name}/a", "payload": "p"}).status_code == 202


@pytest.mark.parametrize(("handling", "arrive"), [(0, True), (1, True), (2, False)])
def test_retained_messages_follow_retain_handling(target, name, handling, arrive):
    client = target.client(name)
    client.publish(name, b"kept", 1, retain=True)
    target.api("POST", f"/clients/{name}/subscribe", {"topic": name, "rh": handling})
    if arrive:
        message = client.receive()
        assert (message.payload, message.retain) == (b"kept", True)
    assert client.nothing_more()


def test_shared_filters_keep_their_prefix(target, name):
    members = [target.client(f"{name}-{number}") for number in range(2)]
    for number in range(2):
        answer = target.api("POST", f"/clients/{name}-{number}/subscribe", {"topic": f"$share/{name}/{name}/t"})
        assert answer.json()["topic"] == f"$share/{name}/{name}/t"
    assert topics(target, share_group=name) == [f"$share/{name}/{name}/t"] * 2
    for number in range(4):
        target.api("POST", "/publish", {"topic": f"{name}/t", "payload": str(number)})
    got = members[0].payloads(2) + members[1].payloads(2)
    assert sorted(got) == [b"0", b"1", b"2", b"3"]


# body, status by default and on the recorded server
SUBSCRIBES = [
    ({"topic": "$share/g/t", "nl": 1}, 400, 400),
    ({"topic": "$share/"}, 400, 500),
    ({"topic": "$share/g"}, 400, 500),
    ({"topic": "$exclusive/"}, 400, 500),
    ({"topic": "a/#/b"}, 400, 200),
    ({"topic": ""}, 400, 200),
    ({"topic": "t", "qos": 3}, 400, 400),
    ({"topic": "t", "x": 1}, 400, 400),
    ({"qos": 1}, 400, 400),
]


@pytest.mark.parametrize(("body", "status", "recorded_status"), SUBSCRIBES)
def test_bad_filters_are_refused_before_anything_changes(target, recorded_target, name, body, status, recorded_status):
    for where, expected in ((target, status), (recorded_target, recorded_status)):
        where.client(name)
        assert where.api("POST", f"/clients/{name}/subscribe", body).status_code == expected
        listed = where.api("GET", f"/clients/{name}/subscriptions").json()
        assert len(listed) == (1 if expected == 200 else 0)


@pytest.mark.parametrize(("body", "recorded_status"), [({}, 500), ({"topic": "$share/"}, 500)])
def test_bad_unsubscribes_are_refused(target, recorded_target, name, body, recorded_status):
    for where, expected in ((target, 400), (recorded_target, recorded_status)):
        where.client(name)
        answer = where.api("POST", f"/clients/{name}/unsubscribe", body)
        assert answer.status_code == expected
        assert "code" in answer.json()


def test_bulk_operations_answer_item_by_item(target, name):
    target.client(name)
    path = f"/clients/{name}/subscribe/bulk"
    answer = target.api("POST", path, [{"topic": f"{name}/1", "qos": 1}, {"topic": f"{name}/2"}]).json()
    assert [(item["topic"], item["qos"]) for item in answer] == [(f"{name}/1", 1), (f"{name}/2", 0)]
    mixed = target.api("POST", path, [{"topic": f"{name}/3"}, {"topic": "$share/"}]).json()
    assert [item["topic"] for item in mixed["succeed"]] == [f"{name}/3"]
    assert [item["data"] for item in mixed["failed"]] == [[name, "$share/", {"qos": 0, "nl": 0, "rap": 0, "rh": 0}]]
    gone = [{"topic": f"{name}/1"}, {"topic": "none"}, {"topic": f"{name}/3"}]
    assert target.api("POST", f"/clients/{name}/unsubscribe/bulk", gone).status_code == 204
    assert topics(target, clientid=name) == [f"{name}/2"]


def test_filters_and_order_of_the_list(target, recorded_target, name):
    a, b, g = f"{name}-a", f"{name}-b", f"{name}g"
    for where in (target, recorded_target):
        first, second = where.client(a), where.client(b)
        first.subscribe(f"{name}/1", 0)
        first.subscribe(f"{name}/+/x", 2)
        first.subscribe(f"$share/{g}/{name}/1", 1)
        first.subscribe(f"$queue/{name}/2", 0)
        second.subscribe(f"{name}/1", 1)
        assert topics(where, match_topic=f"{name}/#") == [
            f"{name}/1",
            f"{name}/1",
            f"{name}/+/x",
            f"$share/{g}/{name}/1",
            f"$queue/{name}/2",
        ], "plain topics backwards, then groups backwards"
        assert topics(where, match_topic=f"{name}/a/x") == []
        assert topics(where, clientid=a, qos=2) == [f"{name}/+/x"]
        assert topics(where, share_group=g, topic=f"{name}/1") == [f"$share/{g}/{name}/1"]
        assert f"$queue/{name}/2" in topics(where, share_group="$queue")
        assert topics(where, topic=f"{name}/1") == [f"{name}/1"] * 2
        assert "count" not in where.api("GET", "/subscriptions", match_topic="a").json()["meta"]
        assert where.api("GET", "/subscriptions", clientid=a).json()["meta"]["count"] == 4
    shared = f"$share/{g}/{name}/1"
    assert (topics(target, topic=shared), topics(recorded_target, topic=shared)) == ([shared], [])
    assert topics(target, clientid=a, durable="true") == []
    assert len(topics(recorded_target, clientid=a, durable="true")) == 4, "5.8.9 ignores the filter"


def test_match_topic_must_be_a_filter(target, recorded_target):
    for text, recorded_status in (("$share/g/t", 400), ("$queue/t", 400), ("a/#/b", 200)):
        assert target.api("GET", "/subscriptions", match_topic=text).json()["code"] == "INVALID_PARAMETER"
        assert recorded_target.api("GET", "/subscriptions", match_topic=text).status_code == recorded_status
