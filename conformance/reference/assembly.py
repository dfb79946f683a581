"""A whole reference deployment: its parts put together, and their life in one asyncio loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from conformance.contract.editions import has_roles
from conformance.reference.access.access import Access
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.deployment import Deployment, Settings
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.listeners import Listeners
from conformance.reference.node_configuration import ListenerType
from conformance.reference.replication import Replication, Store
from conformance.reference.rest.credentials import ApiKey, Credentials
from conformance.reference.rules.engine import RuleEngine
from conformance.reference.schema_registry.registry import SchemaRegistry


class AssembledDeployment(Deployment):
    """Everything an EMQX node would hold, in memory; raises as `Deployment` does."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.config_writes = asyncio.Lock()
        self.parts[Credentials] = _credentials(settings)
        self.parts[SchemaRegistry] = SchemaRegistry(self)
        self.parts[Access] = Access(self)
        self.parts[Broker] = Broker(self, self.access)
        self.parts[Bridges] = Bridges(self)
        self.parts[RuleEngine] = RuleEngine(self)
        self.bridges.users = self.rules
        self.parts[Listeners] = Listeners(self.broker)
        self.replication = Replication(settings.replication_delay, self._replicated)

    @property
    def credentials(self) -> Credentials:
        return self.part(Credentials)

    @property
    def schemas(self) -> SchemaRegistry:
        return self.part(SchemaRegistry)

    @property
    def access(self) -> Access:
        return self.part(Access)

    @property
    def broker(self) -> Broker:
        return self.part(Broker)

    @property
    def bridges(self) -> Bridges:
        return self.part(Bridges)

    @property
    def rules(self) -> RuleEngine:
        return self.part(RuleEngine)

    @property
    def listeners(self) -> Listeners:
        return self.part(Listeners)

    async def start(self, *addresses: tuple[str, int], type: ListenerType = "tcp") -> list[int]:
        """Open a listener of a type for each node, if any are asked for; returns their ports, none if it is disabled.

        Connectors start as they are created. Raises OSError.
        """
        if not any(listener.enable for listener in self.settings.configuration.listeners if listener.type == type):
            return []
        nodes = zip(self.nodes, addresses, strict=False)
        return [await self.listeners.start(*address, node, type) for node, address in nodes]

    async def stop(self) -> None:
        """End every connection and task of the deployment."""
        await self.bridges.stop()
        await self.listeners.stop()

    def _replicated(self) -> Iterator[Store]:
        """What one node learns of another with a delay."""
        if self.access.authenticator is not None:
            yield Store(self.access.authenticator, "users")
        if self.access.source is not None:
            yield from (Store(self.access.source, part) for part in ("everyone", "users", "clients"))
        yield from self.access.bans.stores()
        yield self.broker.retained.replicated
        yield from (Store(self.bridges, part) for part in ("connectors", "actions"))
        yield self.rules.replicated
        yield self.schemas.replicated


def _credentials(settings: Settings) -> Credentials:
    credentials = Credentials(settings.api_key, settings.api_secret, settings.bearer_token)
    if has_roles(settings.configuration.edition):
        for role, (key, secret) in settings.role_keys.items():
            credentials.put_key(key, ApiKey(secret, role))
    return credentials
