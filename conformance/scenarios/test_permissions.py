"""What authorization rules mean to MQTT clients (AUTZ)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.clocks import CLOCK_TOLERANCE_S
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import PREFIX, bare_topic
from conformance.target.mqtt import MqttClient
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.needs("mqtt", "authorization", "authenticator", "decisions", "told denials"),
    pytest.mark.state("authorization"),
]

USERS, CLIENTS = f"PUT {paths.RULES_OF_USER}", f"PUT {paths.RULES_OF_CLIENT}"
CREATES = (f"POST {paths.USER_RULES}", f"POST {paths.CLIENT_RULES}")
DELETES = (f"DELETE {paths.RULES_OF_USER}", f"DELETE {paths.RULES_OF_CLIENT}")
REPLACE_ALL, READ_ALL, DELETE_ALL = (f"{method} {paths.RULES_OF_ALL}" for method in ("POST", "GET", "DELETE"))
READ_CACHE = "GET /clients/{clientid}/authorization/cache"
DELETE_CACHE = "DELETE /clients/{clientid}/authorization/cache"

NOT_AUTHORIZED = 0x87
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


@requirement("AUTZ-02", CLIENTS, sentence="A shared subscription is refused where one to its topic is.")
def test_denied_shared_subscription_is_refused(target: Target, subject: Subject) -> None:
    """A rule about a topic denies shared subscriptions to it as well, whatever their group."""
    topic, group = target.sandbox.topic("acl"), target.sandbox.name("group")
    subject.rules_of_client(rule("deny", "subscribe", f"{topic}/no/+"))
    client = subject.connect()

    # Each with topics of its own, for decisions are remembered by the topic.
    for own, prefix in (("shared", f"$share/{group}/"), ("queued", "$queue/")):
        granted = client.subscribe(f"{prefix}{topic}/yes/{own}")
        assert granted == 1, f"an allowed subscription to {prefix}... was answered 0x{granted:02X}"
        code = client.subscribe(f"{prefix}{topic}/no/{own}")
        assert code == NOT_AUTHORIZED, f"a denied subscription to {prefix}... was answered 0x{code:02X}"


@requirement("AUTZ-02", CLIENTS, sentence="A message to be delayed is refused where one to its topic is.")
def test_denied_delayed_publish_is_refused(target: Target, subject: Subject) -> None:
    """A rule about a topic denies messages to it that are to be delayed as well, and no other of them."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(rule("deny", "publish", f"{topic}/no"))
    client = subject.connect()

    taken = {level: publish(client, f"$delayed/1/{topic}/{level}") for level in ("no", "yes")}
    assert taken == {"no": False, "yes": True}, f"of delayed messages to {topic}/no, which is denied, and yes: {taken}"


@requirement("AUTZ-03", CLIENTS, USERS)
def test_first_match_wins(target: Target, subject: Subject) -> None:
    """The first rule that matches decides, and rules of the client come before those of its user."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(
        rule("allow", "publish", f"{topic}/a/first"),
        rule("deny", "publish", f"{topic}/a/#"),
    )
    subject.rules_of_user(
        rule("deny", "publish", f"{topic}/a/first"),
        rule("deny", "publish", f"{topic}/b"),
        rule("allow", "publish", f"{topic}/d/first"),
        rule("deny", "publish", f"{topic}/d/#"),
    )
    # Somebody else's, who only is called the same: a user like the client, a client like the user, one in capitals.
    names = {"username": subject.client_id, "clientid": subject.username}
    capitals = subject.client_id.removeprefix(target.sandbox.prefix).upper()
    for field, name in (*names.items(), ("clientid", f"{target.sandbox.prefix}{capitals}")):
        others = target.user_rules if field == "username" else target.client_rules
        others.put(name, {field: name, "rules": [rule("deny", "publish", f"{topic}/c")]}).expect(204)
    client = subject.connect()

    assert publish(client, f"{topic}/a/first"), "the client's first rule allows, a later one was obeyed"
    assert not publish(client, f"{topic}/a/second"), "the client's second rule denies, and was not obeyed"
    assert not publish(client, f"{topic}/b"), "no rule of the client matches, and the user's was not obeyed"
    assert publish(client, f"{topic}/c"), "no rule of the client or its user matches, and the publish was denied"
    assert publish(client, f"{topic}/d/first"), "an earlier rule of the user allows, a later one was obeyed"
    assert not publish(client, f"{topic}/d/second"), "a later rule of the user denies, and was not obeyed"


@pytest.fixture
def rules_of_all(target: Target) -> Iterator[list[dict[str, Any]]]:
    """The rules of everybody as they were, which are put back after the item."""
    before: list[dict[str, Any]] = target.api.call(READ_ALL).expect(200).json["rules"]
    yield before
    target.api.call(REPLACE_ALL, json={"rules": before}).expect(204)


@requirement("AUTZ-03", REPLACE_ALL, DELETE_ALL)
@pytest.mark.mode(Mode.EXCLUSIVE, "it replaces the rules of everybody")
@pytest.mark.writes(REPLACE_ALL, DELETE_ALL)
@pytest.mark.state("authorization", alone=True)
def test_rules_of_everybody_come_last(target: Target, subject: Subject, rules_of_all: list[dict[str, Any]]) -> None:
    """Rules of everybody decide where neither client nor user has a rule that matches."""
    topic = target.sandbox.topic("acl")
    everybody = [rule("deny", "publish", f"{topic}/{level}") for level in "abc"]
    everybody += [rule("allow", "publish", f"{topic}/e/first"), rule("deny", "publish", f"{topic}/e/#")]
    rules = [*everybody, *target.welcome.rules, *rules_of_all]
    target.api.call(REPLACE_ALL, json={"rules": rules}).expect(204)
    subject.rules_of_client(rule("allow", "publish", f"{topic}/a"))
    subject.rules_of_user(rule("allow", "publish", f"{topic}/b"), welcome=False)
    client = subject.connect()

    taken = {level: publish(client, f"{topic}/{level}") for level in ("a", "b", "c", "d", "e/first", "e/second")}
    expected = {"a": True, "b": True, "c": False, "d": True, "e/first": True, "e/second": False}
    assert taken == expected, f"taken: {taken}, expected {expected}"
    if not target.capabilities.profile.demands_users:
        nameless = target.connect(allowed=False)
        assert not publish(nameless, f"{topic}/c"), "what is denied to everybody a client without a user name may do"

    if not all(bare_topic(each["topic"].removeprefix("eq ")).startswith(PREFIX) for each in rules_of_all):
        return  # where the rules of others are gone, they miss them, and what is allowed is not known
    target.api.call(DELETE_ALL).expect(204)
    again = subject.connect()
    # What was denied and what was allowed: now no rule says anything about either.
    taken = {level: publish(again, f"{topic}/{level}") for level in "cd"}
    expected = dict.fromkeys("cd", not target.capabilities.profile.ruled)
    assert taken == expected, f"the rules of everybody were deleted; taken: {taken}, expected {expected}"


@requirement("AUTZ-19", REPLACE_ALL, "POST /publish")
@pytest.mark.mode(Mode.EXCLUSIVE, "it replaces the rules of everybody")
@pytest.mark.writes(REPLACE_ALL)
@pytest.mark.state("authorization", alone=True)
def test_api_is_above_the_rules(target: Target, subject: Subject, rules_of_all: list[dict[str, Any]]) -> None:
    """What the API publishes is delivered, whatever rules deny to MQTT clients."""
    topic = target.sandbox.topic("acl")
    rules = [rule("deny", "publish", f"{topic}/#"), *target.welcome.rules, *rules_of_all]
    target.api.call(REPLACE_ALL, json={"rules": rules}).expect(204)
    subject.rules_of_user(welcome=False)
    assert not publish(subject.connect(), topic), "a publish that is denied to everybody was taken"

    observer = target.subscriber(topic)
    target.publish(topic, "of the API", qos=1)
    observer.wait_for_messages(1)
    assert observer.texts == ["of the API"], f"the API published, and {observer.texts} arrived"


@requirement("AUTZ-04", CLIENTS)
def test_eq_is_taken_literally(target: Target, subject: Subject) -> None:
    """A rule for "eq a/#" is about the filter a/# itself and not about a/b."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(
        rule("deny", "subscribe", f"eq {topic}/#"),
        rule("deny", "all", f"eq {topic}/plain"),
        rule("deny", "all", f"eq {topic}/${{clientid}}"),
    )
    client = subject.connect()

    assert client.subscribe(f"{topic}/b") == 1, "the rule for the literal filter denies a/b"
    code = client.subscribe(f"{topic}/#")
    assert code == NOT_AUTHORIZED, f"the literal filter was answered 0x{code:02X}"
    for literal in (f"{topic}/plain", f"{topic}/${{clientid}}"):
        assert not publish(client, literal), f"a rule denies publishing to the literal {literal}, and it was taken"
        code = client.subscribe(literal)
        assert code == NOT_AUTHORIZED, f"a rule denies the literal {literal}, and a subscription got 0x{code:02X}"
    assert publish(client, f"{topic}/{subject.client_id}"), "a placeholder in a literal topic was filled in"


@requirement("AUTZ-05", CLIENTS, USERS)
def test_placeholders_are_filled_in(target: Target, subject: Subject) -> None:
    """${clientid} and ${username} in a rule's topic stand for those of the client."""
    topic = target.sandbox.topic("acl")
    subject.rules_of_client(
        rule("allow", "publish", f"{topic}/${{clientid}}/${{username}}"), rule("deny", "publish", f"{topic}/#")
    )
    subject.rules_of_user(rule("deny", "subscribe", f"{topic}/of-${{clientid}}/x-${{clientid}}/+"))
    client = subject.connect()

    assert publish(client, f"{topic}/{subject.client_id}/{subject.username}"), "the filled-in topic is denied"
    assert not publish(client, f"{topic}/{subject.username}/{subject.client_id}"), "another topic is allowed"
    assert not publish(client, f"{topic}/${{clientid}}/${{username}}"), "the placeholder itself is allowed"
    # As a part of a level, more than once, in a rule of the user, and for subscriptions.
    one = subject.client_id
    code = client.subscribe(f"{topic}/of-{one}/x-{one}/y")
    assert code == NOT_AUTHORIZED, f"the filled-in topic is denied, and a subscription was answered 0x{code:02X}"
    assert client.subscribe(f"{topic}/of-{one}/x-another/y") == 1, "a subscription to another topic was refused"


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
        rule("deny", "all", f"{topic}/all", qos=[1, 2], retain=True),
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
    assert not publish(client, f"{topic}/all", 1, retain=True), "all with retain is denied, and a publish was taken"
    assert publish(client, f"{topic}/all", 1), "all with retain is denied, and a publish without was refused"


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
    target.capabilities.profile.check_cache()
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

    def cached(client_id: str = subject.client_id) -> list[tuple[str, dict[str, Any], str]]:
        shown = [(entry["topic"], entry["access"], entry["result"]) for entry in entries(client_id)]
        return sorted(shown, key=lambda entry: entry[0])

    published = {"action_type": "publish", "qos": 1, "retain": False}
    expected = [
        (topic, published, "allow"),
        (f"{topic}/no", published, "deny"),
        (f"{topic}/of", {"action_type": "subscribe", "qos": 0}, "allow"),
    ]
    assert target.eventually(lambda: cached() == expected), f"the cache shows {cached()}, expected {expected}"
    ages = [time.time() - entry["updated_time"] / 1000 for entry in entries(subject.client_id)]
    assert all(abs(age) < CLOCK_TOLERANCE_S for age in ages), f"the decisions of the cache are {ages} s old"
    of_other = [(f"{topic}/other", {"action_type": "subscribe", "qos": 1}, "allow")]
    shown = target.eventually(lambda: cached(other.client_id) == of_other)
    assert shown, f"the cache of another client shows {cached(other.client_id)}, expected {of_other}"

    subject.rules_of_client(rule("deny", "publish", topic), rule("allow", "publish", f"{topic}/no"))
    target.api.call(DELETE_CACHE, path={"clientid": subject.client_id}).expect(204)
    denied = target.eventually(lambda: not publish(client, topic))
    assert denied, "a rule that was changed is not effective after the cache was cleared"
    assert publish(client, f"{topic}/no"), "what was denied before the cache was cleared is denied still"
    assert cached(other.client_id) == of_other, "with the cache of a client that of another was cleared"


@requirement("AUTZ-18", *CREATES, CLIENTS, USERS, *DELETES)
@pytest.mark.parametrize("kind", ["users", "clients"])
def test_rules_decide_as_they_are_now(target: Target, subject: Subject, kind: str) -> None:
    """Who connects after rules were created, changed or deleted may do what they say then, also with an old session."""
    topic, users = target.sandbox.topic("acl"), kind == "users"
    rules, name = (target.user_rules, subject.username) if users else (target.client_rules, subject.client_id)
    rules.delete(name).expect(204, 404)

    def decides(after: str, *, allowed: str, denied: str) -> None:
        client = subject.connect(clean_start=False, session_expiry_s=60)
        taken = {level: publish(client, f"{topic}/{level}") for level in (allowed, denied)}
        client.close()
        assert taken == {allowed: True, denied: False}, f"{after} the rules deny {denied}, and taken are {taken}"

    def entry(allowed: str, denied: str) -> dict[str, Any]:
        decided = [rule("allow", "publish", f"{topic}/{allowed}"), rule("deny", "publish", f"{topic}/{denied}")]
        return {rules.parameter: name, "rules": [*decided, *target.welcome.rules]}

    target.api.call(f"POST {rules.path}", json=[entry("a", "b")]).expect(204)
    decides("created", allowed="a", denied="b")
    rules.put(name, entry("b", "a")).expect(204)
    decides("changed,", allowed="b", denied="a")
    rules.delete(name).expect(204)
    (subject.rules_of_client(*target.welcome.rules) if users else subject.rules_of_user())
    client = subject.connect(clean_start=False, session_expiry_s=60)
    assert publish(client, f"{topic}/a"), "rules that were deleted still deny"
