"""Whom the connectors of reference deployments in this process try to reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from conformance.reference.bridges import action_handlers, drivers, http_driver, mqtt_driver, network
from conformance.reference.bridges.network import Endpoint, Unreachable

CONFIGURED_HOSTS = ("sink.example:8080", "broker.example:1883")
_HARMLESS = frozenset({"127.0.0.1:9", "localhost:9", "::1:9", *CONFIGURED_HOSTS})


@dataclass
class Network:
    """``contacts``: whom connectors tried to reach. ``brokers``: ``host:port`` of those that answer."""

    contacts: list[Endpoint] = field(default_factory=list)
    brokers: set[str] = field(default_factory=set)

    def strangers(self) -> list[str]:
        """Who was contacted although no connector of the suite may name them."""
        addresses = [f"{endpoint.host}:{endpoint.port}" for endpoint in self.contacts]
        allowed = _HARMLESS | self.brokers
        return [at for at in addresses if at not in allowed and not at.rpartition(":")[0].endswith(".invalid")]


@contextmanager
def recorded_network() -> Iterator[Network]:
    """Inside, connectors reach nobody but the brokers, and every attempt is recorded."""
    recorded, original = Network(), network.connect

    async def connect(endpoint: Endpoint, **options: Any) -> Any:
        recorded.contacts.append(endpoint)
        if f"{endpoint.host}:{endpoint.port}" in recorded.brokers:
            return await original(endpoint, **options)
        raise Unreachable("Connection refused")

    with (
        mock.patch.object(drivers, "connect", connect),
        mock.patch.object(http_driver, "connect", connect),
        mock.patch.object(mqtt_driver, "connect", connect),
        # Nobody races here, so nothing has to wait for others.
        mock.patch.object(action_handlers, "_UNGUARDED_SECONDS", 0),
    ):
        yield recorded
