"""What a run can leave on a target: kinds of resources, how one is addressed, in which order they are deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from conformance.contract import paths

# Dependents first: a rule uses actions, an action uses its connector, and a rule may retain messages.
ITEMS: Mapping[str, str] = {
    "client": "/clients/{clientid}",
    "rule": "/rules/{id}",
    "named_rule": "/rules/{id}",
    "action": "/actions/{id}",
    "connector": "/connectors/{id}",
    "schema": "/schema_registry/{name}",
    "user": paths.USER,
    "user_rules": paths.RULES_OF_USER,
    "client_rules": paths.RULES_OF_CLIENT,
    "ban": paths.BAN,
    "retained": paths.RETAINED_MESSAGE,
    "rules_of_all": paths.RULES_OF_ALL,
}
"""Kind -> path of one resource of it, in the order of deletion.

``named_rule`` is a rule known by its name alone: the server invented the id, and its answer was lost.
``rules_of_all`` is not deleted but put back: the rules for all clients as they were before a run changed them.
"""

KINDS = tuple(ITEMS)


@dataclass(frozen=True, slots=True)
class Resource:
    """Something a run created, or may have.

    ``id`` is its id as paths have it decoded: ``type:name``, ``as/who`` for a ban, a topic or filter for what is
    retained; for ``rules_of_all`` it is the rules as JSON. ``name`` is given for a rule whose id the server invented:
    it alone proves whose rule it is.
    """

    kind: str
    id: str
    name: str | None = None

    @property
    def operation(self) -> str:
        """The path of the contract that addresses it, after a method the label of an operation."""
        return ITEMS[self.kind]

    @property
    def path(self) -> str:
        """Raw path below ``/api/v5``."""
        values = iter(self.id.split("/", 1) if self.kind == "ban" else [self.id])
        return re.sub(r"\{[a-z_]+\}", lambda _: quote(next(values, ""), safe=""), self.operation)

    @property
    def owner(self) -> str:
        """The part of its identity that carries the name of a run, unless it is the ban of an address."""
        if self.name is not None:
            return self.name
        if self.kind == "ban":
            return self.id.partition("/")[2].removeprefix("^")
        return self.id.partition(":")[2] if self.kind in ("action", "connector") else self.id

    @property
    def is_address_ban(self) -> bool:
        """Whether it bans an address or a network, which carries no name."""
        return self.kind == "ban" and self.id.startswith("peerhost")

    def __str__(self) -> str:
        name = "as they were" if self.kind == "rules_of_all" else self.id
        return f"{self.kind.replace('_', ' ')} {name}"


def in_deletion_order(resources: Iterable[Resource]) -> list[Resource]:
    """Dependents first; within a kind the youngest first."""
    youngest_first = list(resources)[::-1]
    return sorted(youngest_first, key=lambda resource: KINDS.index(resource.kind))
