"""Faults of what the end of a connection means for will, session and messages (SES).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.access.access import Access
from conformance.reference.message import Message
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.connection import Connection
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.sessions import Sessions
from conformance.reference.mqtt.wire import ProtocolError
from tests.faults.seeded import always, before, broken, nothing, scenario, seed, twice

PULL = "https://github.com/emqx/emqx/pull/"


def ended(test: str, *cells: str) -> tuple[str, ...]:
    return tuple(scenario("session_ends", f"{test}[{cell}]") for cell in cells)


# --- kicks ------------------------------------------------------------------------------------------------------------


def will_if(condition: Callable[[Session], bool]) -> Callable[[Any], Any]:
    """The will is published only on a condition; otherwise it is forgotten."""

    def make(publish_will: Any) -> Any:
        def publish(self: Sessions, session: Session) -> None:
            if session.will is not None and not condition(session):
                session.will = None
            publish_will(self, session)

        return publish

    return make


def delay(session: Session) -> int:
    assert session.will is not None
    return int(session.will.properties.get("will_delay_interval", 0))


seed(
    "a kick forgets a will that may wait",
    broken(Sessions, "_publish_will", will_if(lambda session: not delay(session))),
    ended("kick", "bulk-kick-mqtt5-kept-delayed", "kick-while-away-mqtt5-kept-delayed"),
    "SES-01",
)
seed(
    "a will is published again when the session ends",
    broken(Broker, "publish", twice),
    ended("kick", "kick-mqtt3.1.1-kept"),
    "SES-01",
)


def keeps_session(broker: Broker, clientid: str) -> bool:
    session = broker.sessions.get(clientid)
    if session is None or session.connection is None:
        return session is not None
    session.connection.close("kicked", Reason.ADMINISTRATIVE_ACTION)
    return True


seed(
    "a kick leaves the messages of a client to its next connection",
    broken(Broker, "kick", lambda _: keeps_session),
    ended("kick", "bulk-kick-mqtt3.1.1-kept", "kick-mqtt5-kept"),
    "SES-01",
)

# --- bans -------------------------------------------------------------------------------------------------------------

CLIENT_ID_BANS = ended("ban", "client-id-mqtt5-kept", "client-id-mqtt3.1.1-clean")
seed(
    "a client is kicked before its ban counts, so that its will is published",
    before("POST /banned", lambda call: call.deployment.broker.kick(str(call.body["who"]))),
    CLIENT_ID_BANS,
    "SES-02",
    origin=f"{PULL}10209",
)
seed(
    "wills of banned users are published",
    broken(
        Access,
        "is_banned",
        lambda is_banned: lambda self, clientid, _username, host: is_banned(self, clientid, None, host),
    ),
    ended("ban", "user-name-mqtt5-kept"),
    "SES-02",
)
seed("a ban of a client id leaves its client alone", broken(Broker, "kick", nothing), CLIENT_ID_BANS, "SES-02")


def kick_user(call: Any) -> None:
    sessions = call.deployment.broker.sessions
    for clientid in [clientid for clientid, session in sessions.items() if session.username == call.body["who"]]:
        call.deployment.broker.kick(clientid)


seed(
    "a ban of a user name ends sessions",
    before("POST /banned", kick_user),
    ended("ban", "user-name-mqtt5-kept"),
    "SES-02",
)

# --- denials ----------------------------------------------------------------------------------------------------------


def refuse(_: Connection, what: str) -> Reason:
    raise ProtocolError(Reason.NOT_AUTHORIZED, what)


seed(
    "a refused message costs the connection",
    broken(Connection, "_denied", lambda _: refuse),
    ended("denied_message", "mqtt5-kept"),
    "SES-03",
)


def will_when_denied(denied: Any) -> Any:
    def publish_will(self: Connection, what: str) -> Any:
        if self.session is not None:
            self.broker.sessions._publish_will(self.session)
        return denied(self, what)

    return publish_will


seed(
    "a refused message publishes the will",
    broken(Connection, "_denied", will_when_denied),
    ended("denied_message", "mqtt5-kept"),
    "SES-03",
)
seed(
    "nobody asks whether a client may publish its will",
    broken(Broker, "authorize", always(True)),
    ended("denied_will", "mqtt5-kept"),
    "SES-04",
)

# --- take-overs -------------------------------------------------------------------------------------------------------


def open_clean(open_session: Any) -> Any:
    def clean(self: Sessions, connection: Any, packet: Any, peer: Any) -> Any:
        packet.clean_start = True
        return open_session(self, connection, packet, peer)

    return clean


def open_continued(open_session: Any) -> Any:
    def continued(self: Sessions, connection: Any, packet: Any, peer: Any) -> Any:
        packet.clean_start = False
        return open_session(self, connection, packet, peer)

    return continued


seed(
    "a take-over ends the session",
    broken(Sessions, "open", open_clean),
    ended("take_over", "continued-mqtt5-kept"),
    "SES-05",
)
seed(
    "a clean start continues the session",
    broken(Sessions, "open", open_continued),
    ended("take_over", "clean-mqtt3.1.1-kept"),
    "SES-05",
)
seed(
    "a take-over forgets the will",
    broken(Sessions, "_publish_will", will_if(lambda session: session.expiry_interval == 0)),
    ended("take_over", "continued-mqtt5-kept", "clean-mqtt5-kept-delayed"),
    "SES-05",
)
seed(
    "a client that is replaced by a clean start is not told so",
    broken(
        Sessions,
        "end",
        lambda end: (
            lambda self, session, reason="expired", code=Reason.ADMINISTRATIVE_ACTION: end(self, session, reason)
        ),
    ),
    ended("take_over", "clean-mqtt5-kept"),
    "SES-05",
)

# --- disconnections ---------------------------------------------------------------------------------------------------


def away_with(publish_will: bool) -> Callable[[Any], Any]:
    return lambda away: lambda self, session, _: away(self, session, publish_will)


seed(
    "DISCONNECT publishes the will",
    broken(Sessions, "away", away_with(True)),
    ended("disconnection", "normal-mqtt3.1.1-clean", "for-good-mqtt5-kept"),
    "SES-06",
)
seed(
    "a lost connection drops the will",
    broken(Sessions, "away", away_with(False)),
    ended("disconnection", "lost-mqtt3.1-kept", "with-will-mqtt5-clean"),
    "SES-06",
)


def expiry_ignored(disconnect: Any) -> Any:
    def handle(self: Connection, session: Session, packet: Any) -> None:
        packet.properties.pop("session_expiry_interval", None)
        disconnect(self, session, packet)

    return handle


seed(
    "DISCONNECT cannot end the session",
    broken(Connection, "_disconnect", expiry_ignored),
    ended("disconnection", "for-good-mqtt5-kept"),
    "SES-06",
)


def at_once(away: Any) -> Any:
    def publish(self: Sessions, session: Session, publish_will: bool) -> None:
        if session.will is not None:
            session.will.properties.pop("will_delay_interval", None)
        away(self, session, publish_will)

    return publish


seed(
    "a will that may wait does not",
    broken(Sessions, "away", at_once),
    ended("disconnection", "lost-mqtt5-kept-delayed", "with-will-mqtt5-kept-delayed"),
    "SES-06",
)
seed(
    "a will waits until its session has expired",
    broken(Sessions, "_publish_will", will_if(lambda session: session.clientid not in session.broker.sessions)),
    ended("will_that_waits", "after-its-delay"),
    "SES-07",
)
seed(
    "the end of a session forgets a will that waits",
    broken(Sessions, "_publish_will", will_if(lambda session: session.clientid in session.broker.sessions)),
    ended("will_that_waits", "with-the-session"),
    "SES-07",
)
seed(
    "what is sent again is not marked so",
    broken(
        Session,
        "_write",
        lambda write: (
            lambda self, connection, delivery, packet_id, dup: write(self, connection, delivery, packet_id, dup=False)
        ),
    ),
    ended("take_over", "continued-mqtt5-kept") + ended("disconnection", "lost-mqtt3.1-kept"),
    "SES-05",
    "SES-06",
)


# --- wills as they were asked for -------------------------------------------------------------------------------------


def asked_for(**changes: Any) -> Callable[[Any], Any]:
    """Every will is another one."""

    def make(publish_will: Any) -> Any:
        def publish(self: Sessions, session: Session) -> None:
            if session.will is not None:
                session.will = replace(session.will, **changes)
            publish_will(self, session)

        return publish

    return make


AS_ASKED_FOR = ended("will_as_it_was_asked_for", "mqtt5", "mqtt3.1.1")
seed("no will is retained", broken(Sessions, "_publish_will", asked_for(retain=False)), AS_ASKED_FOR, "SES-08")
seed("every will has QoS 0", broken(Sessions, "_publish_will", asked_for(qos=0)), AS_ASKED_FOR, "SES-08")
seed(
    "wills are nobody's messages",
    broken(Broker, "publish", lambda publish: lambda self, message: publish(self, _of_nobody(message))),
    AS_ASKED_FOR,
    "SES-08",
)


def _of_nobody(message: Message) -> Message:
    return replace(message, from_clientid="") if message.payload == b"will" else message


def stay(end: Any) -> Any:
    """A session that expires publishes its will, and stays."""

    def ended_only_by_others(self: Sessions, session: Session, *how: Any) -> None:
        if how or session.connected or not session.persistent:
            end(self, session, *how)
        else:
            self._publish_will(session)

    return ended_only_by_others


def stay_subscribed(unsubscribe_all: Any) -> Any:
    return lambda self, session: (
        None if session.persistent and not session.connected else unsubscribe_all(self, session)
    )


EXPIRED = ended("will_that_waits", "with-the-session")
seed("sessions that have expired are shown", broken(Sessions, "end", stay), EXPIRED, "SES-07")
seed("sessions that have expired receive", broken(Broker, "unsubscribe_all", stay_subscribed), EXPIRED, "SES-07")
