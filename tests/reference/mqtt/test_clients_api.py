"""GET /clients and its neighbours show what MQTT clients do (CLI-01 to CLI-04, PAG-11, PAG-12, AUTZ-12)."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from conformance.reference.mqtt.packets import Ack, PacketType, Publish
from tests.waiting import eventually

RECORDING = Path(__file__).parents[2] / "data" / "recordings" / "clients_crud.jsonl"


def recorded(step):
    lines = (json.loads(line) for line in RECORDING.read_text().splitlines())
    return next(line["response"]["body"] for line in lines if line["step"] == step)


def ids(target, **params):
    return [item["clientid"] for item in target.api("GET", "/clients", **params).json()["data"]]


def test_client_object_has_the_recorded_keys(target, name, version):
    client = target.client(name, version, keepalive=77, username="someone")
    view = target.api("GET", f"/clients/{name}").json()
    assert set(view) == set(recorded("a"))
    assert (view["clientid"], view["username"], view["proto_ver"]) == (name, "someone", version)
    assert (view["keepalive"], view["clean_start"], view["connected"]) == (77, True, True)
    assert (view["mountpoint"], view["subscriptions_max"], view["expiry_interval"]) == (None, "infinity", 0)
    assert view["port"] == client.paho.socket().getsockname()[1]


def test_session_away_shows_when_it_left_and_its_expiry_in_seconds(target, name):
    target.client(name, SessionExpiryInterval=300).close()
    view = eventually(lambda: (found := target.api("GET", f"/clients/{name}").json())["connected"] is False and found)
    assert set(view) == set(recorded("a_offline"))
    assert (view["expiry_interval"], view["is_persistent"]) == (300, True)
    assert name in ids(target, conn_state="disconnected")
    assert name not in ids(target, conn_state="connected")


def test_counters_follow_the_messages(target, name):
    client = target.client(name)
    client.subscribe(name, 1)
    for number in range(3):
        client.publish(name, str(number), 1)
    client.payloads(3)

    def settled():
        view = target.api("GET", f"/clients/{name}").json()
        return (view["recv_pkt"] == 8) and view  # CONNECT, SUBSCRIBE, three PUBLISH, three PUBACK

    view = eventually(settled)
    assert (view["recv_msg"], view["recv_msg.qos1"], view["send_msg"], view["send_msg.qos1"]) == (3, 3, 3, 3)
    assert (view["send_pkt"], view["subscriptions_cnt"], view["inflight_cnt"]) == (8, 1, 0)


def test_counters_of_the_recorded_server_are_reports(clock, timed_recorded_target, name, monkeypatch):
    """EMQX shows the statistics of its last report, which comes at SUBACK and then only after seconds."""
    monkeypatch.setattr("conformance.reference.mqtt.session.REPORT_SECONDS", 1000.0)
    client = timed_recorded_target.client(name, keepalive=0)
    client.subscribe(name, 1)
    client.publish(name, "x", 1)
    client.receive()
    view = timed_recorded_target.api("GET", f"/clients/{name}").json()
    assert (view["recv_pkt"], view["send_pkt"], view["recv_msg"]) == (2, 2, 0)
    clock.advance(1000)
    assert timed_recorded_target.api("GET", f"/clients/{name}").json()["recv_msg"] == 1


def test_filters_select_and_combine(target, name):
    a = target.client(f"{name}%a", 5, username=f"{name}-u1")
    target.client(f"{name}_b", 4, username=f"{name}-u2", clean=False)
    target.client(f"{name}_c", 5)
    everything = [f"{name}_c", f"{name}_b", f"{name}%a"]
    assert ids(target, like_clientid=name) == everything, "from the last client id to the first"
    assert ids(target, like_clientid=f"{name}%") == [f"{name}%a"], "% is an ordinary character"
    assert ids(target, clientid=[f"{name}%a", f"{name}_c", "nobody"]) == [f"{name}_c", f"{name}%a"]
    assert ids(target, username=[f"{name}-u1", f"{name}-u2"]) == [f"{name}_b", f"{name}%a"]
    assert ids(target, like_username=f"{name}-u", proto_ver="4") == [f"{name}_b"]
    assert ids(target, like_clientid=name, clean_start="false") == [f"{name}_b"]
    assert ids(target, like_clientid=name, ip_address="127.0.0.2") == []
    assert ids(target, like_clientid=name, ip_address="127.0.0.1") == everything
    assert ids(target, clientid=f"{name}_c", like_clientid="something else") == [f"{name}_c"], "exact beats fuzzy"
    view = target.api("GET", f"/clients/{quote(name + '%a', safe='')}").json()
    for bound in ("created_at", "connected_at"):
        instant = view[bound]
        assert f"{name}%a" in ids(target, like_clientid=name, **{f"gte_{bound}": instant, f"lte_{bound}": instant})
        assert ids(target, like_clientid=name, **{f"lte_{bound}": 1640995200000}) == []
        assert len(ids(target, like_clientid=name, **{f"gte_{bound}": "2022-01-01T00:00:00.000Z"})) == 3
    a.close()


def test_count_is_absent_for_fuzzy_filters(target, name):
    target.client(name)
    assert target.api("GET", "/clients", clientid=name).json()["meta"]["count"] == 1
    assert "count" not in target.api("GET", "/clients", like_clientid=name).json()["meta"]


def test_pages_add_up(target, recorded_target, name):
    for number in range(4):
        target.client(f"{name}-{number}")
        recorded_target.client(f"{name}-{number}")

    def page(where, number):
        return where.api("GET", "/clients", like_clientid=name, page=number, limit=2).json()

    pages = [page(target, number) for number in (1, 2, 3)]
    assert [item["clientid"] for part in pages for item in part["data"]] == ids(target, like_clientid=name)
    assert [part["meta"]["hasnext"] for part in pages] == [True, False, False]
    assert page(recorded_target, 2)["meta"]["hasnext"] is True, "5.8.9 announces a page that is empty"


def test_fields_selects_keys(target, name):
    target.client(name)
    answer = target.api("GET", "/clients", clientid=name, fields="clientid,connected").json()
    assert answer["data"] == [{"clientid": name, "connected": True}]


# query, status and code by default, status on the recorded server
REFUSED = [
    ({"ip_address": "x"}, 400, "INVALID_PARAMETER", 400),
    ({"proto_ver": "five"}, 400, "INVALID_PARAMETER", 400),
    ({"fields": "zzz"}, 400, "BAD_REQUEST", 400),
    ({"conn_state": "maybe"}, 400, "BAD_REQUEST", 400),
    ({"gte_created_at": "yesterday"}, 400, "BAD_REQUEST", 400),
    ({"lte_created_at": "2022-13-01T00:00:00Z"}, 400, "BAD_REQUEST", 400),
    ({"node": "emqx@127.0.0.1", "ip_address": "x"}, 400, "INVALID_PARAMETER", 500),
]


@pytest.mark.parametrize(("query", "status", "code", "recorded_status"), REFUSED)
def test_bad_filters_are_refused(target, recorded_target, query, status, code, recorded_status):
    answer = target.api("GET", "/clients", **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert recorded_target.api("GET", "/clients", **query).status_code == recorded_status


def test_unknown_node_has_no_clients(target, recorded_target, name):
    target.client(name)
    assert target.api("GET", "/clients", node="nope@nowhere").json()["data"] == []
    answer = recorded_target.api("GET", "/clients", node="nope@nowhere")
    assert (answer.status_code, answer.json()["code"]) == (500, "NODE_DOWN")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/authorization/cache"),
        ("DELETE", "/authorization/cache"),
        ("GET", "/subscriptions"),
        ("GET", "/mqueue_messages"),
        ("GET", "/inflight_messages"),
    ],
)
def test_unknown_client_is_not_found(target, method, path):
    answer = target.api(method, f"/clients/nobody{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "CLIENTID_NOT_FOUND")


def test_kickout_bulk_ends_exactly_the_named(target, name):
    kicked, stays = target.client(f"{name}/kö"), target.client(f"{name}-stays")
    assert target.api("POST", "/clients/kickout/bulk", [f"{name}/kö", "nobody"]).status_code == 204
    assert kicked.disconnection() == (True, 0x98)
    stays.subscribe(name)
    assert target.api("GET", f"/clients/{quote(name + '/kö', safe='')}").status_code == 404


def test_authorization_cache_remembers_until_it_is_cleared(target, name):
    """AUTZ-12: a changed rule reaches a connected client after DELETE of its cache."""
    rules = f"/authorization/sources/built_in_database/rules/clients/{name}"
    client = target.client(name)
    client.subscribe(name, 1)
    assert client.publish(name, qos=1) == 0
    cache = target.api("GET", f"/clients/{name}/authorization/cache").json()
    assert [(item["access"], item["topic"], item["result"]) for item in cache] == [
        ({"action_type": "publish", "qos": 1, "retain": False}, name, "allow"),
        ({"action_type": "subscribe", "qos": 1}, name, "allow"),
    ]
    deny = {"clientid": name, "rules": [{"topic": name, "permission": "deny", "action": "publish"}]}
    assert target.api("PUT", rules, deny).status_code == 204
    assert client.publish(name, qos=1) == 0, "the old decision holds"
    assert target.api("DELETE", f"/clients/{name}/authorization/cache").status_code == 204
    assert client.publish(name, qos=1) == 0x87
    raw = target.raw()
    raw.connect(f"{name}-raw")
    target.api("PUT", rules.replace(name, f"{name}-raw"), {**deny, "clientid": f"{name}-raw"})
    raw.send(Publish(name, b"", 2, packet_id=1))
    assert raw.read() == Ack(PacketType.PUBREC, 1, 0x87)
    cache = target.api("GET", f"/clients/{name}/authorization/cache").json()
    assert {item["result"] for item in cache} == {"deny"}
    for clientid in (name, f"{name}-raw"):
        target.api("DELETE", rules.replace(name, clientid))


def test_denied_actions_look_like_each_version_says(target, name, version):
    rules = f"/authorization/sources/built_in_database/rules/clients/{name}"
    deny = {"clientid": name, "rules": [{"topic": f"{name}/#", "permission": "deny", "action": "all"}]}
    assert target.api("PUT", rules, deny).status_code == 204
    watcher = target.client(f"{name}-watch")
    watcher.subscribe(f"{name}/a", 1)
    client = target.client(name, version)
    assert client.subscribe(f"{name}/a") == (0x87 if version == 5 else 0x80)
    assert client.publish(f"{name}/a", qos=1) == (0x87 if version == 5 else 0)
    assert client.publish(f"{name}/a", qos=0) == 0
    assert watcher.nothing_more()
    target.api("DELETE", rules)


def test_ban_refuses_connects_and_ends_the_session(target, name, version):
    client = target.client(name, version)
    assert target.api("POST", "/banned", {"as": "clientid", "who": name}).status_code == 200
    client.disconnection()
    refused = target.raw(version).connect(name)
    assert refused.reason == (0x8A if version == 5 else 5)
    assert target.api("DELETE", f"/banned/clientid/{name}").status_code == 204
    assert target.raw(version).connect(name).reason == 0
