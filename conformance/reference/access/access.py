"""What the broker asks: may this client connect, and may it publish or subscribe."""

from __future__ import annotations

from conformance.reference.access.bans import BanTable
from conformance.reference.access.rules import SOURCE_TYPE, Action, Request, Source
from conformance.reference.access.users import NOT_AUTHORIZED, Authenticator
from conformance.reference.deployment import Deployment
from conformance.reference.mqtt.gatekeeper import Authenticated, Refused
from conformance.reference.unguarded import UnguardedWrites

_ACL_FILE = "file"
_WRITE_S = 0.02


class Access:
    """Authenticator, authorization source and bans of a deployment.

    ``authenticator`` and ``source`` are the built-in ones, None where they are not configured; what a new deployment
    has, the configuration of its node says. ``source_chain``: the order in which sources are asked. ``writes``: of bans
    and rules, of which the recorded server lets several pass at once.
    """

    def __init__(self, deployment: Deployment) -> None:
        configuration = deployment.settings.configuration
        self.no_match = configuration.no_match
        self.foreign_authenticator = "http" in configuration.authenticator_chain
        self.authenticator: Authenticator | None = None
        if SOURCE_TYPE in configuration.authenticator_chain:
            self.authenticator = Authenticator.create(
                {
                    "enable": configuration.authentication_enable,
                    "user_id_type": configuration.user_id_type,
                    "password_hash_algorithm": {
                        "name": configuration.hash_name,
                        "salt_position": configuration.salt_position,
                    },
                },
                deployment.traits,
            )
        self.source_chain = configuration.source_chain
        self.source: Source | None = (
            Source(max_rules=configuration.max_rules) if SOURCE_TYPE in self.source_chain else None
        )
        self.bans = BanTable(deployment.traits)
        self.writes = UnguardedWrites(_WRITE_S)

    def authenticate(
        self, clientid: str, username: str | None, password: bytes | None, peerhost: str
    ) -> Authenticated | Refused:
        """Decide about the credentials of a CONNECT; without an enabled authenticator everybody may connect."""
        if self.foreign_authenticator:
            return Refused(NOT_AUTHORIZED)
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
        """Whether a client may publish to a topic or subscribe to a filter; ``no_match`` says what no source does."""
        if is_superuser:
            return True
        request = Request(clientid, username, action, topic, qos, retain)
        for name in self.source_chain:
            if name == _ACL_FILE:
                return True
            if self.source is not None and self.source.enabled and (decided := self.source.decide(request)) is not None:
                return decided
        return self.no_match == "allow"

    def is_banned(self, clientid: str, username: str | None, peerhost: str) -> bool:
        """Whether a client may not connect at all."""
        return self.bans.covers(clientid, username, peerhost)

    def is_banned_client(self, clientid: str) -> bool:
        """Whether the id of a client is banned, itself or by a pattern."""
        return self.bans.covers_client(clientid)
