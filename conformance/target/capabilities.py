"""What a target can do, found out once at the start; what is missing becomes a skip with a reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from conformance.target.deployment_profile import DeploymentProfile

CAPABILITIES = (
    "mqtt", "authenticator", "authorization", "sink", "viewer", "publisher", "bearer", "users",
    "decisions", "told denials", "retainer", "schemas", "loop",
)  # fmt: skip
"""What a test may need (marker ``needs``). ``bearer``: an API key and a token, to compare; ``users``: that MQTT clients
must log in; ``decisions``: that authorization rules decide; ``told denials``: that a client learns what it is refused;
``schemas``: a schema registry; ``loop``: that a connector of the target may connect back to it."""

_ANYBODY = "the target lets anonymous MQTT clients in"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``None`` in a ``no_*`` field means the capability is there; otherwise the field says why it is not.

    ``version``: what the target says it is, e.g. 5.8.9. ``profile``: how it is configured. ``no_decisions``: why rules
    of the built-in source decide nothing. ``no_loop``: why a connector of the target cannot connect back to it.
    ``latency_s``: seconds until a read is answered. ``write_price_s``: those that a write of its configuration takes
    besides, None if that is not known.
    """

    version: str | None
    node: str | None
    action_types: tuple[str, ...]
    no_mqtt: str | None
    no_authenticator: str | None
    no_authorization: str | None
    no_sink: str | None
    no_viewer: str | None
    no_publisher: str | None
    no_bearer: str | None = None
    no_decisions: str | None = None
    no_told_denials: str | None = None
    no_retainer: str | None = None
    no_schemas: str | None = None
    no_loop: str | None = None
    profile: DeploymentProfile = field(default_factory=DeploymentProfile)
    warnings: tuple[str, ...] = ()
    latency_s: float = 0.0
    write_price_s: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Capabilities:
        return cls(
            **{
                **value,
                "action_types": tuple(value["action_types"]),
                "profile": DeploymentProfile.from_json(value["profile"]),
                "warnings": tuple(value["warnings"]),
            }
        )

    def missing(self) -> dict[str, str]:
        """Capability name -> why it is missing."""
        reasons = {
            "mqtt": self.no_mqtt,
            "authenticator": self.no_authenticator,
            "authorization": self.no_authorization,
            "sink": self.no_sink,
            "viewer": self.no_viewer,
            "publisher": self.no_publisher,
            "bearer": self.no_bearer,
            "users": self.no_mqtt if self.profile.demands_users else self.no_mqtt or _ANYBODY,
            "decisions": self.no_decisions,
            "told denials": self.no_told_denials,
            "retainer": self.no_retainer,
            "schemas": self.no_schemas,
            "loop": self.no_loop,
        }
        return {name: reason for name, reason in reasons.items() if reason is not None}
