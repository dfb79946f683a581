"""How connectors reach what they connect to: what a driver does, and the one for types nobody here can talk to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from conformance.reference.bridges.network import Endpoint, Unreachable, close, connect, endpoints
from conformance.reference.defects import Traits


class Rejected(Exception):
    """The target got a request and refused it; sending it again would not help."""


class Driver(Protocol):
    """Life of one enabled connector. ``Unreachable`` from any method means: try again later."""

    async def check(self) -> None:
        """Connect if needed and see that the target answers; raises `Unreachable`."""

    async def send(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        """Render an action's ``parameters`` over ``data`` and deliver; raises `Unreachable` or `Rejected`."""

    def render(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        """Render only, for rule tests; raises `Rejected` if that is impossible."""

    async def close(self) -> None:
        """End every connection."""


class ReachabilityDriver:
    """For types the reference deployment cannot talk to: says honestly whether something listens there."""

    def __init__(
        self, name: str, resource_type: str, config: Mapping[str, Any], *, allow_egress: bool, traits: Traits
    ) -> None:
        self._type = resource_type
        self._endpoints: list[Endpoint] = endpoints(resource_type, config)
        self._allow_egress = allow_egress

    async def check(self) -> None:
        if not self._endpoints:
            raise Unreachable(f"The address of {self._type} is a cloud service, which this deployment does not contact")
        reason = Unreachable("Connection refused")
        for endpoint in self._endpoints:
            try:
                _, writer = await connect(endpoint, allow_egress=self._allow_egress)
            except Unreachable as error:
                reason = error
            else:
                await close(writer)
                return
        raise reason

    async def send(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        raise Rejected(f"The reference deployment does not speak the protocol of {self._type}")

    def render(self, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        """The templates of these types are never used, so there is nothing that can fail."""

    async def close(self) -> None:
        """Nothing stays open between checks."""
