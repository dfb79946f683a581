"""What a hidden secret still does: it authenticates after updates and probes that know it only as ******."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.scenarios.chain import PASSES, chain_of, secret_headers
from conformance.scenarios.changes import updated
from conformance.scenarios.loop import loop
from conformance.scenarios.test_secret_headers import with_secrets
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Answer
from conformance.target.journal.resource import Resource
from conformance.target.mqtt import MqttError
from conformance.target.resources.typed import REDACTED, configured
from conformance.target.sink import Delivery, HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]


def status_of(target: Target, connector: str) -> str:
    return str(target.connectors.read(connector)["status"])


def mqtt_login(target: Target, password: str) -> dict[str, Any]:
    """Fields of a connector to the target's own broker as a user with a password, where passwords matter."""
    user = target.users.create(password=password)
    target.connect(username=user, password=password)
    try:
        target.mqtt(username=user, password=f"not-{password}").connect()
    except MqttError:
        return loop(target, username=user, password=password)
    pytest.skip("the MQTT listener accepts a wrong password")


@pytest.fixture
def logging_in(context: Context, target: Target, secret: str) -> str:
    """A connector to the target's own broker that needs its password, the secret; it serves item after item.

    Whoever leaves it unconnected leaves the next item another.
    """

    def connected(known: str) -> bool:
        there = target.connectors.get(known).ok
        return there and target.eventually(lambda: status_of(target, known) == "connected")

    return context.lasting(
        "connector that logs in", lambda: target.connectors.create(**mqtt_login(target, secret)), connected
    )


@requirement("CON-08", "PUT /connectors/{id}")
@pytest.mark.needs("sink")
def test_http_connector_keeps_its_authorization(context: Context, target: Target, sink: HttpSink) -> None:
    """A PUT with ****** in place of a secret keeps the secret that works."""
    chain, secrets = chain_of(context, target, sink), secret_headers(context)

    def expect_sent(delivery: Delivery | None, connector_is: str) -> None:
        within_s = target.timing.redelivered
        assert delivery is not None, f"of {connector_is} nothing arrived at the sink within {within_s:g} s"
        for name, value in secrets.items():
            arrived = delivery.headers.get(name.lower())
            assert arrived == value, f"the sink got the {name} {arrived!r} of {connector_is}"

    chain.publish(PASSES)
    expect_sent(chain.accepted(PASSES), "a connector with secrets")
    update = updated(context, chain, "connector")
    read = {name: update.sent["headers"][name] for name in secrets}
    assert set(read.values()) == {REDACTED}, f"read are {read}"
    update.answer.expect(200)
    expect_sent(update.first.delivery, "a connector after an update with ******")


@requirement("CON-09", "POST /connectors_probe")
@pytest.mark.needs("mqtt", "authenticator", "users", "loop")
def test_probe_uses_the_stored_secret(target: Target, logging_in: str, secret: str) -> None:
    """A probe with ****** under the name of an existing connector behaves as with the connector's secret."""
    read = target.connectors.read(logging_in)
    probe = {**configured(read), "type": "mqtt", "name": read["name"]}
    assert probe["password"] == REDACTED, f"the password is read as {probe['password']!r}"
    target.connectors.probe({**probe, "password": secret}).expect(204)
    target.connectors.probe({**probe, "password": f"not-{secret}"}).expect(400, code="TEST_FAILED")

    target.connectors.probe(probe).expect(204)
    nobody = {**probe, "name": target.sandbox.name("con")}
    target.connectors.probe(nobody).expect(400, code="TEST_FAILED")


@requirement("CON-08", "PUT /connectors/{id}")
@pytest.mark.needs("mqtt", "authenticator", "users", "loop")
def test_mqtt_connector_keeps_its_password(target: Target, logging_in: str, secret: str) -> None:
    """A PUT with ****** in place of a secret keeps the secret that works."""
    connector = logging_in
    assert target.eventually(lambda: status_of(target, connector) == "connected"), (
        "not connected with the right password"
    )

    update = configured(target.connectors.read(connector)) | {"description": "changed"}
    assert update["password"] == REDACTED, f"the password is read as {update['password']!r}"
    target.connectors.put(connector, update).expect(200)
    connected = target.eventually(lambda: status_of(target, connector) == "connected")
    assert connected, f"after an update with ****** the connector is {status_of(target, connector)}, expected connected"
    target.connectors.start(connector).expect(204)

    target.connectors.put(connector, {**update, "password": f"not-{secret}"}).expect(200)
    refused = target.eventually(lambda: status_of(target, connector) != "connected")
    assert refused, "the connector is connected with a wrong password"


@requirement("CON-16", "POST /connectors", "GET /connectors", "GET /connectors/{id}", level="SHOULD")
@pytest.mark.state("connectors", alone=True)
@pytest.mark.mode(Mode.EXCLUSIVE, "a number as a secret can make the list of connectors unreadable for everybody")
def test_secret_that_is_a_number(target: Target) -> None:
    """A secret that is a number is refused or hidden like any other: connectors stay readable."""
    body = target.connectors.body(type="pgsql", password=0, enable=False)
    identifier = target.connectors.identify(body)
    target.connectors.listed()
    try:
        answer = target.api.call("POST /connectors", json=body)
        listed = target.api.call("GET /connectors")
        element = target.connectors.get(identifier)
    finally:
        target.connectors.delete(identifier)

    listed.expect(200)
    answer.expect(201, 400)
    element.expect(200 if answer.ok else 404)
    assert not answer.ok or element.json["password"] == REDACTED, f"it is read as {element.json['password']!r}"


@requirement("CON-17", "PUT /connectors/{id}", provisional=True)
def test_asterisks_are_no_secret(target: Target) -> None:
    """****** in an update, where no secret is stored, stores none."""
    connector = target.connector_of("mqtt")
    before = configured(target.connectors.read(connector))
    assert "password" not in before, f"a connector without password is read with {before['password']!r}"

    target.connectors.put(connector, {**before, "password": REDACTED}).expect(200)
    after = configured(target.connectors.read(connector))
    assert after == before, f"after the update the connector is {after}, expected {before}"


@requirement("CON-18", "POST /connectors", "GET /connectors/{id}", since="5.8.9", provisional=True)
@pytest.mark.resource_type("mqtt")
def test_secrets_in_lists_are_hidden(context: Context, target: Target, secret: str, heard: list[Answer]) -> None:
    """A secret inside a list is ****** as well."""
    node = target.capabilities.node or "emqx@127.0.0.1"
    ids = [{"clientid": target.sandbox.name("client"), "username": "bridge", "password": secret}]
    connector = target.connectors.create(type="mqtt", static_clientids=[{"node": node, "ids": ids}])
    context.keep(with_secrets("mqtt"), Resource(target.connectors.kind.name, connector))
    read = target.connectors.read(connector)["static_clientids"]
    assert read[0]["ids"][0]["username"] == "bridge", f"the client ids are read as {json.dumps(read)}"

    password = read[0]["ids"][0]["password"]
    assert password == REDACTED, f"the password of a fixed client id is read as {password!r}"
    repeating = [answer.operation for answer in heard if secret.encode() in answer.content]
    assert not repeating, f"{', '.join(map(str, repeating))} answered with the secret"
