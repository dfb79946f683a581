"""Clients as GET /clients shows them (CLI)."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

LIST = "GET /clients"
READ = "GET /clients/{clientid}"

IMPOSSIBLE = {
    "ip_address": "nowhere", "proto_ver": "five", "conn_state": "sleeping", "clean_start": "maybe",
    "gte_created_at": "yesterday", "lte_created_at": "2020-13-01T00:00:00Z", "gte_connected_at": "1.5",
    "lte_connected_at": "soon", "fields": "clientid,shoe_size",
}  # fmt: skip
"""Query parameter -> a value it cannot have."""


@requirement("CLI-01", READ, LIST)
@pytest.mark.parametrize("protocol", [5, 4], ids=["mqtt5", "mqtt3.1.1"])
def test_connected_client_is_shown(target: Target, protocol: int) -> None:
    """A connected client is shown with what its CONNECT said; its session's expiry interval is in seconds."""
    options: dict[str, Any] = {"session_expiry_s": 300} if protocol == 5 else {}
    if not target.capabilities.profile.demands_users:
        options["username"] = target.sandbox.name("user")
    with target.connect(protocol=protocol, keepalive_s=77, **options) as client:
        shown = target.clients.read(client.client_id)
        listed = target.clients.listed(clientid=client.client_id)

    # A broker may grant other intervals than it was asked for, and says so in CONNACK.
    expected: dict[str, Any] = {
        "clientid": client.client_id,
        "username": client.username,
        "proto_ver": protocol,
        "keepalive": client.limits.get("ServerKeepAlive", 77),
        "clean_start": True,
        "expiry_interval": client.limits.get("SessionExpiryInterval", options.get("session_expiry_s", 0)),
        "connected": True,
    }
    seen = {name: shown.get(name) for name in expected}
    assert seen == expected, f"shown as {seen}, connected with {expected}"
    in_list = [{name: entry.get(name) for name in expected} for entry in listed]
    assert in_list == [expected], f"listed as {in_list}, connected with {expected}"


@requirement("CLI-04", READ)
def test_messages_are_counted(target: Target) -> None:
    """The counters recv_msg and send_msg of a client are those of the messages exchanged, and never go back."""
    topic = target.sandbox.topic()
    client = target.connect()
    client.subscribe(topic, target.capabilities.profile.limits.subscribing(1))
    for payload, qos in (("one", 0), ("two", 1), ("three", 1)):
        client.publish(topic, payload, qos)
    nobody, most = target.sandbox.topic(), target.capabilities.profile.limits.max_qos
    client.publish(nobody, "to nobody", most)
    assert len(client.wait_for_messages(3)) == 3, "the client does not receive what it publishes"
    client.subscribe(topic)  # EMQX shows what it counted when subscriptions change, else by a timer, 15 s later

    samples = [(0, 0)]

    def counted() -> bool:
        shown = target.clients.read(client.client_id)
        samples.append((shown["recv_msg"], shown["send_msg"]))
        return samples[-1] == (4, 3)

    target.eventually(counted, target.timing.statistics)
    counted()
    assert samples[-1] == (4, 3), f"4 messages received and 3 sent, but recv_msg, send_msg are {samples[-1]}"
    for earlier, later in pairwise(samples):
        went_back = later[0] < earlier[0] or later[1] < earlier[1]
        assert not went_back, f"recv_msg, send_msg went from {earlier} to {later}"
    expected = {"recv_msg.qos0": 1, "recv_msg.qos1": 2, "recv_msg.qos2": 0}
    expected[f"recv_msg.qos{most}"] += 1
    expected |= {"send_msg.qos0": 1, "send_msg.qos1": 2, "send_msg.qos2": 0}
    shown = target.clients.read(client.client_id)
    exchanged = (shown["recv_oct"], shown["send_oct"])
    assert min(exchanged) > len("onetwothree"), f"recv_oct, send_oct are {exchanged}, less than the payloads alone"
    by_qos = {name: shown[name] for name in expected}
    assert by_qos == expected, f"by QoS they are {by_qos}, expected {expected}"


@requirement("CLI-14", LIST)
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_filter_values(target: Target, name: str) -> None:
    """A filter of GET /clients with a value that it cannot have is answered with 400."""
    target.api.call(LIST, query={"limit": 1}).expect(200)
    target.api.call(LIST, query={name: IMPOSSIBLE[name]}).expect(400)


@requirement("CLI-15", LIST, level="SHOULD")
@pytest.mark.parametrize("name", ["ip_address", "proto_ver"])
def test_impossible_filter_values_on_one_node(target: Target, name: str) -> None:
    """A filter of GET /clients with an impossible value is answered with 400 also when the list is of one node."""
    node = target.clients.read(target.connect().client_id)["node"]
    target.api.call(LIST, query={"node": node, "limit": 1}).expect(200)

    target.api.call(LIST, query={"node": node, name: IMPOSSIBLE[name]}).expect(400)


@requirement("CLI-16", LIST)
def test_clients_of_a_node(target: Target) -> None:
    """GET /clients with a node lists the clients of that node; an unknown node has none, or is said to be down."""
    client = target.connect()
    node = target.clients.read(client.client_id)["node"]

    assert target.clients.ids(node=node, clientid=client.client_id) == [client.client_id], f"not listed on {node}"
    unknown = target.api.call(LIST, query={"node": f"no-{node}", "clientid": client.client_id})
    if unknown.status == 500:
        unknown.expect(500, code="NODE_DOWN")
    else:
        assert unknown.expect(200).json["data"] == [], "a client is listed on a node that does not exist"


@requirement("CLI-17", READ, LIST)
def test_absent_client_is_shown(target: Target) -> None:
    """A client that is away but has a session is shown as disconnected, and since when; it is listed by that state."""
    client_id, other = target.offline_session(target.sandbox.topic()), target.connect().client_id

    shown = target.clients.read(client_id)
    assert shown["connected"] is False, "a client that has disconnected is shown as connected"
    assert "disconnected_at" in shown, "it is not shown since when the client is away"
    connected, disconnected = (datetime.fromisoformat(shown[name]) for name in ("connected_at", "disconnected_at"))
    assert connected <= disconnected, f"disconnected at {disconnected}, before it connected at {connected}"
    again = target.clients.read(client_id)["disconnected_at"]
    assert again == shown["disconnected_at"], f"disconnected at {disconnected}, and a moment later at {again}"
    for state, alone in (("disconnected", [client_id]), ("connected", [other])):
        listed = target.clients.ids(conn_state=state, clientid=[client_id, other])
        assert listed == alone, f"conn_state={state} lists {listed}"

    with target.connect(client_id, clean_start=False, session_expiry_s=200, keepalive_s=77) as back:
        began = time.monotonic()
        assert back.session_present, "the session of a client that was away is gone"
        online = target.eventually(lambda: target.clients.read(client_id)["connected"])
        assert online, "a client that came back is shown as disconnected"
        present = target.clients.read(client_id)
        stayed_s = time.monotonic() - began
    # The session is the one from before, the connection is not.
    expected = {
        "created_at": shown["created_at"],
        "keepalive": back.limits.get("ServerKeepAlive", 77),
        "expiry_interval": back.limits.get("SessionExpiryInterval", 200),
        "clean_start": False,
    }
    seen = {name: present[name] for name in expected}
    assert seen == expected, f"a client that came back is shown as {seen}, expected {expected}"
    connected = datetime.fromisoformat(present["connected_at"])
    assert connected >= disconnected, f"connected again at {connected}, before it had left at {disconnected}"

    target.eventually(lambda: not target.clients.read(client_id)["connected"])
    left = datetime.fromisoformat(target.clients.read(client_id)["disconnected_at"])
    assert (left - connected).total_seconds() > 0.9 * stayed_s - 0.001, (
        f"after {stayed_s:.3f} s of a connection since {connected} it is shown as disconnected since {left}"
    )


@requirement("CLI-18", READ, "GET /clients/{clientid}/subscriptions", provisional=True)
def test_take_over(target: Target) -> None:
    """Who connects with the client id of a connected client takes over its session: one client, its subscriptions."""
    topic = target.sandbox.topic()
    first = target.subscriber(topic, session_expiry_s=300)

    second = target.connect(first.client_id, clean_start=False, session_expiry_s=300, keepalive_s=77)
    assert first.wait_closed(), "the first connection stays"
    assert first.disconnect_reason == 0x8E, f"the first connection was told {first.disconnect_reason}, not 0x8E"
    assert second.session_present, "the second connection has no session"
    once = target.eventually(lambda: target.clients.ids(clientid=first.client_id) == [first.client_id])
    assert once, f"the client is listed as {target.clients.ids(clientid=first.client_id)}"
    assert target.clients.filters(first.client_id) == {topic}, "the subscriptions are not those of the first connection"
    keepalive = target.clients.read(first.client_id)["keepalive"]
    asked = second.limits.get("ServerKeepAlive", 77)
    assert keepalive == asked, f"the second connection has a keep-alive of {asked} s, shown are {keepalive} s"

    target.publish(topic, "to the second").expect(200)
    assert second.wait_for_messages(1), "the second connection receives nothing"
