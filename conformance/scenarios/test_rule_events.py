"""The events a rule can select from: what GET /rule_events says, and what clients really bring about (RUL)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.target.target import Target

pytestmark = pytest.mark.scenario

NEVER_FILLED = {"$events/client_connack": {"connected_at"}}
"""Columns that 5.8 lists for an event and does not have when it happens."""


def events(target: Target) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = target.api.call("GET /rule_events").expect(200).json
    return listed


@requirement("RUL-16", "GET /rule_events", "POST /rules/{id}/test")
def test_events_describe_themselves(target: Target) -> None:
    """Every event is listed once, its example is a statement, and a test takes the columns it names for tests."""
    listed = events(target)
    names = [event["event"] for event in listed]
    assert "$events/client_connected" in names, f"listed are {names}"
    assert len(set(names)) == len(names), f"an event is listed twice: {sorted(names)}"

    topic = target.sandbox.topic("from")
    rule = target.rules.create(sql=f'SELECT * FROM "{topic}"', actions=[])
    # Never sent as it stands: it would make a rule about other people's messages.
    examples = {re.sub(r'"[^"]+"', f'"{topic}"', event["sql_example"], count=1) for event in listed}
    for sql in examples:
        answer = target.rules.put(rule, {"sql": sql})
        assert answer.status == 200, f"the example {sql!r} is no statement: {answer.status} {answer.code}"

    for event in listed:
        # The name in a test is the one after FROM without its prefix; for bridges it is the whole.
        event_type = event["event"].removeprefix("$events/").removeprefix("sys/")
        columns = {
            name: value[0] if isinstance(value, list) else value for name, value in event["test_columns"].items()
        }
        answer = target.rules.test(rule, {"event_type": event_type, **columns})
        assert answer.status in (200, 412), f"a test with the columns of {event['event']} answered {answer.status}"


@requirement("RUL-20", "POST /rules")
@pytest.mark.needs("mqtt")
def test_events_of_a_client(target: Target) -> None:
    """A rule sees a client connect, subscribe, unsubscribe, publish to nobody and disconnect, each exactly once."""
    subject, out = target.sandbox.name("client"), target.sandbox.topic("out")
    nobody, topic = target.sandbox.topic("nobody"), target.sandbox.topic("t")
    nobody_listens = target.publish(nobody).status == 202
    selected = ("client_connected", "session_subscribed", "session_unsubscribed", "message_dropped",
                "client_disconnected")  # fmt: skip
    sources = ", ".join(f'"$events/{name}"' for name in selected)
    sql = f"SELECT event, clientid, username, topic, qos, reason FROM {sources} WHERE clientid = '{subject}'"
    listener = target.listen(f"{out}/#")
    payload = "${event}|${clientid}|${username}|${topic}|${qos}|${reason}"
    target.rules.republish("", f"{out}/${{event}}", sql=sql, payload=payload, qos=1)

    client = target.connect(subject)
    username = target.clients.read(subject)["username"] or "undefined"
    client.subscribe(topic, 1)
    client.unsubscribe(topic)
    client.publish(nobody, "x", qos=1)
    client.close()

    expected = {
        "client.connected": "undefined|undefined|undefined",
        "session.subscribed": f"{topic}|1|undefined",
        "session.unsubscribed": f"{topic}|1|undefined",
        "client.disconnected": "undefined|undefined|normal",
    }
    if nobody_listens:
        expected["message.dropped"] = f"{nobody}|1|no_subscribers"
    arrived = [(m.topic, m.payload.decode()) for m in listener.wait_for_messages(len(expected))]
    wanted = [(f"{out}/{event}", f"{event}|{subject}|{username}|{rest}") for event, rest in expected.items()]
    assert sorted(arrived) == sorted(wanted), f"the events were {sorted(arrived)}, expected {sorted(wanted)}"


@requirement("RUL-28", "GET /rule_events", "POST /rules", provisional=True)
@pytest.mark.needs("mqtt")
def test_events_have_their_columns(target: Target) -> None:
    """An event that a client brings about has every column GET /rule_events lists for it."""
    subject, out, topic = target.sandbox.name("client"), target.sandbox.topic("out"), target.sandbox.topic("t")
    nobody, own = target.sandbox.topic("nobody"), target.sandbox.topic("own")
    provoked = {
        "client_connected", "client_disconnected", "client_connack", "client_check_authz_complete",
        "session_subscribed", "session_unsubscribed", "message_delivered", "message_acked", "delivery_dropped",
    }  # fmt: skip
    if target.publish(nobody).status == 202:
        provoked.add("message_dropped")
    if target.capabilities.profile.demands_users:
        provoked.add("client_check_authn_complete")
    listed = {event["event"]: event for event in events(target) if event["event"].removeprefix("$events/") in provoked}
    sources = ", ".join(f'"{name}"' for name in listed)
    listener = target.listen(f"{out}/#")
    sql = f"SELECT * FROM {sources} WHERE clientid = '{subject}'"
    target.rules.republish("", f"{out}/${{event}}", sql=sql, payload="${.}", qos=1)

    target.connect()  # somebody else
    client = target.connect(subject)
    client.subscribe(topic, 1)
    target.publish(topic, "delivered and acknowledged", qos=1)
    client.wait_for_messages()
    client.subscribe(own, 1, noLocal=True)
    client.publish(own, "not delivered to its publisher", qos=1)
    client.publish(nobody, "dropped", qos=1)
    client.unsubscribe(topic)
    client.close()

    def seen() -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in list(listener.messages)]

    def missing() -> set[str]:
        return listed.keys() - {f"$events/{event['event'].replace('.', '_')}" for event in seen()}

    target.eventually(lambda: not missing())
    assert not missing(), f"not seen were {sorted(missing())}"
    for event in seen():
        name = f"$events/{event['event'].replace('.', '_')}"
        absent = set(listed[name]["columns"]) - event.keys() - NEVER_FILLED.get(name, set())
        assert not absent, f"{name} lacks the columns {sorted(absent)}"
        assert event["clientid"] == subject, f"{name} is about {event['clientid']}, who is none of the rule's business"
