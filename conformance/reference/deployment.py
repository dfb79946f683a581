"""How a reference deployment is started, and the state that all of its parts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from conformance.contract import Variant, load_contract
from conformance.contract.editions import Edition, types_in
from conformance.contract.operations import ResourceKind
from conformance.contract.versions import Version, release_of
from conformance.reference.defects import NO_TRAITS, Quirk, Trait, Traits
from conformance.reference.message import Hooks
from conformance.reference.node_configuration import NodeConfiguration
from conformance.reference.nodes import at_work, node_names

Part = TypeVar("Part")


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
    """What every part of a deployment knows: its settings, its contract, what it has of defects, and the other parts.

    `conformance.reference.assembly.AssembledDeployment` puts it together. ``release``: which EMQX it stands in for.
    Raises `conformance.contract.versions.VersionError` if the settings name none.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        variant: Variant = "documented" if Quirk.OWN_DOCUMENT in settings.traits else "corrected"
        self.contract = load_contract(variant, settings.version)
        self.release: Version = release_of(settings.version)
        self.nodes = node_names(settings.nodes)
        self.hooks = Hooks()
        self.parts: dict[type, Any] = {}

    def part(self, kind: type[Part]) -> Part:
        """The part of that class: ``deployment.part(Broker)``. A room asks for its own and for those below it."""
        part: Part = self.parts[kind]
        return part

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
