"""What the broker asks before it lets a client in, or do something; `conformance.reference.access` answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from conformance.reference.mqtt.authorization import Action


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The client may connect."""

    is_superuser: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The client may not connect; the MQTT 5 reason code of the CONNACK."""

    reason_code: int


class Gatekeeper(Protocol):
    """Who may connect and do what."""

    def is_banned(self, clientid: str, username: str | None, peerhost: str) -> bool:
        """Whether a client may not connect at all."""

    def is_banned_client(self, clientid: str) -> bool:
        """Whether messages of a client, by its id alone, are kept from whoever would get them later."""

    def authenticate(
        self, clientid: str, username: str | None, password: bytes | None, peerhost: str
    ) -> Authenticated | Refused:
        """Decide about the credentials of a CONNECT."""

    def authorize(
        self,
        *,
        clientid: str,
        username: str | None,
        is_superuser: bool,
        action: Action,
        topic: str,
        qos: int,
        retain: bool,
    ) -> bool:
        """Whether a client may publish to a topic or subscribe to a filter."""
