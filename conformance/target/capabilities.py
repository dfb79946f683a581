"""What a target can do, found out once at the start; what is missing becomes a skip with a reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CAPABILITIES = ("mqtt", "authenticator", "authorization", "sink", "viewer", "publisher", "bearer", "users")
"""What a test may need (marker ``needs``). ``bearer``: an API key and a token, to compare; ``users``: that MQTT clients
must log in."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``None`` in a ``no_*`` field means the capability is there; otherwise the field says why it is not.

    ``version``: what the target says it is, e.g. 5.8.9. ``mqtt_user``: whether MQTT clients need a user of their own.
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
    mqtt_user: bool = False
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Capabilities:
        return cls(**{**value, "action_types": tuple(value["action_types"]), "warnings": tuple(value["warnings"])})

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
            "users": None if self.mqtt_user else self.no_mqtt or "the target lets anonymous MQTT clients in",
        }
        return {name: reason for name, reason in reasons.items() if reason is not None}
