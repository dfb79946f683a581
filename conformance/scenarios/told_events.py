"""What events must tell of a client that is known otherwise: by what it did, and by how the API shows it (RUL)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.scenarios.clocks import CLOCK_TOLERANCE_S
from conformance.target.target import Target

UNDEFINED = "undefined"
"""How a rule prints what there is not."""

API = "http_api"
"""The client id that events give what the API publishes."""

INSTANTS = ("publish_received_at", "connected_at", "disconnected_at")

Event = tuple[str, Mapping[str, Any]]
"""Type and columns of an event."""


@dataclass(frozen=True, slots=True)
class Port:
    """An address and port of which the port is known: the address may be told in several ways."""

    number: int

    def __repr__(self) -> str:
        return f"port {self.number}, as of the client in the API"


@dataclass(frozen=True, slots=True)
class Told:
    """What events of a type must tell, those about ``topic`` if there is one; of a map the keys that are named."""

    event: str
    columns: Mapping[str, Any]
    topic: str | None = None

    def __str__(self) -> str:
        return self.event if self.topic is None else f"{self.event} of {self.topic}"

    def concerns(self, event: Event) -> bool:
        name, columns = event
        return name == self.event and self.topic in (None, columns.get("topic"))


def untrue(events: Sequence[Event], expected: Iterable[Told]) -> Iterator[str]:
    """What is not as expected: of each event that does not occur, and of each column of those that do."""
    wrong: dict[str, list[str]] = {}
    for told in expected:
        found = [columns for name, columns in events if told.concerns((name, columns))]
        if not found:
            topics = sorted({str(columns.get("topic")) for name, columns in events if name == told.event})
            yield f"no {told}; events of that type are about {topics}"
        for columns in found:
            for column, value in told.columns.items():
                if not _tells(columns.get(column), value):
                    wrong.setdefault(f"{column} is {columns.get(column)!r}, expected {value!r}", []).append(str(told))
    for what, where in wrong.items():
        yield f"{' and '.join(where)}: {what}"


def untimely(events: Sequence[Event]) -> Iterator[str]:
    """One sentence for each instant that is not when it was: in milliseconds, and of a connection always the same."""
    told = [columns.get("connected_at") for name, columns in events if name.startswith("client_")]
    connected = {instant for instant in told if isinstance(instant, int)}
    if len(connected) > 1:
        yield f"events of one connection tell that it began at {sorted(connected)}"
    for name, columns in events:
        for column in INSTANTS:
            instant, happened = columns.get(column), columns["timestamp"]
            if instant is not None and abs(instant - happened) > CLOCK_TOLERANCE_S * 1000:
                yield f"{name}: {column} is {instant}, the event happened at {happened}, in milliseconds"


def _tells(value: Any, expected: Any) -> bool:
    if isinstance(expected, Port):
        return str(value).rpartition(":")[2] == str(expected.number)
    if isinstance(expected, Mapping):
        return isinstance(value, Mapping) and all(_tells(value.get(name), expected[name]) for name in expected)
    return bool(value == expected)


KEEPALIVE_S, EXPIRY_S = 77, 300
ONCE, TWICE = {"a": "1"}, [("a", "1"), ("a", "2")]
"""User properties: a name has several values where MQTT carries them, and one through the API."""

DELIVERED, OWN, DROPPED, PUBLISHED = "delivered", "not delivered to its publisher", "dropped", "published"
"""Payloads."""


def life_of(target: Target, subject: str, source: str, nobody: str) -> list[Told]:
    """Bring about every event of a client that a healthy target has, and return what they must tell.

    The client publishes to ``source``, which a rule listens to, and to ``nobody``; it is kicked in the end.
    """
    topic, own = target.sandbox.topic("t"), target.sandbox.topic("own")
    client = target.connect(subject, keepalive_s=KEEPALIVE_S, session_expiry_s=EXPIRY_S)
    shown = target.clients.read(subject)
    client.subscribe(topic, 1)
    sent = target.publish(topic, DELIVERED, qos=1, properties={"user_properties": ONCE}).json
    client.wait_for_messages()
    client.subscribe(own, 1, noLocal=True)
    client.publish(own, OWN, qos=1)
    client.publish(nobody, DROPPED, qos=1, UserProperty=TWICE)
    client.publish(source, PUBLISHED, qos=1, UserProperty=TWICE)
    client.unsubscribe(topic)
    target.clients.delete(subject).expect(204)

    protocol = {name: shown[name] for name in ("proto_name", "proto_ver")}
    # What a target grants otherwise than it was asked for is told before or after it decided so.
    asked = {"keepalive": KEEPALIVE_S, "expiry_interval": EXPIRY_S, "clean_start": True}
    granted = {name: value for name, value in asked.items() if shown[name] == value}
    # 5.8 tells the expiry interval of a CONNACK in milliseconds.
    greeted = {name: value for name, value in granted.items() if name != "expiry_interval"}
    from_api = {"from_clientid": API, "from_username": UNDEFINED, "payload": DELIVERED, "qos": 1}
    from_api |= {"pub_props": {"User-Property": ONCE}, **({"id": sent["id"]} if "id" in sent else {})}
    pairs = [{"key": key, "value": value} for key, value in TWICE]
    published = {"qos": 1, "flags": {"retain": False}, "pub_props": {"User-Property-Pairs": pairs}}
    from_itself = {"from_clientid": subject, "from_username": shown["username"] or UNDEFINED}
    authenticated = {"reason_code": "success", "is_superuser": False, "is_anonymous": False}
    expected = [
        Told("client_check_authn_complete", authenticated),
        Told("client_connack", {"reason_code": "success", **protocol, **greeted}),
        Told("client_connected", {**protocol, **granted, "is_bridge": False}),
        Told("client_check_authz_complete", {"action": "subscribe", "result": "allow"}, topic),
        Told("client_check_authz_complete", {"action": "publish", "result": "allow"}, nobody),
        Told("session_subscribed", {"qos": 1}, topic),
        Told("session_unsubscribed", {"qos": 1}, topic),
        Told("message_delivered", from_api, topic),
        Told("message_acked", from_api, topic),
        Told("message_publish", {"payload": PUBLISHED, **published}, source),
        Told("message_dropped", {"payload": DROPPED, "reason": "no_subscribers", **published}, nobody),
        Told("delivery_dropped", {"payload": OWN, "reason": "no_local", "qos": 1, **from_itself}, own),
        Told("client_disconnected", {"reason": "kicked", **protocol}),
    ]
    whose = {"username": shown["username"] or UNDEFINED, "peername": Port(shown["port"])}
    return [Told(each.event, whose | dict(each.columns), each.topic) for each in expected]
