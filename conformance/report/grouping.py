"""Which of the groups of the contract things belong to: its tags, by operation, requirement and item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from conformance.requirements import Requirement
from conformance.result import ItemResult


@dataclass(frozen=True, slots=True)
class Grouping:
    """``tags``: operation label -> group, in the order of the contract; ``groups``: requirement id -> its groups, none
    for what is checked on every answer or about the run as a whole.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, tags: Mapping[str, str], catalogue: Iterable[Requirement]) -> Grouping:
        """The groups of requirements are those of the operations that they name."""
        groups = {entry.id: list(dict.fromkeys(tags[label] for label in entry.operations if label in tags))
                  for entry in catalogue}  # fmt: skip
        return cls(tags, groups)

    def of_item(self, item: ItemResult) -> list[str]:
        """The group of the operation that an item is about, or those of its requirements."""
        if (group := self.tags.get(item.operation or "")) is not None:
            return [group]
        return list(dict.fromkeys(group for name in item.requirements for group in self.groups.get(name, ())))
