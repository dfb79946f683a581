"""What the contract calls deprecated or ignored has no effect, and who sent a message is told truly (IGN)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from conformance.contract import paths
from conformance.fuzz.arrange import Arrangement
from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.scenarios.factors import Case, covered
from conformance.scenarios.updates import leaves
from conformance.target.mqtt import MqttClient, Will, properties_of
from conformance.target.resources.access import PASSWORD
from conformance.target.resources.bridges import Bridges
from conformance.target.resources.messages import payload_of
from conformance.target.resources.typed import configured
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = pytest.mark.scenario

IMPORT = f"POST {paths.IMPORT_USERS}"
API, NOBODY = "http_api", "undefined"
"""How rules print the client id of what the API publishes, and what there is not."""


def _told(context: Context, target: Target) -> tuple[str, str]:
    """Source and destination of a borrowed rule that tells who sent a message."""
    source, out = (context.once(f"topic that tells: {what}", target.sandbox.topic) for what in ("source", "out"))
    sql = f'SELECT clientid, username, peerhost, qos, flags, topic, pub_props, payload FROM "{source}/+"'
    action = {"function": "republish", "args": {"topic": f"{out}/${{topic}}", "payload": "", "user_properties": ""}}
    target.borrow_rule(sql=sql, actions=[action])
    return source, out


def _row(listener: MqttClient, payload: str) -> dict[str, Any]:
    """What the rule tells of the message with that payload; the payload itself left out."""
    found = listener.wait_for_messages(1, matching=lambda message: payload in message.payload.decode())
    assert found, f"the rule tells nothing of {payload}"
    row: dict[str, Any] = json.loads(found[0].payload)
    del row["payload"]
    return row


@requirement("IGN-01", "POST /publish", "POST /publish/bulk", f"GET {paths.RETAINED_MESSAGE}")
@pytest.mark.needs("mqtt", "retainer")
@pytest.mark.state("retained", "bans", "authorization")
@covered(
    via=("single", "bulk"),
    forged=("subscriber", "banned", "denied", "nobody", "nothing"),
    qos=(0, 1),
    protocol=(4, 5),
    no_local=(False, True),
    possible=lambda case: case.protocol == 5 or not case.no_local,
)
def test_client_id_of_a_message(context: Context, target: Target, case: Case) -> None:
    """The client id in a message to publish is ignored: delivered, retained and told by rules is the same without."""
    source, out = _told(context, target)
    topic = f"{source}/{target.sandbox.name('forged')}"
    listener = target.subscriber(f"{out}/{topic}")
    subscriber = target.connect(protocol=case.protocol)
    subscriber.subscribe(topic, 1, **({"noLocal": case.no_local} if case.protocol == 5 else {}))
    target.await_route(topic, subscriber)
    forged = {"subscriber": subscriber.client_id, "nothing": ""}.get(case.forged, target.sandbox.name("forged"))
    if case.forged == "banned":
        target.bans.create(kind="clientid", who=forged)
    if case.forged == "denied" and target.capabilities.no_authorization is None:
        rule = {"topic": topic, "permission": "deny", "action": "all"}
        target.client_rules.create(clientid=forged, rules=[rule])

    without, with_client_id = (
        _published(target, case, topic, (listener, subscriber), fields) for fields in ({}, {"clientid": forged})
    )
    assert with_client_id == without, f"with a client id {with_client_id}, without {without}"


def _published(
    target: Target, case: Case, topic: str, listeners: tuple[MqttClient, MqttClient], fields: Mapping[str, Any]
) -> list[Any]:
    """What is told by the rule, delivered and retained of a message that the API publishes."""
    telling, subscriber = listeners
    payload = target.sandbox.name("payload")
    properties = {"content_type": "text/plain"}
    body = {"topic": topic, "payload": payload, "qos": case.qos, "retain": True, "properties": properties, **fields}
    if case.via == "bulk":
        target.api.call("POST /publish/bulk", json=[body]).expect(200)
    else:
        target.api.call("POST /publish", json=body).expect(200)
    delivered = subscriber.wait_for_messages(1, matching=lambda message: message.payload.decode() == payload)
    assert delivered, f"a message published with {dict(fields)} is not delivered"
    (message,) = delivered
    kept = _retained(target, topic, payload)
    return [
        _row(telling, payload),
        (message.topic, message.qos, message.retain, dict(properties_of(message))),
        {name: kept[name] for name in ("topic", "qos", "from_clientid", "from_username")},
    ]


def _retained(target: Target, topic: str, payload: str) -> dict[str, Any]:
    """What is retained on a topic, once it has that payload."""

    def kept() -> dict[str, Any]:
        answer = target.retained.get(topic)
        return answer.json if answer.ok and payload_of(answer.json).decode() == payload else {}

    found = target.eventually(kept)
    assert found, f"{payload} is not retained"
    return found


@requirement(
    "IGN-02", "POST /publish", "POST /publish/bulk", f"GET {paths.RETAINED_MESSAGE}", "GET /clients/{clientid}"
)
@pytest.mark.needs("mqtt", "retainer")
@pytest.mark.state("retained")
@covered(
    via=("single", "bulk", "mqtt3.1", "mqtt3.1.1", "mqtt5", "will"),
    username=(True, False),
    qos=(0, 1, 2),
    # What the API publishes has no user.
    possible=lambda case: case.username or case.via not in ("single", "bulk"),
)
def test_sender_of_a_message(context: Context, target: Target, case: Case) -> None:
    """Rules and retained messages tell who sent a message: the client with its user and address, or the API."""
    source, out = _told(context, target)
    topic, payload = f"{source}/{target.sandbox.name('sent')}", target.sandbox.name("payload")
    listener = target.subscriber(f"{out}/{topic}")
    message = {"topic": topic, "payload": payload, "qos": case.qos, "retain": True}
    expected: dict[str, Any] = {"clientid": API, "username": NOBODY, "peerhost": NOBODY}
    shown_user: str | None = ""
    if case.via == "single":
        target.api.call("POST /publish", json=message).expect(200, 202)
    elif case.via == "bulk":
        target.api.call("POST /publish/bulk", json=[message]).expect(200, 202)
    else:
        client = _sender(target, case, Will(topic, payload, case.qos, retain=True))
        address = target.clients.read(client.client_id)["ip_address"]
        expected = {"clientid": client.client_id, "username": client.username or NOBODY, "peerhost": address}
        shown_user = client.username
        if case.via == "will":
            # Of a client that is gone the address may not be known any more.
            del expected["peerhost"]
            client.lose()
        else:
            client.publish(topic, payload, case.qos, retain=True)

    row = _row(listener, payload)
    told = {name: row[name] for name in expected}
    assert told == expected, f"a rule tells of {told}, expected {expected}"
    kept = _retained(target, topic, payload)
    assert kept["from_clientid"] == expected["clientid"], f"retained is a message of {kept['from_clientid']!r}"
    # How a client without a user name is shown there, versions differ in.
    if shown_user is not None:
        assert kept["from_username"] == shown_user, f"retained is a message of the user {kept['from_username']!r}"


def _sender(target: Target, case: Case, will: Will) -> MqttClient:
    options: dict[str, Any] = {"protocol": {"mqtt3.1": 3, "mqtt3.1.1": 4}.get(case.via, 5)}
    if not case.username and target.capabilities.profile.demands_users:
        not_demanded("the target lets no MQTT client in that has no user name")
    if case.username and not target.capabilities.profile.demands_users:
        options["username"] = target.sandbox.name("user")
    if case.via == "will":
        options["will"] = will
    return target.connect(**options)


_BRIDGES = {
    "connector": ("connectors", "http"),
    "mqtt-connector": ("connectors", "mqtt"),
    "action": ("actions", "http"),
}


@requirement("IGN-03", "PUT /connectors/{id}", "PUT /actions/{id}")
@pytest.mark.state("connectors")
@pytest.mark.parametrize("kind", _BRIDGES)
def test_deprecated_fields_of_bridges(context: Context, target: Target, kind: str) -> None:
    """A deprecated field in a PUT of a connector or action, and the time of its last change, change nothing."""
    path, resource_type = _BRIDGES[kind]
    collection: Bridges = getattr(target, path)
    if path == "actions":
        identifier = target.lasting(target.actions, "to change")
    else:
        identifier = Arrangement(context, target).connector(resource_type)
    bodies = collection.bodies(resource_type)
    before = collection.read(identifier)
    sent = bodies.with_ignored(configured(before))
    answer = collection.put(identifier, sent).expect(200)
    for what, shown in (("read", collection.read(identifier)), ("answered", answer.json)):
        names = [
            name
            for name in {**leaves(before), **leaves(shown)}
            if leaves(shown).get(name) != leaves(before).get(name) and not bodies.is_ignored(tuple(name.split(".")))
        ]
        told = "; ".join(f"{name} is {leaves(shown).get(name)!r}, was {leaves(before).get(name)!r}" for name in names)
        assert not names, f"after a PUT with deprecated fields {told} ({what})"


@requirement("IGN-04", "PUT /rules/{id}")
def test_id_in_the_body_of_a_rule(target: Target) -> None:
    """The id in the body of PUT /rules/{id} is ignored: the rule of the path is changed, that of the body is not."""
    rules = [target.lasting(target.rules, what) for what in ("to change", "shared")]
    other = target.rules.read(rules[1])
    description = target.sandbox.name("described")

    target.rules.put(rules[0], {"id": rules[1], "description": description}).expect(200)
    changed = target.rules.read(rules[0])
    assert (changed["id"], changed["description"]) == (rules[0], description), f"the rule of the path is {changed}"
    assert target.rules.read(rules[1]) == other, f"the rule of the body is {target.rules.read(rules[1])}, was {other}"


@requirement("IGN-05", IMPORT, f"GET {paths.USER}")
@pytest.mark.needs("authenticator")
def test_other_fields_of_imported_users(target: Target) -> None:
    """Fields of an imported user that none has are ignored: it is the user that it is without them."""
    plain, extended = target.sandbox.name("imported"), target.sandbox.name("imported")
    other = {"username": plain, "superuser": True, "is_admin": True, "role": "administrator", "id": plain, "": 0}
    rows = [{"user_id": plain, "password": PASSWORD}, {"user_id": extended, "password": PASSWORD, **other}]
    target.api.call(IMPORT, query={"type": "plain"}, json=rows).expect(200, 204)

    for user in (plain, extended):
        shown, expected = target.users.read(user), {"user_id": user, "is_superuser": False}
        assert shown == expected, f"the imported user is {shown}, expected {expected}"
