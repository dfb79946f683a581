"""All sessions of a broker by client id, and what happens to them over time: take-over, expiry, wills."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Protocol

from conformance.reference.message import Message, now_ms
from conformance.reference.mqtt.authorization import Access
from conformance.reference.mqtt.gatekeeper import Gatekeeper
from conformance.reference.mqtt.packets import Connect
from conformance.reference.mqtt.peer import Peer
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.session import NEVER_EXPIRES, Home, Link, Session
from conformance.reference.mqtt.topics import Filter


class Owner(Home, Protocol):
    """What sessions ask of their broker when they end."""

    @property
    def gatekeeper(self) -> Gatekeeper: ...

    def authorize(self, session: Session, access: Access) -> bool:
        """Whether a client may publish its will."""

    def publish(self, message: Message) -> int:
        """Publish a will."""

    def redispatch(self, shared: Filter, message: Message) -> None:
        """Hand a message of a group to another of its members."""

    def unsubscribe_all(self, session: Session) -> None:
        """Remove the subscriptions of a session."""

    def is_wanted(self, message: Message) -> bool:
        """Whether a message that was kept is delivered later."""


class Sessions(Mapping[str, Session]):
    """Live and waiting sessions; iteration is in order of creation."""

    def __init__(self, broker: Owner) -> None:
        self._broker = broker
        self._sessions: dict[str, Session] = {}

    def __getitem__(self, clientid: str) -> Session:
        return self._sessions[clientid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def is_full(self) -> bool:
        """Whether the license allows no further session."""
        most = self._broker.configuration.max_sessions
        return bool(most) and len(self) >= most

    def open(self, connection: Link, packet: Connect, peer: Peer) -> tuple[Session, bool]:
        """The session for an accepted CONNECT, and whether it existed before (session present)."""
        old = self._sessions.get(packet.clientid)
        if old is not None and packet.clean_start:
            self.end(old, "discarded", Reason.SESSION_TAKEN_OVER)
            old = None
        if old is not None and old.connection is not None:
            old.connection.detach("takenover", Reason.SESSION_TAKEN_OVER)
            # A will without delay is due at once; a delayed one is cancelled by the new connection [MQTT-3.1.3-9].
            if old.will is not None and not old.will.properties.get("will_delay_interval"):
                self._publish_will(old)
        if old is not None:
            old.mqueue.keep(self._broker.is_wanted)
        session = old or Session(self._broker, packet.clientid, packet.username, peer)
        self._sessions[packet.clientid] = session
        session.attach(connection, packet.username, peer)
        return session, old is not None

    def away(self, session: Session, publish_will: bool) -> None:
        """The connection has ended by itself: the session ends too, or waits for its client until it expires."""
        session.connection = None
        session.disconnected_at = now_ms()
        if not publish_will:
            session.will = None
        if not session.persistent:
            self.end(session)
            return
        loop = asyncio.get_running_loop()
        if session.will is not None:
            delay = session.will.properties.get("will_delay_interval", 0)
            if delay:
                session.timers.append(loop.call_later(delay, self._publish_will, session))
            else:
                self._publish_will(session)
        if session.expiry_interval != NEVER_EXPIRES:
            session.timers.append(loop.call_later(session.expiry_interval, self.end, session))

    def end(self, session: Session, reason: str = "expired", code: Reason = Reason.ADMINISTRATIVE_ACTION) -> None:
        """Destroy a session: its client is told ``code``, its will is due, its subscriptions are gone."""
        if self._sessions.get(session.clientid) is not session:
            return
        del self._sessions[session.clientid]
        session.cancel_timers()
        if session.connection is not None:
            session.connection.detach(reason, code)
            session.connection = None
        self._broker.unsubscribe_all(session)
        if reason != "kicked":
            # A kick drops what the session holds, also for others of a group.
            for shared, message in session.owed_to_groups():
                self._broker.redispatch(shared, message)
        self._publish_will(session)

    def clear(self) -> None:
        """Forget every session without a word, as a deployment that is going down does."""
        for session in self._sessions.values():
            session.cancel_timers()
        self._sessions.clear()

    def _publish_will(self, session: Session) -> None:
        """Publish the will, once: unless its client is banned by now, or may not publish there (SES-02, SES-04)."""
        will, session.will = session.will, None
        if will is None:
            return
        if self._broker.gatekeeper.is_banned(session.clientid, session.username, session.peer.host):
            return
        if not self._broker.authorize(session, Access("publish", will.topic, will.qos, will.retain)):
            return
        properties = {
            name: value
            for name, value in will.properties.items()
            if name not in ("will_delay_interval", "user_property")
        }
        self._broker.publish(
            Message(
                topic=will.topic,
                payload=will.payload,
                qos=will.qos,
                retain=will.retain,
                from_clientid=session.clientid,
                from_username=session.username,
                properties=properties,
                user_properties=will.properties.get("user_property", []),
                # Where a client was that is gone, nobody is told.
                headers={"username": session.username},
            )
        )
