"""Faults in what is left of clients that are refused, or gone (AUTZ-02, SES-08, SES-09, SES-10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.message import Message, now_ms
from conformance.reference.mqtt import connection, sessions
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.connection import Connection
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.sessions import Sessions
from tests.faults.seeded import broken, nothing, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"

seed(
    "whether a delayed message is allowed its own topic decides",
    broken(connection, "actual_topic", lambda _: lambda topic: topic),
    scenario("permissions", "denied_delayed_publish_is_refused"),
    "AUTZ-02",
    origin=f"{PULL}9290",
)

GROUP = "messages_of_a_group"


def also_when_kicked(end: Callable[..., None]) -> Callable[..., None]:
    def ended(self: Sessions, session: Session, reason: str = "expired", *more: Any) -> None:
        owed = session.owed_to_groups() if reason == "kicked" else []
        end(self, session, reason, *more)
        for shared, message in owed:
            self._broker.redispatch(shared, message)

    return ended


seed(
    "what a kicked member of a group had goes to another",
    broken(Sessions, "end", also_when_kicked),
    scenario("session_ends", f"{GROUP}[kicked]"),
    "SES-09",
    origin=f"{PULL}9123",
)
seed(
    "what a member of a group leaves behind is lost",
    broken(Broker, "redispatch", nothing),
    scenario("session_ends", f"{GROUP}[leaves]"),
    "SES-09",
    origin=f"{PULL}9104",
)


def will_of_the_refused(admit: Callable[..., None]) -> Callable[..., None]:
    def admitted(newcomer: Connection, packet: Any, size: int) -> None:
        admit(newcomer, packet, size)
        if newcomer.session is None and packet.will is not None:
            will = packet.will
            newcomer.broker.publish(Message(topic=will.topic, payload=will.payload, from_clientid=packet.clientid))

    return admitted


seed(
    "a client that is refused leaves its will",
    broken(connection, "admit", will_of_the_refused),
    tuple(scenario("session_ends", f"refused_client_leaves_nothing[{name}]") for name in ("mqtt5", "mqtt3.1.1")),
    "SES-10",
    origin=f"{PULL}8887",
)

seed(
    "a will is dated back to a time before it was due",
    broken(sessions, "Message", lambda _: lambda **fields: Message(**fields, timestamp=now_ms() - 60_000)),
    scenario("session_ends", "will_as_it_was_asked_for[mqtt5]"),
    "SES-08",
    origin=f"{PULL}10682",
)
