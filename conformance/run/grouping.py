"""Groups of items that one worker does in a row, because they share what they make; and what a group costs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from conformance.run.costs import TYPICAL_AWAY_S, Costs
from conformance.run.node_ids import function_of, kind_of_item, module_of
from conformance.run.splitting import in_parts
from conformance.run.types_of_items import Types

_WRITES_MATTER_S = 0.02
"""A cheaper configuration write is worth no turn of its own."""

_COMMON_TYPE = "http"
"""What connectors and actions are of that items about no type make: those about this type share them."""

Group = list[int]
"""Items by their place among those of the run."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Items that one worker does in a row, by their index; ``seconds`` besides configuration writes, ``writes_s`` of
    those, which a target carries out one after the other, whoever sends them."""

    items: tuple[int, ...]
    seconds: float
    writes_s: float

    @property
    def total_s(self) -> float:
        return self.seconds + self.writes_s

    @property
    def waits_for_writes(self) -> bool:
        """Whether most of its time goes by in writes."""
        return self.writes_s > max(self.seconds, _WRITES_MATTER_S)


class Items:
    """The items of a run, ``ids``, with what each costs a target where a configuration write takes ``price_s``, and the
    way to and fro ``away_s`` more than the costs say."""

    def __init__(self, ids: Sequence[str], costs: Costs, types: Types, price_s: float, away_s: float) -> None:
        self.ids = ids
        self.types = types
        self.price_s = price_s
        self.costs = [costs.of(node_id) for node_id in ids]
        self._away_s = away_s
        self._writing = costs.writing()
        self._writing_modules = {
            module for function in self._writing if not _is_generated(module := module_of(function))
        }

    def chunk(self, items: Iterable[int]) -> Chunk:
        """Some items, for one worker."""
        chosen = tuple(items)
        seconds = sum(self.costs[item].at(price_s=0.0, away_s=self._away_s) for item in chosen)
        return Chunk(chosen, seconds, self.price_s * sum(self.costs[item].writes for item in chosen))

    def groups(self, without: Collection[int]) -> list[Group]:
        """The items, but for some, with those that share what they make."""
        groups: dict[str, Group] = {}
        for item, node_id in enumerate(self.ids):
            if item not in without:
                groups.setdefault(self.types.of(node_id) or self._sharing(item), []).append(item)
        return list(groups.values())

    def _sharing(self, item: int) -> str:
        """What an item about no type has in common with others that share with it what they write, in one worker.

        Scenarios do with those of their module, generated items with all others; who writes nothing shares nothing.
        """
        node_id = self.ids[item]
        if not self.costs[item].alone.writes:
            return node_id
        module = module_of(node_id)
        return module.rpartition("/")[0] if _is_generated(module) else module

    def is_of_type(self, group: Group) -> bool:
        """Whether a group is about one connector or action type, other than the one that items about none use."""
        return self.types.of(self.ids[group[0]]) not in (None, _COMMON_TYPE)

    def makes(self, group: Group) -> bool:
        """Whether some item of a group is known to write, or stands in a module of scenarios that do."""
        return any(
            function_of(self.ids[item]) in self._writing or module_of(self.ids[item]) in self._writing_modules
            for item in group
        )

    def shares(self, group: Group) -> bool:
        """Whether a group makes what others use as well, or may use what others make."""
        return self.makes(group) or any(_is_about_configured(self.ids[item]) for item in group)

    def joined(self, groups: Iterable[Group], joins: Callable[[Group], bool], most: int) -> list[Group]:
        """The groups, those that it ``joins`` in no more than ``most`` of about the same cost: every worker that begins
        one makes what it shares anew."""
        groups = list(groups)
        joining = [group for group in groups if joins(group)]
        total_s = sum(map(self._typical_s, joining))
        joined: list[Group] = [[] for _ in range(most)]
        before_s = 0.0
        for group in joining:
            middle_s = before_s + self._typical_s(group) / 2
            joined[min(int(middle_s / total_s * most), most - 1) if total_s else 0] += group
            before_s += self._typical_s(group)
        return [*(group for group in groups if not joins(group)), *(sorted(group) for group in joined if group)]

    def _typical_s(self, group: Group) -> float:
        return sum(self.costs[item].at(away_s=TYPICAL_AWAY_S) for item in group)

    def split(self, group: Group, share_s: float) -> list[Group]:
        """A group that one worker does while others have nothing to do, in parts, unless it waits for writes: these
        come one after the other, whoever sends them, and parts make things anew."""
        whole = self.chunk(group)
        if whole.total_s <= share_s or whole.waits_for_writes:
            return [group]
        return in_parts(group, self.ids, lambda items: self.chunk(items).total_s, share_s)


def _is_about_configured(node_id: str) -> bool:
    """Whether a generated item is about a kind of resource that is configured, one of which it may use."""
    kind = kind_of_item(node_id) if _is_generated(module_of(node_id)) else None
    return kind is not None and kind.configured


def _is_generated(module: str) -> bool:
    return module.rpartition("/")[0].endswith("/fuzz")
