"""Clients whose connections are ended, and what an ending may mean for will, session and messages (SES)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from conformance.scenarios.sessions import KEPT_S, expect_window, is_away, kept
from conformance.target.mqtt import MqttClient, Will, properties_of
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target

DELAY_S = 200
"""How long wills may wait: longer than an item lasts, and less than its sessions."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of client. ``kept``: its session outlives its connection. ``delayed``: so may the wait for its will."""

    name: str
    protocol: int
    kept: bool
    delayed: bool = False


KINDS = (
    Kind("mqtt3.1-kept", 3, kept=True),
    Kind("mqtt3.1.1-clean", 4, kept=False),
    Kind("mqtt3.1.1-kept", 4, kept=True),
    Kind("mqtt5-clean", 5, kept=False),
    Kind("mqtt5-clean-delayed", 5, kept=False, delayed=True),
    Kind("mqtt5-kept", 5, kept=True),
    Kind("mqtt5-kept-delayed", 5, kept=True, delayed=True),
)

FEW = tuple(
    kind for kind in KINDS if kind.name in ("mqtt3.1.1-clean", "mqtt3.1.1-kept", "mqtt5-kept", "mqtt5-kept-delayed")
)
"""Those that differ most, where one kind tells hardly more than another."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ending means: ``will`` is published at once (``now``), later or never, ``session`` is still there.

    ``told``: the reason code in the DISCONNECT that an MQTT 5 client gets, None where it gets none.
    """

    will: Literal["now", "later", "never"]
    session: bool
    told: int | None = None


def lost(kind: Kind, told: int | None = None) -> Outcome:
    """A connection ends by itself: the will is due, unless it may wait and the session waits as well."""
    return Outcome("later" if kind.kept and kind.delayed else "now", kind.kept, told)


class Part:
    """The client to end: it has a will, a subscription, and a message that it received and did not acknowledge.

    ``heir`` listens where the will goes. ``successor``: the next connection with the same client id, once there is one.
    With ``denied`` a rule keeps the client from publishing to that one of its topics; that needs the capability
    decisions.
    """

    def __init__(self, target: Target, kind: Kind, denied: Literal["will", "other"] | None = None) -> None:
        self.target = target
        self.kind = kind
        self.topic, self.will_topic, self.other_topic = (
            target.sandbox.topic(what) for what in ("own", "will", "other")
        )
        self.client_id = target.sandbox.name("ending")
        self._allowed = denied is None
        if denied is not None:
            topic = self.will_topic if denied == "will" else self.other_topic
            rule = {"topic": topic, "permission": "deny", "action": "publish"}
            target.client_rules.create(clientid=self.client_id, rules=[rule, *target.welcome.rules])
        self.username = target.users.create() if target.capabilities.no_authenticator is None else f"{self.client_id}-u"
        self.heir = target.subscriber(self.will_topic, qos=1)
        expect_window(self.heir, 2)  # the client is sent more behind what it does not acknowledge
        self.successor: MqttClient | None = None
        properties = {"ContentType": "text/plain", "UserProperty": ("a", "b")} if kind.protocol == 5 else {}
        will = Will(self.will_topic, "will", delay_s=DELAY_S if kind.delayed else None, properties=properties)
        options = kept(target, kind.protocol) if kind.kept else {"clean_start": True}
        self.client = self._connect(will=will, **options)
        self.client.subscribe(self.topic)
        target.await_route(self.topic, self.client)
        target.publish(self.topic, "unacknowledged", qos=1)
        self.client.wait_for_messages(1)

    def _connect(self, **options: Any) -> MqttClient:
        return self.target.connect(
            self.client_id,
            protocol=self.kind.protocol,
            username=self.username,
            password=PASSWORD,
            manual_ack=True,
            allowed=self._allowed,
            **options,
        )

    def come_again(self, *, clean_start: bool = False) -> MqttClient:
        """Connect with the same client id and without a will, which is a take-over while the client is connected."""
        lasting = {"session_expiry_s": KEPT_S} if self.kind.kept and self.kind.protocol == 5 else {}
        self.successor = self._connect(clean_start=clean_start, **lasting)
        return self.successor

    def lose(self) -> None:
        """End the connection without DISCONNECT, and wait until the API knows it."""
        self.client.lose()
        self.expect_away()

    def expect_away(self) -> None:
        """Fail the item if the API goes on to show a connection of the client."""
        assert is_away(self.target, self.client_id), "the client is still shown as connected"

    def expect_told(self, code: int | None) -> None:
        """Fail the item unless the connection is closed, and an MQTT 5 client was told ``code``."""
        told = code if self.kind.protocol == 5 else None
        assert self.client.wait_closed(), "the client stays connected"
        assert self.client.disconnect_reason == told, f"told {self.client.disconnect_reason}, expected {told}"

    def expect_wills(self, count: int, when: str) -> None:
        """Fail the item unless the will was published ``count`` times so far."""
        self.heir.wait_for_messages(count, matching=lambda message: message.payload == b"will")
        marker = self.target.sandbox.name("marker")
        self.target.publish(self.will_topic, marker, qos=1)
        wills = self.heir.received_before(marker).count("will")
        assert wills == count, f"the will is published {wills} times {when}, expected {count}"
        for message in self.heir.messages:
            if message.payload == b"will" and self.kind.protocol == 5:
                shown = properties_of(message)
                seen = shown.get("ContentType"), shown.get("UserProperty")
                assert seen == ("text/plain", [("a", "b")]), f"content type and user properties of the will are {seen}"

    def expect(self, outcome: Outcome) -> None:
        """Fail the item unless everything is as ``outcome`` says, before and after the client comes again."""
        self.expect_told(outcome.told)
        if self.successor is None:
            self.expect_away()
        self.expect_wills(1 if outcome.will == "now" else 0, "before the client comes again")
        if outcome.session:
            self.target.publish(self.topic, "later", qos=1)
        again = self.successor or self.come_again()
        if self.kind.protocol > 3:
            # CONNACK of MQTT 3.1 does not say so.
            shown = again.session_present
            assert shown is outcome.session, f"CONNACK says that the session is present: {shown}"
        last_topic = self.target.sandbox.topic("last")
        again.subscribe(last_topic)
        self.target.await_route(last_topic, again)
        self.target.publish(last_topic, "end", qos=1)
        received = again.received_before("end")
        expected = ["unacknowledged", "later"] if outcome.session else []
        assert received == expected, f"the next connection receives {received}, expected {expected}"
        repeated = [message.dup for message in again.messages[: len(expected)]]
        assert repeated == [True, False][: len(expected)], f"of {received} those are marked as sent before: {repeated}"
        # Who comes again in time calls off a will that waits [MQTT-3.1.3-9].
        self.expect_wills(1 if outcome.will == "now" else 0, "after the client has come again")


End = Callable[[Part], object]
Cell = tuple[End, Callable[[Kind], Outcome | None]]
"""What ends the connection, and what that means for a kind of client; None where it cannot happen to one."""


def endings(table: Mapping[str, Cell]) -> pytest.MarkDecorator:
    """Parametrizes ``kind``, ``end`` and ``outcome`` by each ending of each kind of client."""
    cells = [
        pytest.param(kind, end, outcome, id=f"{name}-{kind.name}")
        for name, (end, outcome_for) in table.items()
        for kind in KINDS
        if (outcome := outcome_for(kind)) is not None
    ]
    return pytest.mark.parametrize(("kind", "end", "outcome"), cells)
