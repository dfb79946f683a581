"""Faults in what rules hear of shared subscriptions and of the ends of connections (RUL-20, RUL-45)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.mqtt.events import Events
from conformance.reference.mqtt.sessions import Sessions
from conformance.reference.rules import parser
from conformance.target.guard.sandbox import bare_topic
from tests.faults.seeded import broken, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"
ENDS = scenario("rule_events", "ends_of_connections")
CLIENT = scenario("rule_events", "events_of_a_client")


def reasoned(change: Callable[[str], str | None]) -> Any:
    """The reason of a disconnection is told as ``change`` makes it; None: there is no event."""

    def make(original: Callable[..., None]) -> Callable[..., None]:
        def told(self: Any, session: Any, reason: str) -> None:
            if (changed := change(reason)) is not None:
                original(self, session, changed)

        return told

    return broken(Events, "client_disconnected", make)


for ended in ("takenover", "discarded"):
    seed(
        f"no rule hears of a client that was {ended}",
        reasoned(lambda reason, ended=ended: None if reason == ended else reason),
        ENDS,
        "RUL-45",
        origin=f"{PULL}9327",
    )
seed(
    "a kick is told as an end like any other",
    reasoned(lambda reason: "normal" if reason == "kicked" else reason),
    ENDS,
    "RUL-45",
)


def emitted(change: Callable[[str, dict[str, Any]], Any]) -> Any:
    """``change`` may alter the columns of an event, by its name; False: there is none."""

    def make(original: Callable[..., None]) -> Callable[..., None]:
        def emit(self: Any, name: str, columns: dict[str, Any], *more: Any) -> None:
            columns = dict(columns)
            if change(name, columns) is not False:
                original(self, name, columns, *more)

        return emit

    return broken(Events, "_emit", make)


def bare(name: str, columns: dict[str, Any]) -> None:
    if name in ("session_subscribed", "session_unsubscribed"):
        columns["topic"] = bare_topic(columns["topic"])


seed("rules see no share in what a client subscribes to", emitted(bare), CLIENT, "RUL-20", origin=f"{PULL}10976")
seed(
    "no rule hears of what goes to a group",
    emitted(lambda name, columns: not (name == "message_delivered" and "common" in columns["topic"])),
    CLIENT,
    "RUL-20",
    origin=f"{PULL}9228",
)


def resumed_as_ended(original: Callable[..., Any]) -> Callable[..., Any]:
    def opened(self: Any, connection: Any, packet: Any, peer: Any) -> Any:
        old = self._sessions.get(packet.clientid)
        if old is not None and old.connection is None and not packet.clean_start:
            self._broker.events.client_disconnected(old, "takenover")
        return original(self, connection, packet, peer)

    return opened


seed(
    "a session that is resumed is told as taken over",
    broken(Sessions, "open", resumed_as_ended),
    ENDS,
    "RUL-45",
    origin=f"{PULL}12976",
)
seed(
    "a topic in single quotes keeps them",
    broken(
        parser,
        "_unquoted",
        lambda original: lambda token: str(token) if str(token).startswith("'") and "/" in token else original(token),
    ),
    scenario("rules", "from_lists_the_topics_of_the_statement"),
    "RUL-02",
    origin=f"{PULL}10318",
)
