"""What bans mean to MQTT clients (BAN)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from conformance.contract import paths
from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.target.mqtt import MqttError
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt"), pytest.mark.state("bans")]

CREATE, DELETE = "POST /banned", f"DELETE {paths.BAN}"

BANNED = {5: {0x8A}, 4: {0x87}}
"""CONNACK of a banned client; the client library tells the return code 5 of MQTT 3.1.1 as 0x87."""

ADMINISTRATIVE_ACTION = 0x98

KINDS = ("clientid", "username", "clientid_re", "username_re")
"""Kinds of bans that can hit a client of the sandbox: it cannot choose the address that it comes from."""


def connack(target: Target, client_id: str, username: str | None, protocol: int = 5) -> int:
    """The code that answers CONNECT of a client with the password of the sandbox."""
    login: dict[str, Any] = {"username": username, "password": PASSWORD} if username else {}
    client = target.mqtt(client_id, protocol=protocol, **login)
    try:
        client.connect().close()
    except MqttError as error:
        if error.reason_code is None:
            raise
        return error.reason_code
    return 0


@pytest.fixture
def login(target: Target) -> Callable[..., str]:
    """Makes a user to connect as, also where anonymous clients may connect: of that name, or of its own."""

    def make(name: str | None = None) -> str:
        name = name or target.sandbox.name("user")
        return target.users.create(user_id=name) if target.capabilities.no_authenticator is None else name

    return make


def nearly(name: str) -> list[str]:
    """Other names of the sandbox than one that ends in ab: longer, shorter, and in another case."""
    return [f"{name}c", name[:-1], name.removesuffix("ab") + "AB"]


@requirement("BAN-01", CREATE, DELETE)
@pytest.mark.parametrize("protocol", [5, 4], ids=["mqtt5", "mqtt3.1.1"])
@pytest.mark.parametrize("kind", KINDS)
def test_banned_client_is_refused(target: Target, login: Callable[..., str], kind: str, protocol: int) -> None:
    """CONNECT of a banned client is refused, others may connect, and once the ban is lifted so may the client."""
    client_id, username = f"{target.sandbox.name('client')}-ab", login(f"{target.sandbox.name('user')}-ab")
    other_id, other_name = target.sandbox.name("other"), login()
    assert connack(target, client_id, username, protocol) == 0, "the client may not connect before it is banned"

    is_of_client_id = kind.startswith("clientid")
    who = client_id if is_of_client_id else username
    ban = target.bans.create(kind=kind, who=f"^{who}$" if kind.endswith("_re") else who)
    code = connack(target, client_id, username, protocol)
    assert code in BANNED[protocol], f"CONNECT of a banned client was answered 0x{code:02X}"
    assert connack(target, other_id, other_name, protocol) == 0, "the ban hits another client"
    for near in nearly(who):
        others = (near, other_name) if is_of_client_id else (other_id, login(near))
        assert connack(target, *others, protocol) == 0, f"the ban of {who} hits {near}"

    target.bans.delete(ban).expect(204)
    admitted = target.eventually(lambda: connack(target, client_id, username, protocol) == 0)
    assert admitted, "the client may not connect after the ban was lifted"


@requirement("BAN-02", CREATE)
@pytest.mark.parametrize("protocol", [5, 4], ids=["mqtt5", "mqtt3.1.1"])
def test_ban_of_a_client_id_ends_its_session(target: Target, protocol: int) -> None:
    """A ban of a client id disconnects its live session at once; other clients stay connected."""
    client = target.connect(f"{target.sandbox.name('client')}-ab", protocol=protocol)
    others = [target.connect(near, protocol=protocol) for near in nearly(client.client_id)]

    target.bans.create(kind="clientid", who=client.client_id)
    assert client.wait_closed(), "the banned client stays connected"
    told = ADMINISTRATIVE_ACTION if protocol == 5 else None
    assert client.disconnect_reason == told, f"told {client.disconnect_reason}, expected {told}"
    for other in others:
        assert other.connected, f"a ban of {client.client_id} disconnects {other.client_id}"
        assert other.subscribe(target.sandbox.topic()) <= 1, f"{other.client_id} may not subscribe any more"


@requirement("BAN-11", CREATE, DELETE, provisional=True)
@pytest.mark.needs("retainer")
@pytest.mark.state("retained")
@pytest.mark.parametrize("kind", ["clientid", "clientid_re"])
def test_messages_of_a_banned_client_are_held_back(target: Target, kind: str) -> None:
    """What a client whose id is banned left behind, retained or waiting, is not delivered while the ban lasts."""
    root = target.sandbox.topic()
    absent = target.offline_session(f"{root}/waiting", qos=1)
    if target.clients.queued(absent, limit=1).status == 501:
        not_demanded("the target keeps sessions on disk, from which no message is taken")
    client = target.connect()
    client.publish(f"{root}/waiting", "of the client", qos=1)
    client.publish(f"{root}/kept/client", "of the client", qos=1, retain=True)
    target.eventually(lambda: target.retained.get(f"{root}/kept/client").ok)
    target.retained.create(topic=f"{root}/kept/api", payload="of the API")
    target.publish(f"{root}/waiting", "of the API", qos=1).expect(200)
    target.eventually(lambda: len(target.clients.queued(absent).expect(200).json["data"]) == 2)

    who = client.client_id if kind == "clientid" else f"^{client.client_id}$"
    ban = target.bans.create(kind=kind, who=who)
    back = target.connect(absent, clean_start=False, session_expiry_s=300)
    before = back.received_before("of the API")
    assert before == [], f"whose client is banned, {before} was waiting and is delivered"
    early = target.connect()
    early.subscribe(f"{root}/kept/+")
    early.wait_for_messages(1, matching=lambda message: message.payload == b"of the API")
    marker = target.sandbox.name("marker")
    target.await_route(f"{root}/kept/api", early)
    target.publish(f"{root}/kept/api", marker)
    before = early.received_before(marker)
    assert before == ["of the API"], f"while a client is banned, of what is retained {before} is delivered"

    target.bans.delete(ban).expect(204)
    late = target.connect()
    late.subscribe(f"{root}/kept/+")
    arrived = sorted(message.payload.decode() for message in late.wait_for_messages(2))
    assert arrived == ["of the API", "of the client"], f"after the ban, of what is retained {arrived} is delivered"


@requirement("BAN-04", CREATE)
def test_ban_ends_when_its_time_is_over(target: Target, login: Callable[..., str]) -> None:
    """A ban with an end refuses until then and not after it; then the same subject can be banned again."""
    clients = {kind: (target.sandbox.name("client"), login()) for kind in KINDS}
    subjects = {kind: str(client[not kind.startswith("clientid")]) for kind, client in clients.items()}
    subjects = {kind: f"^{who}$" if kind.endswith("_re") else who for kind, who in subjects.items()}
    until = int(time.time()) + 3
    text = datetime.fromtimestamp(until, UTC).isoformat()
    for kind, who in subjects.items():
        target.bans.create(kind=kind, who=who, until=text)
    for kind, client in clients.items():
        code = connack(target, *client)
        assert code in BANNED[5] or time.time() > until - 1, f"{kind}: before the end CONNECT is answered 0x{code:02X}"

    for kind, client in clients.items():
        left = max(0.0, until - time.time()) + target.timing.unbanned
        admitted = target.eventually(lambda: connack(target, *client) == 0, left)  # noqa: B023
        assert admitted, f"{kind}: the client may not connect {target.timing.unbanned:g} s after its ban ended"
    for kind, client in clients.items():
        target.api.call(CREATE, json=target.bans.body(kind=kind, who=subjects[kind])).expect(200)
        code = connack(target, *client)
        assert code in BANNED[5], f"{kind}: CONNECT after a second ban is answered 0x{code:02X}"
