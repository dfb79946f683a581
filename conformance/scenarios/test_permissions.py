"""What authorization rules mean to MQTT clients (AUTZ)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.target.guard.mode import Mode
from conformance.target.mqtt import MqttClient
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.needs("mqtt", "authorization", "authenticator", "decisions", "told denials"),
    pytest.mark.state("authorization"),
]

USERS, CLIENTS = f"PUT {paths.RULES_OF_USER}", f"PUT {paths.RULES_OF_CLIENT}"
REPLACE_ALL, READ_ALL = f"POST {paths.RULES_OF_ALL}", f"GET {paths.RULES_OF_ALL}"
READ_CACHE = "GET /clients/{clientid}/authorization/cache"
DELETE_CACHE = "DELETE /clients/{clientid}/authorization/cache"

NOT_AUTHORIZED = 0x87
CLOCK_TOLERANCE_S = 60
"""What the clocks of suite and target may differ in when a decision was made."""

TAKEN = (0x00, 0x10)
"""PUBACK of a message that was taken: with or without subscribers."""


def rule(permission: str, action: str, topic: str, **fields: Any) -> dict[str, Any]:
    return {"permission": permission, "action": action, "topic": topic, **fields}


@dataclass(frozen=True, slots=True)
class Subject:
    """A user and client id of the sandbox, before they connect."""

    target: Target
    client_id: str
    username: str

    def rules_of_client(self, *rules: dict[str, Any]) -> None:
        self.target.client_rules.put(self.client_id, {"clientid": self.client_id, "rules": list(rules)}).expect(204)

    def rules_of_user(self, *rules: dict[str, Any], welcome: bool = True) -> None:
        """``welcome``: whether what no rule speaks of is allowed, also on a target that denies it otherwise."""
        if welcome:
            rules = (*rules, *self.target.welcome.rules)
        self.target.user_rules.put(self.username, {"username": self.username, "rules": list(rules)}).expect(204)

    def connect(self, **options: Any) -> MqttClient:
        login = {"username": self.username, "password": PASSWORD}
        return self.target.connect(self.client_id, allowed=False, **login, **options)


@pytest.fixture
def subject(target: Target) -> Subject:
    subject = Subject(target, target.sandbox.name("client"), target.users.create())
    target.welcome.allow_user(subject.username)
    return subject


def publish(client: MqttClient, topic: str, qos: int = 1, **options: Any) -> bool:
    """Whether the broker takes a message; raises AssertionError for an unexpected reason code."""
    code = client.publish(topic, "x", qos, **options)
    assert code in (*TAKEN, NOT_AUTHORIZED), f"publish to {topic} was answered 0x{code:02X}"
    return code in TAKEN


@requirement("AUTZ-02", CLIENTS)
def test_denied_publish_is_told_and_not_delivered(target: Target, subject: Subject) -> None:
    """A denied publish is answered 0x87 to an MQTT 5 client and not delivered; an allowed one is delivered."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(rule("deny", "publish", f"{topic}/no"))
    observer = target.subscriber(f"{topic}/#")
    client = subject.connect()

    assert not publish(client, f"{topic}/no"), "a denied publish was taken"
    for qos in (0, 2):  # how QoS 2 is refused, the client library does not tell
        client.publish(f"{topic}/no", f"QoS {qos}", qos)
    assert publish(client, f"{topic}/yes"), "an allowed publish was denied"
    client.publish(f"{topic}/yes", "marker")
    arrived = observer.received_before("marker")
    assert arrived == ["x"], f"{arrived} arrived; of the denied publishes nothing should"


@requirement("AUTZ-02", CLIENTS)
def test_denied_publish_of_an_old_client_is_dropped(target: Target, subject: Subject) -> None:
    """A denied publish of an MQTT 3.1.1 client is acknowledged and not delivered."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(rule("deny", "publish", f"{topic}/no"))
    observer = target.subscriber(f"{topic}/#")
    client = subject.connect(protocol=4)

    client.publish(f"{topic}/no", "denied")
    client.publish(f"{topic}/yes", "marker")
    arrived = observer.received_before("marker")
    assert arrived == [], f"{arrived} arrived although it was denied"


@requirement("AUTZ-02", CLIENTS)
@pytest.mark.parametrize(("protocol", "refused"), [(5, NOT_AUTHORIZED), (4, 0x80)], ids=["mqtt5", "mqtt3.1.1"])
def test_denied_subscription_is_refused(target: Target, subject: Subject, protocol: int, refused: int) -> None:
    """A denied subscription is refused in SUBACK (0x87, in MQTT 3.1.1 0x80) and delivers nothing."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(rule("deny", "subscribe", f"{topic}/no"))
    client = subject.connect(protocol=protocol)

    granted = client.subscribe(f"{topic}/yes")
    assert granted == 1, f"an allowed subscription was answered 0x{granted:02X}"
    code = client.subscribe(f"{topic}/no")
    assert code == refused, f"a denied subscription was answered 0x{code:02X}, expected 0x{refused:02X}"
    target.await_route(f"{topic}/yes", client)
    target.publish(f"{topic}/no", "denied")
    target.publish(f"{topic}/yes", "marker", qos=1)
    assert client.received_before("marker") == [], "a denied subscription delivered"


@requirement("AUTZ-03", CLIENTS, USERS)
def test_first_match_wins(target: Target, subject: Subject) -> None:
    """The first rule that matches decides, and rules of the client come before those of its user."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(
        rule("allow", "publish", f"{topic}/a/first"),
        rule("deny", "publish", f"{topic}/a/#"),
    )
    subject.rules_of_user(rule("deny", "publish", f"{topic}/a/first"), rule("deny", "publish", f"{topic}/b"))
    client = subject.connect()

    assert publish(client, f"{topic}/a/first"), "the client's first rule allows, a later one was obeyed"
    assert not publish(client, f"{topic}/a/second"), "the client's second rule denies, and was not obeyed"
    assert not publish(client, f"{topic}/b"), "no rule of the client matches, and the user's was not obeyed"
    assert publish(client, f"{topic}/c"), "no rule matches, and the publish was denied"


@pytest.fixture
def rules_of_all(target: Target) -> Iterator[list[dict[str, Any]]]:
    """The rules of everybody as they were, which are put back after the item."""
    before: list[dict[str, Any]] = target.api.call(READ_ALL).expect(200).json["rules"]
    yield before
    target.api.call(REPLACE_ALL, json={"rules": before}).expect(204)


@requirement("AUTZ-03", REPLACE_ALL)
@pytest.mark.mode(Mode.EXCLUSIVE, "it replaces the rules of everybody")
@pytest.mark.writes(REPLACE_ALL)
@pytest.mark.state("authorization", alone=True)
def test_rules_of_everybody_come_last(target: Target, subject: Subject, rules_of_all: list[dict[str, Any]]) -> None:
    """Rules of everybody decide where neither client nor user has a rule that matches."""
    topic = target.sandbox.topic("acl")
    everybody = [rule("deny", "publish", f"{topic}/{level}") for level in "abc"]
    rules = [*everybody, *target.welcome.rules, *rules_of_all]
    target.api.call(REPLACE_ALL, json={"rules": rules}).expect(204)
    subject.rules_of_client(rule("allow", "publish", f"{topic}/a"))
    subject.rules_of_user(rule("allow", "publish", f"{topic}/b"), welcome=False)
    client = subject.connect()

    taken = {level: publish(client, f"{topic}/{level}") for level in "abcd"}
    assert taken == {"a": True, "b": True, "c": False, "d": True}, f"taken: {taken}"


@requirement("AUTZ-04", CLIENTS)
def test_eq_is_taken_literally(target: Target, subject: Subject) -> None:
    """A rule for "eq a/#" is about the filter a/# itself and not about a/b."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(rule("deny", "subscribe", f"eq {topic}/#"))
    client = subject.connect()

    assert client.subscribe(f"{topic}/b") == 1, "the rule for the literal filter denies a/b"
    code = client.subscribe(f"{topic}/#")
    assert code == NOT_AUTHORIZED, f"the literal filter was answered 0x{code:02X}"


@requirement("AUTZ-05", CLIENTS)
def test_placeholders_are_filled_in(target: Target, subject: Subject) -> None:
    """${clientid} and ${username} in a rule's topic stand for those of the client."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(
        rule("allow", "publish", f"{topic}/${{clientid}}/${{username}}"), rule("deny", "publish", f"{topic}/#")
    )
    client = subject.connect()

    assert publish(client, f"{topic}/{subject.client_id}/{subject.username}"), "the filled-in topic is denied"
    assert not publish(client, f"{topic}/{subject.username}/{subject.client_id}"), "another topic is allowed"
    assert not publish(client, f"{topic}/${{clientid}}/${{username}}"), "the placeholder itself is allowed"


@requirement("AUTZ-06", CLIENTS)
def test_qos_and_retain_restrict(target: Target, subject: Subject) -> None:
    """A rule with QoS levels and a retain flag is about messages, and subscriptions, with these only."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(
        rule("deny", "publish", f"{topic}/1", qos=[1]),
        rule("deny", "publish", f"{topic}/0,2", qos=[0, 2]),
        *(rule("deny", "publish", f"{topic}/retain {flag}", retain=flag) for flag in (True, False)),
        rule("deny", "publish", f"{topic}/both", qos=[1], retain=True),
        rule("deny", "subscribe", f"{topic}/of 2", qos=[2]),
    )
    client = subject.connect()

    assert not publish(client, f"{topic}/1", 1), "QoS 1 is denied, and was taken"
    assert publish(client, f"{topic}/1", 2), "only QoS 1 is denied, and QoS 2 was refused"
    assert publish(client, f"{topic}/0,2", 1), "only QoS 0 and 2 are denied, and QoS 1 was refused"
    for flag in (True, False):
        for retain in (True, False):
            taken = publish(client, f"{topic}/retain {flag}", retain=retain)
            assert taken is (retain is not flag), (
                f"denied with retain {flag}; with retain {retain} it is taken: {taken}"
            )
    assert not publish(client, f"{topic}/both", 1, retain=True), "QoS 1 with retain is denied, and was taken"
    assert publish(client, f"{topic}/both", 1, retain=False), "denied is QoS 1 with retain, and without it was refused"
    assert publish(client, f"{topic}/both", 2, retain=True), "denied is QoS 1 with retain, and QoS 2 was refused"
    granted = {qos: client.subscribe(f"{topic}/of 2", qos) for qos in (0, 1, 2)}
    assert max(granted[0], granted[1]) <= 1, f"denied is QoS 2, and subscriptions were answered {granted}"
    assert granted[2] == NOT_AUTHORIZED, f"QoS 2 is denied, and subscriptions were answered {granted}"


@requirement("AUTZ-17", CLIENTS)
def test_action_restricts(target: Target, subject: Subject) -> None:
    """A rule about publishing is not about subscribing, one about subscribing the reverse, one about all is on both."""
    topic = target.sandbox.topic("acl")
    denied = ("publish", "subscribe", "all")
    subject.rules_of_client(*(rule("deny", action, f"{topic}/{action}") for action in denied))
    client = subject.connect()

    for action in denied:
        may = (publish(client, f"{topic}/{action}"), client.subscribe(f"{topic}/{action}") <= 1)
        expected = (action == "subscribe", action == "publish")
        assert may == expected, f"denied is {action}; may publish, may subscribe are {may}, expected {expected}"


@requirement("AUTZ-12", READ_CACHE, DELETE_CACHE)
def test_cache_is_shown_and_cleared(target: Target, subject: Subject) -> None:
    """The cache shows a connected client's last decisions; clearing it makes changed rules effective."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(rule("allow", "publish", topic), rule("deny", "publish", f"{topic}/#"))
    client = subject.connect()
    assert publish(client, topic), "an allowed publish was denied"
    assert not publish(client, f"{topic}/no"), "a denied publish was taken"
    client.subscribe(f"{topic}/of", 0)
    other = target.connect()
    other.subscribe(f"{topic}/other")

    def entries(client_id: str) -> list[dict[str, Any]]:
        answer = target.api.call(READ_CACHE, path={"clientid": client_id}).expect(200)
        return [entry for entry in answer.json if entry["topic"].startswith(topic)]

    def cached(client_id: str = subject.client_id) -> list[tuple[Any, ...]]:
        return sorted(
            (entry["topic"], entry["access"]["action_type"], entry["access"]["qos"], entry["result"])
            for entry in entries(client_id)
        )

    expected = [
        (topic, "publish", 1, "allow"), (f"{topic}/no", "publish", 1, "deny"), (f"{topic}/of", "subscribe", 0, "allow"),
    ]  # fmt: skip
    assert target.eventually(lambda: cached() == expected), f"the cache shows {cached()}, expected {expected}"
    ages = [time.time() - entry["updated_time"] / 1000 for entry in entries(subject.client_id)]
    assert all(abs(age) < CLOCK_TOLERANCE_S for age in ages), f"the decisions of the cache are {ages} s old"
    of_other = [(f"{topic}/other", "subscribe", 1, "allow")]
    shown = target.eventually(lambda: cached(other.client_id) == of_other)
    assert shown, f"the cache of another client shows {cached(other.client_id)}, expected {of_other}"

    subject.rules_of_client(rule("deny", "publish", topic))
    target.api.call(DELETE_CACHE, path={"clientid": subject.client_id}).expect(204)
    denied = target.eventually(lambda: not publish(client, topic))
    assert denied, "a rule that was changed is not effective after the cache was cleared"
    assert cached(other.client_id) == of_other, "with the cache of a client that of another was cleared"
