"""Bans: normal forms, expiry, filters, and the REST operations."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from conformance.reference.access import bans as module
from conformance.reference.access.bans import BadSubject, BadTime, Ban, BanTable, format_time, parse_time
from tests.recorded import RECORDED


@pytest.mark.parametrize(
    ("kind", "who", "stored"),
    [
        ("clientid", "any thing", "any thing"),
        ("peerhost", "10.1.2.3", "10.1.2.3"),
        ("peerhost", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("peerhost", "::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("peerhost_net", "10.8.1.1/16", "10.8.0.0/16"),
        ("peerhost_net", "10.0.0.1", "10.0.0.1/32"),
        ("peerhost_net", "2001:db8::1", "2001:db8::1/128"),
        ("clientid_re", "^a[0-9]+$", "^a[0-9]+$"),
    ],
)
def test_subjects_have_a_normal_form(kind, who, stored):
    table = BanTable()
    assert table.normalise(kind, who) == stored
    assert table.normalise(kind, stored) == stored


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("peerhost", "notip"),
        ("peerhost", "10.1"),
        ("peerhost", ""),
        ("peerhost_net", "10.0.0.0/99"),
        ("peerhost_net", "10.0.0.0/255.0.0.0"),
        ("peerhost_net", "10.0.0.0/"),
        ("clientid_re", "["),
        ("username_re", "(?P<"),
    ],
)
def test_bad_subjects(kind, who):
    with pytest.raises(BadSubject):
        BanTable().normalise(kind, who)


def test_recorded_server_reads_short_addresses():
    assert BanTable(RECORDED).normalise("peerhost", "10.1") == "10.0.0.1"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (0, 0),
        (253402214400, 253402214400),
        ("2021-10-25T21:48:47+08:00", 1635169727),
        ("2021-10-25T13:48:47Z", 1635169727),
        ("2021-10-25t13:48:47.9z", 1635169727),
    ],
)
def test_times_are_the_same_instant(given, seconds):
    assert parse_time(given) == seconds
    assert parse_time(format_time(seconds)) == seconds


@pytest.mark.parametrize(
    "given", [-1, 253402214401, "junk", "2021-10-25", "2021-13-25T00:00:00Z", "2021-10-25T00:00:00"]
)
def test_bad_times(given):
    with pytest.raises(BadTime):
        parse_time(given)


@pytest.fixture
def clock(monkeypatch):
    """The time bans are judged at; ``clock.now`` can be set."""

    class Clock:
        now = 1_000_000.0

    monkeypatch.setattr(module.time, "time", lambda: Clock.now)
    return Clock


BAN = Ban("clientid", "c", "me", "", 0, 1_000_010)


@pytest.mark.parametrize(
    ("kind", "who", "hit", "miss"),
    [
        ("clientid", "c", ("c", "u", "10.0.0.1"), ("d", "u", "10.0.0.1")),
        ("username", "u", ("c", "u", "10.0.0.1"), ("u", None, "10.0.0.1")),
        ("peerhost", "10.0.0.1", ("c", None, "10.0.0.1"), ("c", None, "10.0.0.2")),
        ("clientid_re", "^c[0-9]$", ("c1", None, "::1"), ("xc1", None, "::1")),
        ("username_re", "o", ("c", "foo", "::1"), ("foo", None, "::1")),
        ("peerhost_net", "10.0.0.0/30", ("c", None, "10.0.0.3"), ("c", None, "10.0.0.4")),
    ],
)
def test_each_kind_covers_what_it_says_until_it_expires(clock, kind, who, hit, miss):
    table = BanTable()
    table.put(replace(BAN, kind=kind, who=who))
    assert table.covers(*hit)
    assert not table.covers(*miss)
    clock.now += 10
    assert not table.covers(*hit)


def test_expired_bans_vanish_at_once_or_on_the_recorded_server_after_a_minute(clock):
    default, recorded = BanTable(), BanTable(RECORDED)
    for table in (default, recorded):
        table.put(BAN)
    clock.now += 11
    assert default.listed() == []
    assert recorded.listed() == [BAN]
    clock.now += 60
    assert recorded.listed() == []


def test_answer_is_the_ban_with_defaults(world):
    ban = world.call("POST", "/banned", {"as": "clientid", "who": "c"}).json()
    assert {name: ban[name] for name in ("as", "who", "by", "reason", "until")} == {
        "as": "clientid",
        "who": "c",
        "by": "mgmt_api",
        "reason": "",
        "until": "infinity",
    }
    assert world.call("GET", "/banned").json() == {"data": [ban], "meta": {"page": 1, "limit": 100, "count": 1}}


def test_duplicate_carries_the_existing_ban(world):
    first = world.call("POST", "/banned", {"as": "username", "who": "u", "until": 4000000000}).json()
    answer = world.call("POST", "/banned", {"as": "username", "who": "u"})
    assert (answer.status_code, answer.json()["code"]) == (400, "ALREADY_EXISTS")
    assert json.loads(answer.json()["message"]) == first


def test_expired_ban_can_be_replaced(world):
    def expire(deployment):
        deployment.access.bans.put(Ban("clientid", "c", "me", "", 0, 1))

    world.deployment.call(expire)
    assert world.status("POST", "/banned", {"as": "clientid", "who": "c"}) == 200


@pytest.mark.parametrize(
    "body",
    [
        {"as": "clientid", "who": "p", "until": "2001-01-01T00:00:00Z"},
        {"as": "clientid", "who": "p", "until": 1},
        {"as": "clientid", "who": "p", "until": "junk"},
        {"as": "clientid", "who": "p", "until": 99999999999999},
        {"as": "clientid", "who": "p", "at": "junk"},
        {"as": "peerhost", "who": "notip"},
        {"as": "zzz", "who": "p"},
        {"as": "clientid", "who": 5},
        {"as": "clientid"},
    ],
)
def test_bad_ban_is_refused(world, body):
    answer = world.call("POST", "/banned", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert world.call("GET", "/banned").json()["data"] == []


def test_filters(world):
    for kind, who in (("clientid", "c1"), ("clientid_re", "^c"), ("username", "c1"), ("peerhost_net", "10.0.0.0/8")):
        assert world.status("POST", "/banned", {"as": kind, "who": who}) == 200

    def found(**params):
        answer = world.call("GET", "/banned", params=params).json()
        return {(ban["as"], ban["who"]) for ban in answer["data"]}, answer["meta"]

    assert found(clientid="c1") == ({("clientid", "c1")}, {"page": 1, "limit": 100, "count": 1, "hasnext": False})
    assert found(clientid="c")[0] == set()
    assert found(like_clientid="c")[0] == {("clientid", "c1"), ("clientid_re", "^c")}
    assert found(like_clientid="1$") == ({("clientid", "c1")}, {"page": 1, "limit": 100, "hasnext": False})
    assert found(like_peerhost_net="10")[0] == {("peerhost_net", "10.0.0.0/8")}
    assert found(clientid="c1", like_clientid="zzz")[0] == {("clientid", "c1")}
    assert found(clientid="c1", page=2, limit=1)[0] == {("clientid", "c1")}


@pytest.mark.parametrize(
    "params",
    [
        {"clientid": "a", "username": "b"},
        {"like_clientid": "a", "like_username": "b"},
        {"like_clientid": "["},
        {"peerhost": "x"},
    ],
)
def test_bad_filters(world, params):
    answer = world.call("GET", "/banned", params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(("kind", "who"), [("peerhost", "notip"), ("peerhost_net", "notip"), ("clientid_re", "%5B")])
def test_deleting_an_impossible_subject(world, recorded_world, kind, who):
    assert world.status("DELETE", f"/banned/{kind}/{who}") == 400
    assert recorded_world.status("DELETE", f"/banned/{kind}/{who}") == 500


def test_deleting_one_and_all(world):
    for who in ("10.9.1.1/16", "10.8.0.0/16"):
        world.status("POST", "/banned", {"as": "peerhost_net", "who": who})
    assert world.status("DELETE", "/banned/peerhost_net/10.9.2.2%2F16") == 204
    assert world.status("DELETE", "/banned/peerhost_net/10.9.0.0%2F16") == 404
    assert world.status("DELETE", "/banned") == 204
    assert world.call("GET", "/banned").json()["data"] == []


def test_messages_of_a_client_are_held_back_by_bans_of_its_id():
    table = BanTable()
    table.put(Ban("clientid", "a", "me", "", 0, None))
    table.put(Ban("clientid_re", "^b", "me", "", 0, None))
    table.put(Ban("clientid", "over", "me", "", 0, 1))
    table.put(Ban("username", "u", "me", "", 0, None))
    table.put(Ban("peerhost_net", "0.0.0.0/0", "me", "", 0, None))
    held = {clientid: table.covers_client(clientid) for clientid in ("a", "bcd", "ab", "over", "u")}
    assert held == {"a": True, "bcd": True, "ab": False, "over": False, "u": False}
