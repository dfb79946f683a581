"""Connections and sessions: CONNACK, persistence, take-over, kick, wills, keep-alive, expiry."""

from __future__ import annotations

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from conformance.reference.mqtt.packets import (
    Ack,
    Connect,
    Disconnect,
    PacketType,
    Publish,
    Subscribe,
    SubscribeOptions,
    Will,
)
from tests.waiting import eventually

OFFERED = {
    "ReceiveMaximum": 32,
    "TopicAliasMaximum": 65535,
    "RetainAvailable": 1,
    "MaximumPacketSize": 1048576,
    "WildcardSubscriptionAvailable": 1,
    "SubscriptionIdentifierAvailable": 1,
    "SharedSubscriptionAvailable": 1,
}


def test_connack_offers_what_was_recorded(target, name):
    client = target.client(name)
    assert (client.code, client.session_present) == (0, False)
    assert {key: getattr(client.connack, key) for key in OFFERED} == OFFERED


def test_empty_client_id_is_assigned(target):
    client = target.client("")
    assigned = client.connack.AssignedClientIdentifier
    assert target.api("GET", f"/clients/{assigned}").json()["connected"] is True


def test_empty_client_id_without_clean_session_is_refused(target):
    raw = target.raw(4)
    assert raw.connect("", clean_start=False).reason == 2
    assert raw.read() is None


@pytest.mark.parametrize("level", [0, 2, 6, 0x84])
def test_unknown_protocol_level_is_refused(target, level):
    raw = target.raw(4)
    raw.send_bytes(bytes.fromhex("100d00044d515454") + bytes([level]) + bytes.fromhex("02003c000161"))
    assert raw.read().reason == 1
    assert raw.read() is None


def test_extended_authentication_is_refused(target, name):
    assert target.raw().connect(name, properties={"authentication_method": "SCRAM"}).reason == 0x8C


def test_second_connect_ends_the_connection(target, name):
    raw = target.raw()
    raw.connect(name)
    raw.send(Connect(name))
    assert raw.read() == Disconnect(0x82)
    assert raw.read() is None


def test_session_keeps_subscriptions_and_messages(target, name, version):
    options = {"SessionExpiryInterval": 60} if version == 5 else {}
    client = target.client(name, version, clean=version == 5, **options)
    client.subscribe(f"{name}/a", 1)
    client.close()
    _wait_until_away(target, name)
    other = target.client(f"{name}-other", version)
    for number in range(3):
        assert other.publish(f"{name}/a", str(number).encode(), 1) == 0
    again = target.client(name, version, clean=False, **options)
    assert again.session_present
    assert again.payloads(3) == [b"0", b"1", b"2"]


def test_clean_start_begins_anew(target, name, version):
    options = {"SessionExpiryInterval": 60} if version == 5 else {}
    first = target.client(name, version, clean=version == 5, **options)
    first.subscribe(name, 1)
    first.close()
    assert not target.client(name, version, clean=True).session_present
    assert target.api("GET", f"/clients/{name}/subscriptions").json() == []


def test_unacknowledged_messages_are_repeated(target, name):
    raw = target.raw()
    raw.connect(name, properties={"session_expiry_interval": 60})
    raw.send(Subscribe(1, [(name, SubscribeOptions(qos=2))]))
    raw.read()
    publisher = target.client(f"{name}-pub")
    publisher.publish(name, b"released", 2)
    publisher.publish(name, b"open", 2)
    released, opened = raw.read(), raw.read()
    raw.send(Ack(PacketType.PUBREC, released.packet_id))
    assert raw.read() == Ack(PacketType.PUBREL, released.packet_id)
    raw.close()
    again = target.raw()
    assert again.connect(name, clean_start=False).session_present
    assert again.read() == Ack(PacketType.PUBREL, released.packet_id)
    assert again.read() == Publish(name, b"open", 2, dup=True, packet_id=opened.packet_id)


def test_second_connection_takes_over(target, name, version):
    first = target.client(name, version)
    second = target.client(name, version)
    from_server, code = first.disconnection()
    assert (from_server, code) == ((True, 0x8E) if version == 5 else (False, code))
    second.subscribe(name)
    second.publish(name, b"alive")
    assert second.receive().payload == b"alive"


def test_kicked_client_is_told_and_its_session_is_gone(target, name, version):
    watcher = target.client(f"{name}-watch")
    watcher.subscribe(f"{name}/will", 1)
    options = {"SessionExpiryInterval": 60} if version == 5 else {}
    will = {"topic": f"{name}/will", "payload": "bye", "qos": 1}
    client = target.client(name, version, clean=version == 5, will=will, **options)
    assert target.api("DELETE", f"/clients/{name}").status_code == 204
    from_server, code = client.disconnection()
    assert (from_server, code) == ((True, 0x98) if version == 5 else (False, code))
    assert watcher.receive().payload == b"bye"
    assert target.api("GET", f"/clients/{name}").status_code == 404
    assert not target.client(name, version, clean=False).session_present


def test_will_is_published_for_a_client_that_vanished_only(target, name, version):
    watcher = target.client(f"{name}-watch")
    watcher.subscribe(f"{name}/+", 1)
    for clientid in ("polite", "gone"):
        client = target.client(f"{name}-{clientid}", version, will={"topic": f"{name}/{clientid}", "payload": "w"})
        if clientid == "polite":
            client.close()
        else:
            client.paho.socket().close()
    assert watcher.receive().topic == f"{name}/gone"
    assert watcher.nothing_more()


def test_disconnect_with_will_publishes_it(target, name):
    watcher = target.client(f"{name}-watch")
    watcher.subscribe(f"{name}/will")
    client = target.client(name, will={"topic": f"{name}/will", "payload": "w", "retain": True})
    client.paho.disconnect(reasoncode=ReasonCode(PacketTypes.DISCONNECT, identifier=4))
    assert watcher.receive().payload == b"w"


def test_keep_alive_session_expiry_and_will_delay_run_out(clock, timed_target, name):
    """A silent client gets 0x8D after 1.5 keep-alives; a delayed will and the session's end come in their time."""
    target = timed_target
    watcher = target.client(f"{name}-watch", keepalive=0)
    watcher.subscribe(f"{name}/+")
    silent, delayed, short = target.raw(), target.raw(), target.raw()
    silent.connect(f"{name}-silent", keepalive=1000)
    delayed.connect(f"{name}-delayed", will=_will(f"{name}/delayed", 1000), properties=_expiry(9000))
    short.connect(f"{name}-short", will=_will(f"{name}/short", 9000), properties=_expiry(1000))
    for clientid, leaving in (("delayed", delayed), ("short", short)):
        leaving.close()
        _wait_until_away(target, f"{name}-{clientid}")
    clock.advance(500)
    assert watcher.nothing_more(), "no will comes before its time"
    assert target.api("GET", f"/clients/{name}-short").status_code == 200
    clock.advance(600)
    assert sorted(watcher.receive().topic for _ in range(2)) == [f"{name}/delayed", f"{name}/short"]
    assert target.api("GET", f"/clients/{name}-delayed").status_code == 200
    assert target.api("GET", f"/clients/{name}-short").status_code == 404
    assert target.api("GET", f"/clients/{name}-silent").json()["connected"]
    clock.advance(500)
    assert silent.read() == Disconnect(0x8D)
    assert silent.read() is None


def _expiry(seconds):
    return {"session_expiry_interval": seconds}


def _wait_until_away(target, clientid):
    eventually(lambda: not target.api("GET", f"/clients/{clientid}").json()["connected"])


def _will(topic, delay):
    return Will(topic, b"w", properties={"will_delay_interval": delay})


def test_reconnecting_cancels_a_delayed_will(clock, timed_target, name):
    watcher = timed_target.client(f"{name}-watch", keepalive=0)
    watcher.subscribe(f"{name}/#")
    first, second = timed_target.raw(), timed_target.raw()
    first.connect(name, will=_will(f"{name}/will", 1000), properties=_expiry(9000))
    first.close()
    _wait_until_away(timed_target, name)
    second.connect(name, clean_start=False, properties=_expiry(9000))
    second.send(Disconnect())
    assert second.read() is None
    _wait_until_away(timed_target, name)
    clock.advance(1100)
    assert watcher.nothing_more()
    assert timed_target.api("GET", f"/clients/{name}").status_code == 200


def test_disconnect_can_change_the_session_expiry(target, name):
    raw = target.raw()
    raw.connect(name, properties={"session_expiry_interval": 60})
    raw.send(Disconnect(properties={"session_expiry_interval": 0}))
    assert raw.read() is None
    eventually(lambda: target.api("GET", f"/clients/{name}").status_code == 404)


def test_session_expiry_cannot_be_invented_at_disconnect(target, name):
    raw = target.raw()
    raw.connect(name)
    raw.send(Disconnect(properties={"session_expiry_interval": 60}))
    assert raw.read() == Disconnect(0x82)


# packets after CONNECT, reason code of the answer
BROKEN = [
    pytest.param([Publish("a/+", b"")], 0x90, id="wildcard in a topic name"),
    pytest.param([Publish("", b"")], 0x90, id="empty topic name"),
    pytest.param([Publish("", b"", properties={"topic_alias": 1})], 0x82, id="unknown topic alias"),
    pytest.param([Publish("a", b"", properties={"subscription_identifier": [1]})], 0x82, id="identifier from a client"),
    pytest.param([Subscribe(1, [("a/#/b", SubscribeOptions())])], 0x8F, id="malformed filter"),
    pytest.param([Subscribe(1, [("$share/g", SubscribeOptions())])], 0x8F, id="malformed share"),
    pytest.param([Subscribe(1, [("$share/g/t", SubscribeOptions(nl=1))])], 0x82, id="no local on a share"),
    pytest.param([Publish("a", b"", 2, packet_id=i) for i in range(1, 102)], 0x93, id="101 unreleased QoS 2 messages"),
]


@pytest.mark.parametrize(("packets", "reason"), BROKEN)
def test_protocol_errors_are_named(target, name, packets, reason):
    raw = target.raw()
    raw.connect(name)
    raw.send(*packets)
    answer = raw.read()
    while isinstance(answer, Ack):
        answer = raw.read()
    assert answer == Disconnect(reason)
    assert raw.read() is None
