"""Ending the sessions of clients through the API (CLI)."""

from __future__ import annotations

import pytest

from conformance.requirements import requirement
from conformance.target.mqtt import MqttClient, Will
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

KICK = "DELETE /clients/{clientid}"
READ = "GET /clients/{clientid}"
KICK_SEVERAL = "POST /clients/kickout/bulk"

ADMINISTRATIVE_ACTION = 0x98


def assert_kicked(target: Target, client: MqttClient) -> None:
    """The client's connection is closed, an MQTT 5 client is told why, and the API knows the client no longer."""
    assert client.wait_closed(), f"MQTT {client.protocol}: a kicked client stays connected"
    told = ADMINISTRATIVE_ACTION if client.protocol == 5 else None
    assert client.disconnect_reason == told, f"MQTT {client.protocol}: told {client.disconnect_reason}, expected {told}"
    assert target.eventually(lambda: target.clients.get(client.client_id).status == 404), (
        "a kicked client is still known"
    )


@requirement("CLI-02", KICK, READ)
@pytest.mark.parametrize("protocol", [5, 4], ids=["mqtt5", "mqtt3.1.1"])
def test_kicked_client_is_gone(target: Target, protocol: int) -> None:
    """A kicked client is disconnected (MQTT 5: reason code 0x98), its session is gone and its will is published."""
    persistent = {"session_expiry_s": 300, "clean_start": True} if protocol == 5 else {"clean_start": False}
    topic = target.sandbox.topic("will")
    heir = target.subscriber(topic)
    client = target.connect(protocol=protocol, will=Will(topic, "last will"), **persistent)
    client.subscribe(target.sandbox.topic())
    target.clients.get(client.client_id).expect(200)

    target.clients.delete(client.client_id).expect(204)
    assert_kicked(target, client)
    wills = [message.payload for message in heir.wait_for_messages(1)]
    assert wills == [b"last will"], f"the will of a kicked client: {wills}"

    again = target.connect(client.client_id, protocol=protocol, **persistent | {"clean_start": False})
    assert not again.session_present, "the session of a kicked client was still there"


@requirement("CLI-02", KICK)
def test_unknown_client_cannot_be_kicked(target: Target) -> None:
    """DELETE of a client that is not there answers 404."""
    client = target.connect()
    target.clients.delete(client.client_id).expect(204)
    target.eventually(lambda: target.clients.get(client.client_id).status == 404)

    target.clients.delete(client.client_id).expect(404, code="CLIENTID_NOT_FOUND")
    target.clients.delete(target.sandbox.name("nobody")).expect(404, code="CLIENTID_NOT_FOUND")


@requirement("CLI-02", KICK, READ)
def test_session_of_an_absent_client_is_kicked(target: Target) -> None:
    """The session of a client that is away can be kicked as well: it is gone, and GET answers 404."""
    client_id = target.offline_session(target.sandbox.topic())

    target.clients.delete(client_id).expect(204)
    assert target.eventually(lambda: target.clients.get(client_id).status == 404), "a kicked session is still known"
    again = target.connect(client_id, clean_start=False)
    assert not again.session_present, "the kicked session was still there"


@requirement("CLI-03", KICK_SEVERAL, READ)
def test_several_clients_are_kicked(target: Target) -> None:
    """The bulk form kicks exactly the clients it names and answers 204, also when it names unknown ones or none."""
    name = target.sandbox.name("kicked")
    named = [target.connect(f"{name}-ab", protocol=5), target.connect(protocol=4)]
    others = [target.connect(f"{name}-{end}") for end in ("a", "abc", "AB")]
    absent = target.offline_session(target.sandbox.topic())

    target.clients.kick([]).expect(204)
    target.clients.kick([target.sandbox.name("nobody")]).expect(204)
    target.clients.kick([*(client.client_id for client in named), target.sandbox.name("nobody"), absent]).expect(204)
    for client in named:
        assert_kicked(target, client)
    assert target.eventually(lambda: target.clients.get(absent).status == 404), "the session of an absent client stays"
    for client in others:
        assert client.connected, f"{client.client_id} was kicked, named were {[each.client_id for each in named]}"
        assert target.clients.read(client.client_id)["connected"] is True
