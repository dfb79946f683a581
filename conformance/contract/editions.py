"""What the open-source edition of EMQX lacks of the contract, which describes the enterprise edition.

Facts of EMQX 5.8.9: of the applications that bring types of connectors and actions the open-source release has those
for HTTP and MQTT alone; it has no schema registry, no license, and API keys without roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Edition = Literal["Enterprise", "Opensource"]
"""As GET /nodes names them."""

ENTERPRISE: Edition = "Enterprise"
OPEN_SOURCE: Edition = "Opensource"

OPEN_SOURCE_TYPES = ("http", "mqtt")
"""The types of connectors and actions that every edition has."""

_OF_ENTERPRISE = ("/schema_registry", "/license")


def has_operation(edition: str | None, label: str) -> bool:
    """Whether an edition has an operation (``GET /license``); one that is not known has all of them."""
    return edition != OPEN_SOURCE or not label.partition(" ")[2].startswith(_OF_ENTERPRISE)


def types_in(edition: str | None, types: Iterable[str]) -> list[str]:
    """Those types of the contract that an edition has."""
    return [each for each in types if edition != OPEN_SOURCE or each in OPEN_SOURCE_TYPES]


def has_roles(edition: str | None) -> bool:
    """Whether API keys have roles."""
    return edition != OPEN_SOURCE
