"""What the broker asks: may this client connect, and may it publish or subscribe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.reference.access.bans import BanTable
from conformance.reference.access.rules import Action, Request, Source
from conformance.reference.access.users import Authenticated, Authenticator, Refused

if TYPE_CHECKING:
    from conformance.reference.deployment import Deployment


class Access:
    """Authenticator, authorization source and bans of a deployment.

    ``authenticator`` and ``source`` are None where none is configured. A new deployment has both: the authenticator
    disabled unless the settings say otherwise, so that clients connect without credentials, and the source enabled
    without rules.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.authenticator: Authenticator | None = Authenticator.create({"enable": deployment.settings.authentication})
        self.source: Source | None = Source()
        self.bans = BanTable(strict=deployment.strict)

    def authenticate(
        self, clientid: str, username: str | None, password: bytes | None, peerhost: str
    ) -> Authenticated | Refused:
        """Decide about the credentials of a CONNECT; without an enabled authenticator everybody may connect."""
        if self.authenticator is None or not self.authenticator.enabled:
            return Authenticated()
        return self.authenticator.authenticate(clientid, username, password)

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
        """Whether a client may publish to a topic or subscribe to a filter; what no rule decides is allowed."""
        if is_superuser or self.source is None or not self.source.enabled:
            return True
        return self.source.decide(Request(clientid, username, action, topic, qos, retain)) is not False

    def is_banned(self, clientid: str, username: str | None, peerhost: str) -> bool:
        """Whether a client may not connect at all."""
        return self.bans.covers(clientid, username, peerhost)
