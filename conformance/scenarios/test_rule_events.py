"""The events a rule can select from: what GET /rule_events says, and what clients really bring about (RUL)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios.sessions import is_away
from conformance.scenarios.told_events import Event, life_of, untimely, untrue
from conformance.target.guard.sandbox import bare_topic
from conformance.target.http.answer import Deviation
from conformance.target.mqtt import MqttClient
from conformance.target.target import Target

pytestmark = pytest.mark.scenario

RENAMED = {
    "auth/check_authn_complete": "client_check_authn_complete",
    "auth/check_authz_complete": "client_check_authz_complete",
    "message/delivery_dropped": "delivery_dropped",
}
"""Types that the names of 5.10 and later do not spell out."""


def events(target: Target) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = target.api.call("GET /rule_events").expect(200).json
    return listed


def type_of(event: Mapping[str, Any]) -> str:
    """What a test calls an event: its name after FROM without the prefix; for bridges the whole.

    Since 5.10 names have one level more (``$events/client/connected``), and the types stayed as they were.
    """
    name = str(event["event"])
    if not name.startswith("$events/"):
        return name
    name = name.removeprefix("$events/").removeprefix("sys/")
    return RENAMED.get(name, name.replace("/", "_"))


def context_of(event: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """The context that GET /rule_events shows for a test of an event; of ``changed`` it takes the columns it has."""
    columns = {name: value[0] if isinstance(value, list) else value for name, value in event["test_columns"].items()}
    ours = {name: value for name, value in changed.items() if name in columns}
    return {"event_type": type_of(event), **columns, **ours}


@requirement("RUL-16", "GET /rule_events", "POST /rules/{id}/test")
def test_events_describe_themselves(target: Target) -> None:
    """Every event is listed once, its example is a statement, and a test takes the columns it names for tests."""
    listed = events(target)
    names = [event["event"] for event in listed]
    assert "client_connected" in map(type_of, listed), f"listed are {names}"
    assert len(set(names)) == len(names), f"an event is listed twice: {sorted(names)}"

    topic = target.sandbox.topic("from")
    # Never sent as it stands: it would make a rule about other people's messages.
    examples = {re.sub(r'"[^"]+"', f'"{topic}"', event["sql_example"], count=1) for event in listed}
    # Which of them is the plain one that all rules have, nobody needs to be shown again.
    rule = target.lasting(target.rules, "to change")
    for sql in sorted(examples - {f'SELECT * FROM "{topic}"'}):
        answer = target.rules.put(rule, {"sql": sql, "enable": True})
        assert answer.status == 200, f"the example {sql!r} is no statement: {answer.status} {answer.code}"

    for event in listed:
        # What is taken is looked up in the rule, which is about none of them.
        answer = target.rules.test(rule, context_of(event))
        assert answer.status == 412, f"a test with the columns of {event['event']} answered {answer.status}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Events that a statement can select together, by one condition on one column, as the guard demands."""

    column: str
    value: str
    events: tuple[str, ...]

    @property
    def sources(self) -> str:
        return ", ".join(f'"{event}"' for event in self.events)

    @property
    def sql(self) -> str:
        return f"SELECT * FROM {self.sources} WHERE {self.column} = '{self.value}'"


CODES = tuple(frozenset(groups) for groups in combinations(range(6), 3))
"""Of any two of them each has a number that the other one lacks."""


def selections(listed: Sequence[Mapping[str, Any]], topic: str, subject: str) -> list[Selection]:
    """Few statements of which, for any two events that some of them select, one selects the first and not the second.

    A message counts as an event on ``topic``. Those from other brokers are selected by none: 5.8 knows no name after
    FROM that a test of them would match.
    """
    of_clients = [source_of(event, topic) for event in listed if "clientid" in event["test_columns"]]
    codes = dict(zip(of_clients, CODES, strict=False))
    assert len(codes) == len(of_clients), f"{len(of_clients)} events are more than can be told apart"
    groups = [tuple(event for event in of_clients if number in codes[event]) for number in range(6)]
    alarms = [(source_of(event, topic),) for event in listed if "name" in event["test_columns"]]
    return [
        *(Selection("clientid", subject, group) for group in groups if group),
        *(Selection("name", subject, alarm) for alarm in alarms),
    ]


def source_of(event: Mapping[str, Any], topic: str) -> str:
    """What stands after FROM for an event: for a message ``topic``."""
    return topic if type_of(event) == "message_publish" else str(event["event"])


@requirement("RUL-38", "POST /rules/{id}/test", "GET /rule_events")
def test_context_is_about_its_event(target: Target) -> None:
    """A test matches (200) if the rule is on its event and the condition holds; on other events, or not, it is 412."""
    listed, topic, subject = events(target), target.sandbox.topic("from"), target.sandbox.name("client")

    for selection in selections(listed, topic, subject):
        rule = target.borrow_rule(sql=selection.sql)
        for event in listed:
            selected = source_of(event, topic) in selection.events
            answer = target.rules.test(rule, context_of(event, clientid=subject, name=subject, topic=topic))
            told = (answer.status, answer.json if answer.status == 200 else answer.code)
            expected = (200, ["ok"]) if selected else (412, "NOT_MATCH")
            if told != expected:
                about = "is" if selected else "is not"
                wrong = f"a test of {event['event']} answered {told}, expected {expected}: the rule {about} about it"
                raise Deviation(f"{wrong} ({selection.sql})", answer)
            if selected:
                other = context_of(event, clientid="another", name="another", topic=topic)
                target.rules.test(rule, other).expect(412, code="NOT_MATCH")


def unlike_the_example(context: Mapping[str, Any], text: str, subject: str) -> dict[str, Any]:
    """A context in which every column that may has another value than the example; ``clientid`` and ``topic`` stay."""
    other: dict[str, Any] = {}
    for name, value in context.items():
        if name in ("event_type", "clientid", "topic"):
            other[name] = value
        elif isinstance(value, bool):
            other[name] = not value
        elif isinstance(value, int):
            other[name] = value + 1
        elif name in ALTERNATIVES:
            other[name] = ALTERNATIVES[name]
        else:
            other[name] = f"{subject} {text}"
    return other


ALTERNATIVES = {"action": "subscribe", "result": "deny", "reason_code": "not_authorized", "peername": "127.0.0.2:4711"}
"""Other values for columns that are no free text."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule on every event of one client, ``subject``, and on what it publishes on ``topic``.

    It republishes each, by its name, below ``whole`` with all columns, and below ``told`` with those of `TOLD`.
    """

    rule: str
    subject: str
    topic: str
    whole: str
    told: str


TOLD = "${event}|${clientid}|${username}|${topic}|${qos}|${reason}"


@pytest.fixture
def watched(target: Target) -> Watched:
    """A rule that others borrow as well, on a client and with topics of its own: what comes late of another item's
    client is not seen here."""
    subject = target.sandbox.name("client")
    topic, whole, told = (target.sandbox.topic(hint) for hint in ("from", "whole", "told"))
    of_clients = [event for event in events(target) if "clientid" in event["test_columns"]]
    sources = ", ".join(f'"{source_of(event, topic)}"' for event in of_clients)
    actions = [
        {"function": "republish", "args": {"topic": f"{out}/${{event}}", "payload": payload, "qos": 1}}
        for out, payload in ((whole, "${.}"), (told, TOLD))
    ]
    rule = target.borrow_rule(sql=f"SELECT * FROM {sources} WHERE clientid = '{subject}'", actions=actions)
    return Watched(rule, subject, topic, whole, told)


SEEN = "A test that runs its actions gives them the columns of its context, of any event, with the values it has."
NO_OTHERS = "A test that runs its actions gives them no column that the event itself does not have."


@requirement("RUL-49", "POST /rules/{id}/test", "GET /rule_events", level="SHOULD", sentence=NO_OTHERS)
@requirement("RUL-39", "POST /rules/{id}/test", "GET /rule_events", sentence=SEEN)
@pytest.mark.needs("mqtt")
def test_statement_sees_the_context(target: Target, watched: Watched, recorder: Recorder) -> None:
    """A test that runs its actions gives them the columns of its context, and no event_type."""
    rule, topic, subject = watched.rule, watched.topic, watched.subject
    of_clients = [event for event in events(target) if "clientid" in event["test_columns"]]
    listener = target.subscriber(f"{watched.whole}/#", 1)

    for number, event in enumerate(of_clients, 1):
        context = unlike_the_example(context_of(event, clientid=subject, topic=topic), f"of test {number}", subject)
        target.rules.test(rule, context, stop_action_after_template_rendering=False).expect(200)
        arrived = [json.loads(message.payload) for message in listener.wait_for_messages(number)]
        assert len(arrived) == number, f"the test of {event['event']} ran the action {len(arrived) - number + 1} times"
        sent = {name: value for name, value in context.items() if name != "event_type"}
        seen = {name: arrived[-1].get(name) for name in sent}
        assert seen == sent, f"the action of {event['event']} saw {seen}, the context has {sent}"
        # What a test calls an event is said in its request, and in no event.
        message = f"the action of {event['event']} saw the event_type {arrived[-1].get('event_type')!r}"
        recorder.expect("event_type" not in arrived[-1], "RUL-49", "no_event_type", message)


@requirement("RUL-20", "POST /rules")
@pytest.mark.needs("mqtt")
def test_events_of_a_client(target: Target, watched: Watched) -> None:
    """A rule sees a client connect, subscribe, unsubscribe, publish to nobody and disconnect, each exactly once."""
    subject, out = watched.subject, watched.told
    nobody, topic = target.sandbox.topic("nobody"), target.sandbox.topic("t")
    common = target.sandbox.topic("common")
    shared = f"$share/{target.sandbox.name('group')}/{common}"
    nobody_listens = target.publish(nobody).status == 202
    looked_at = ("client.connected", "session.subscribed", "session.unsubscribed", "message.dropped",
                 "message.delivered", "message.acked", "client.disconnected")  # fmt: skip
    listener = target.listen(f"{out}/#")

    client = target.connect(subject)
    username = target.clients.read(subject)["username"] or "undefined"
    client.subscribe(topic, 1)
    client.subscribe(shared, 1)
    target.await_route(common, client)
    target.publish(common, "to a group", qos=1)
    client.wait_for_messages(1, matching=lambda message: message.payload == b"to a group")
    client.unsubscribe(topic)
    client.unsubscribe(shared)
    client.publish(nobody, "x", qos=1)
    client.close()

    expected = [
        ("client.connected", "undefined|undefined|undefined"),
        ("session.subscribed", f"{topic}|1|undefined"),
        ("session.subscribed", f"{shared}|1|undefined"),
        ("message.delivered", f"{common}|1|undefined"),
        ("message.acked", f"{common}|1|undefined"),
        ("session.unsubscribed", f"{topic}|1|undefined"),
        ("session.unsubscribed", f"{shared}|1|undefined"),
        ("client.disconnected", "undefined|undefined|normal"),
    ]
    if nobody_listens:
        expected.append(("message.dropped", f"{nobody}|1|no_subscribers"))

    def is_looked_at(message: MQTTMessage) -> bool:
        """Neither a subscription that the target makes by itself (auto_subscribe) nor what shows that there is one."""
        about, qos = message.payload.decode().split("|")[3:5]
        owned = about == "undefined" or target.sandbox.owns_topic(bare_topic(about))
        return owned and qos != "0" and message.topic.rpartition("/")[2] in looked_at

    found = listener.wait_for_messages(len(expected), matching=is_looked_at)
    arrived = [(message.topic, message.payload.decode()) for message in found]
    wanted = [(f"{out}/{event}", f"{event}|{subject}|{username}|{rest}") for event, rest in expected]
    assert sorted(arrived) == sorted(wanted), f"the events were {sorted(arrived)}, expected {sorted(wanted)}"


@requirement("RUL-45", "POST /rules", "DELETE /clients/{clientid}")
@pytest.mark.needs("mqtt")
def test_ends_of_connections(target: Target, watched: Watched) -> None:
    """A rule sees each end of a connection once, with its reason: ended, lost, taken over, discarded or kicked."""
    subject, out = watched.subject, watched.told
    target.capabilities.profile.limits.check_kept_session()
    listener = target.listen(f"{out}/client.disconnected")

    def reasons(count: int) -> list[str]:
        return [message.payload.decode().rpartition("|")[2] for message in listener.wait_for_messages(count)]

    def connected(*, clean_start: bool) -> MqttClient:
        return target.connect(subject, clean_start=clean_start, session_expiry_s=300)

    connected(clean_start=True)
    connected(clean_start=False)
    assert reasons(1) == ["takenover"], f"a session was taken over, the reasons are {reasons(1)}"
    connected(clean_start=True)
    expected = ["takenover", "discarded"]
    assert reasons(2) == expected, f"then it was discarded, the reasons are {reasons(2)}, expected {expected}"
    target.clients.delete(subject).expect(204)
    expected.append("kicked")
    assert reasons(3) == expected, f"then its client was kicked, the reasons are {reasons(3)}, expected {expected}"
    connected(clean_start=True).lose()
    assert is_away(target, subject), "a client that is gone is still shown as connected"
    # What that is called depends on what the connection ran over.
    assert len(reasons(4)) == 4, f"a connection was lost, the reasons are {reasons(4)}"
    expected.append(reasons(4)[3])
    # Whose session is resumed or ended when nobody is connected has been gone before.
    connected(clean_start=False).close()
    expected.append("normal")
    assert reasons(5) == expected, f"then it was resumed and ended, the reasons are {reasons(5)}, expected {expected}"
    assert is_away(target, subject), "a client that is gone is still shown as connected"
    target.clients.delete(subject).expect(204)
    connected(clean_start=True).close()
    expected.append("normal")
    assert reasons(6) == expected, f"then one more ended, the reasons are {reasons(6)}, expected {expected}"


@requirement(
    "RUL-46",
    "POST /rules",
    "GET /clients/{clientid}",
    sentence="An event tells of its client, connection, message or subscription what the API shows and what happened.",
)
@requirement(
    "RUL-28",
    "GET /rule_events",
    "POST /rules",
    provisional=True,
    sentence="An event that a client brings about has every column GET /rule_events lists for it.",
)
@pytest.mark.needs("mqtt")
def test_events_have_their_columns(target: Target, recorder: Recorder, watched: Watched) -> None:
    """An event that a client brings about has every column GET /rule_events lists for it, and what they say is true."""
    subject, nobody = watched.subject, target.sandbox.topic("nobody")
    provoked = {
        "client_connected", "client_disconnected", "client_connack", "client_check_authz_complete",
        "session_subscribed", "session_unsubscribed", "message_publish", "message_delivered", "message_acked",
        "delivery_dropped",
    }  # fmt: skip
    if target.publish(nobody).status == 202:
        provoked.add("message_dropped")
    if target.capabilities.profile.demands_users:
        provoked.add("client_check_authn_complete")
    listed = {type_of(event): event for event in events(target) if type_of(event) in provoked}
    listener = target.listen(f"{watched.whole}/#")

    target.connect()  # somebody else
    expected = [told for told in life_of(target, subject, watched.topic, nobody) if told.event in listed]

    def seen() -> list[Event]:
        """Type and columns of every such event so far."""
        heard = [json.loads(message.payload) for message in list(listener.messages)]
        named = [(str(event["event"]).replace(".", "_"), event) for event in heard]
        return [(name, event) for name, event in named if name in listed]

    def missing() -> set[str]:
        return listed.keys() - {name for name, _ in seen()}

    target.eventually(lambda: not missing() and not any(untrue(seen(), expected)))
    assert not missing(), f"not seen were {sorted(missing())}"
    for name, event in seen():
        absent = sorted(set(listed[name]["columns"]) - event.keys())
        recorder.expect(not absent, "RUL-28", "has_its_columns", f"{name} lacks the columns {absent}")
        assert event["clientid"] == subject, f"{name} is about {event['clientid']}, who is none of the rule's business"

    wrong = [*untrue(seen(), expected), *untimely(seen())]
    recorder.expect(not wrong, "RUL-46", "events_are_true", "; ".join(wrong))
