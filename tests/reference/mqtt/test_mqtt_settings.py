"""What a node is configured to allow is what its clients may do, and what CONNACK tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from conformance.reference.embedded import start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from tests.reference.mqtt.conftest import Target, target_of
from tests.waiting import eventually

Deploy = Callable[..., Target]


@pytest.fixture
def deploy() -> Iterator[Deploy]:
    """A deployment with settings: ``deploy("authorization.no_match=deny")``."""
    with ExitStack() as stack:

        def start(*settings: str) -> Target:
            embedded = stack.enter_context(start_embedded(configuration=NodeConfiguration.parse(settings)))
            target = target_of(embedded)
            stack.callback(lambda: [client.close() for client in target.opened])
            return target

        yield start


def rules(target: Target, clientid: str, *topics: str) -> None:
    body = [{"clientid": clientid, "rules": [{"topic": t, "permission": "allow", "action": "all"} for t in topics]}]
    path = "/authorization/sources/built_in_database/rules/clients"
    assert target.api("POST", path, json=body).status_code == 204


def closed(client: Any) -> int:
    """The reason code with which the broker closed a connection."""
    from_server, code = client.disconnection()
    assert from_server
    return int(code)


def test_denied_by_default_only_what_a_rule_allows(deploy):
    target = deploy("no_match=deny")
    rules(target, "c", "own/#")
    client = target.client("c")

    assert client.subscribe("own/a", 1) == 1
    assert client.subscribe("foreign/a", 1) == 0x87
    assert client.publish("own/a", qos=1) == 0
    assert client.publish("foreign/a", qos=1) == 0x87
    assert target.api("GET", "/authorization/settings").json()["no_match"] == "deny"


def test_a_denial_can_cost_the_connection(deploy):
    target = deploy("no_match=deny", "deny_action=disconnect")
    client = target.client("c")
    client.paho.publish("foreign/a", b"x", 1)

    assert closed(client) == 0x87


def test_a_file_before_the_built_in_source_decides(deploy):
    target = deploy("no_match=deny", "authorization.sources=file,built_in_database")
    body = {"rules": [{"topic": "#", "permission": "deny", "action": "all"}]}
    assert target.api("POST", "/authorization/sources/built_in_database/rules/all", json=body).status_code == 204

    assert target.client("c").subscribe("a", 1) == 1
    sources = target.api("GET", "/authorization/sources").json()["sources"]
    assert [source["type"] for source in sources] == ["file", "built_in_database"]


def test_user_ids_can_be_client_ids(deploy):
    target = deploy("authentication.enable=true", "user_id_type=clientid")
    user = {"user_id": "c", "password": "p"}
    assert target.api("POST", "/authentication/password_based:built_in_database/users", json=user).status_code == 201

    assert target.client("c", username="whoever", password="p").code == 0
    assert target.client("d", username="c", password="p").code == 0x87


def test_an_authenticator_in_front_refuses_whom_it_does_not_know(deploy):
    target = deploy("authentication=http,built_in_database", "authentication.enable=true")

    assert target.client("c", username="u", password="p").code == 0x87
    assert [entry["backend"] for entry in target.api("GET", "/authentication").json()] == ["http", "built_in_database"]


def test_retainer_limits_and_switch(deploy):
    off, small = deploy("retainer.enable=false"), deploy("retainer.max_payload_size=3", "max_retained_messages=1")

    def retained(target: Target, topic: str, payload: str) -> bool:
        target.api("POST", "/publish", json={"topic": topic, "payload": payload, "retain": True})
        return target.api("GET", f"/mqtt/retainer/message/{topic}").status_code == 200

    assert not retained(off, "a", "x")
    assert not retained(small, "a", "long")
    assert retained(small, "a", "x")
    assert not retained(small, "b", "x"), "one message is the limit"
    assert retained(small, "a", "y"), "another message for the same topic takes no room"


@pytest.mark.parametrize(
    ("setting", "publish", "code"),
    [
        ("max_qos_allowed=1", {"topic": "a", "qos": 2}, 0x9B),
        ("retain_available=false", {"topic": "a", "retain": True}, 0x9A),
        ("max_topic_levels=2", {"topic": "a/b/c"}, 0x90),
    ],
)
def test_a_message_over_a_limit_costs_the_connection(deploy, setting, publish, code):
    client = deploy(setting).client("c")
    client.paho.publish(publish["topic"], b"x", publish.get("qos", 1), publish.get("retain", False))

    assert closed(client) == code


@pytest.mark.parametrize(
    ("setting", "topic_filter", "code"),
    [
        ("max_qos_allowed=1", "a", 1),
        ("max_topic_levels=2", "a/b/c", 0x8F),
        ("wildcard_subscription=false", "a/#", 0xA2),
        ("shared_subscription=false", "$share/g/a", 0x9E),
        ("exclusive_subscription=false", "$exclusive/a", 0x8F),
    ],
)
def test_a_subscription_over_a_limit_is_refused(deploy, setting, topic_filter, code):
    assert deploy(setting).client("c").subscribe(topic_filter, 2) == code


def test_connack_tells_the_limits(deploy):
    target = deploy(
        "max_qos_allowed=1",
        "retain_available=false",
        "wildcard_subscription=false",
        "shared_subscription=false",
        "server_keepalive=30",
        "mqtt.max_packet_size=1000",
        "max_inflight=5",
    )
    connack = target.client("c").connack

    told = {
        "MaximumQoS": 1,
        "RetainAvailable": 0,
        "WildcardSubscriptionAvailable": 0,
        "SharedSubscriptionAvailable": 0,
        "ServerKeepAlive": 30,
        "MaximumPacketSize": 1000,
        "ReceiveMaximum": 5,
    }
    assert {name: getattr(connack, name) for name in told} == told
    zone = target.api("GET", "/configs/global_zone").json()["mqtt"]
    assert (zone["max_qos_allowed"], zone["server_keepalive"], zone["max_packet_size"]) == (1, 30, "1000B")


def test_the_license_limits_sessions(deploy):
    target = deploy("max_sessions=2")
    first, second, third = (target.client(clientid) for clientid in "abc")

    assert (first.code, second.code, third.code) == (0, 0, 0x97)
    assert target.client("b").code == 0, "a session that exists may be taken over"
    assert target.api("GET", "/license").json()["max_connections"] == 2


def test_a_client_can_be_called_by_its_username(deploy):
    target = deploy("use_username_as_clientid=true")
    target.client("c", username="u")

    assert [entry["clientid"] for entry in target.api("GET", "/clients").json()["data"]] == ["u"]


def test_own_messages_of_older_clients_can_be_ignored(deploy):
    target = deploy("ignore_loop_deliver=true")
    old, new = target.client("old", 4), target.client("new", 5)
    for client in (old, new):
        client.subscribe("a")

    old.publish("a", b"of the old")
    assert new.receive().payload == b"of the old"
    assert old.nothing_more()


def test_a_session_can_refuse_to_queue_qos_0(deploy):
    target = deploy("mqueue_store_qos0=false")
    target.client("c", SessionExpiryInterval=60).subscribe("a", 1)
    target.opened[-1].close()
    path = "/clients/c"
    eventually(lambda: target.api("GET", path).json()["connected"] is False)

    answers = [
        target.api("POST", "/publish", json={"topic": "a", "payload": str(qos), "qos": qos}).status_code
        for qos in (0, 1)
    ]
    assert answers == [200, 200]
    assert eventually(lambda: target.api("GET", path).json()["mqueue_len"]) == 1
    assert target.api("GET", path).json()["send_msg.dropped"] == 1
