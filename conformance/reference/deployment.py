"""The state of a reference deployment: one object, its parts, and their life in one asyncio loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.contract import Contract, Variant, load_contract
from conformance.contract.editions import Edition, has_roles, types_in
from conformance.contract.operations import ResourceKind
from conformance.contract.versions import Version, release_of
from conformance.reference.defects import NO_TRAITS, Quirk, Trait, Traits
from conformance.reference.message import Hooks
from conformance.reference.node_configuration import ListenerType, NodeConfiguration
from conformance.reference.nodes import at_work, node_names
from conformance.reference.replication import Replication, Store
from conformance.reference.rest.credentials import ApiKey, Credentials

if TYPE_CHECKING:
    from conformance.reference.access import Access
    from conformance.reference.bridges import Bridges
    from conformance.reference.mqtt.broker import Broker
    from conformance.reference.rules.engine import RuleEngine
    from conformance.reference.schema_registry import SchemaRegistry


@dataclass(frozen=True, slots=True)
class Settings:
    """How a deployment is started. Hosts are loopback unless ``allow_egress``; latencies are seconds.

    ``role_keys``: API keys with their secrets by role ("viewer", "publisher"), besides that of the administrator.
    ``traits``: the defects and quirks it has. ``configuration``: what the nodes allow and who may connect.
    ``replication_delay``: what a node reads lags behind writes through the other ``nodes`` by so many seconds.
    """

    api_key: str
    api_secret: str = field(repr=False)
    bearer_token: str | None = field(default=None, repr=False)
    role_keys: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    traits: Traits = NO_TRAITS
    allow_egress: bool = False
    config_write_latency: float = 0.0
    version: str = "5.8.9"
    configuration: NodeConfiguration = field(default_factory=NodeConfiguration)
    nodes: int = 1
    replication_delay: float = 0.0


class Deployment:
    """Everything an EMQX node would hold, in memory.

    Parts know each other only through this object: ``deployment.rules.ids_using_action(...)``. ``release``: which EMQX
    it stands in for. Raises `conformance.contract.versions.VersionError` if the settings name none.
    """

    bridges: Bridges
    rules: RuleEngine
    schemas: SchemaRegistry
    access: Access
    broker: Broker

    def __init__(self, settings: Settings, contract: Contract | None = None) -> None:
        self.settings = settings
        variant: Variant = "documented" if Quirk.OWN_DOCUMENT in settings.traits else "corrected"
        self.contract = contract or load_contract(variant, settings.version)
        self.release: Version = release_of(settings.version)
        self.nodes = node_names(settings.nodes)
        self.config_writes = asyncio.Lock()
        self.hooks = Hooks()
        self.credentials = Credentials(settings.api_key, settings.api_secret, settings.bearer_token)
        if has_roles(self.edition):
            for role, (key, secret) in settings.role_keys.items():
                self.credentials.put_key(key, ApiKey(secret, role))
        self._construct_parts()
        self.replication = Replication(settings.replication_delay, self._replicated)

    @property
    def node(self) -> str:
        """The node at work."""
        return at_work()

    @property
    def edition(self) -> Edition:
        """What it has of the contract (``serve --setting edition=Opensource``)."""
        return self.settings.configuration.edition

    def types(self, kind: ResourceKind) -> list[str]:
        """Sorted connector or action types that there are."""
        return types_in(self.edition, self.contract.types(kind))

    @property
    def traits(self) -> Traits:
        """The defects and quirks it has."""
        return self.settings.traits

    def has(self, trait: Trait) -> bool:
        """Whether it has a defect or quirk (``serve --defects``)."""
        return trait in self.settings.traits

    async def start(self, *addresses: tuple[str, int], type: ListenerType = "tcp") -> list[int]:
        """Open a listener of a type for each node, if any are asked for; returns their ports, none if it is disabled.

        Connectors start as they are created. Raises OSError.
        """
        if not any(listener.enable for listener in self.settings.configuration.listeners if listener.type == type):
            return []
        return [
            await self.broker.start(*address, node, type) for node, address in zip(self.nodes, addresses, strict=False)
        ]

    async def stop(self) -> None:
        """End every connection and task of the deployment."""
        await self.bridges.stop()
        await self.broker.stop()

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

    def _construct_parts(self) -> None:
        # Imported here because the parts import this module.
        from conformance.reference.access import Access
        from conformance.reference.bridges import Bridges
        from conformance.reference.mqtt.broker import Broker
        from conformance.reference.rules.engine import RuleEngine
        from conformance.reference.schema_registry import SchemaRegistry

        self.access = Access(self)
        self.schemas = SchemaRegistry(self)
        self.broker = Broker(self)
        self.bridges = Bridges(self)
        self.rules = RuleEngine(self)
