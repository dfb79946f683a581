"""What a run has gathered so far: results of items, and what spoils it as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from conformance.catalogue.registry import catalogue
from conformance.checks.whole_run import Aftermath
from conformance.result import ItemResult, Outcome, PartSelected, Shard
from conformance.run.node_ids import operation_of, requirements_of
from conformance.target.leftovers.cleanup import Left


@dataclass(slots=True)
class Gathered:
    """``items``: results by id; ``expected``: ids of all that were selected. ``troubles``: sentences on what spoils the
    run as a whole. ``left``: what workers could not delete, ``finished``: those that have cleaned up,
    ``config_cleanup``: configuration writes of clean-ups and of the preflight, by operation.

    ``selection``: what was selected, None for everything; ``whole``: the same without a word of shards. ``aftermath``:
    what the target held before and after, once the run has ended.
    """

    items: dict[str, ItemResult] = field(default_factory=dict)
    expected: dict[str, None] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    config_cleanup: Counter[str] = field(default_factory=Counter)
    selection: PartSelected | None = None
    whole: PartSelected | None = None
    shard: Shard | None = None
    aftermath: Aftermath | None = None

    def note(self, *troubles: str) -> None:
        """Something spoils the run as a whole."""
        self.troubles += [trouble for trouble in dict.fromkeys(troubles) if trouble not in self.troubles]

    def expect(self, ids: Iterable[str]) -> None:
        self.expected.update(dict.fromkeys(ids))

    def cleaned_up(self, left: Iterable[Left], troubles: Iterable[str], writes: Mapping[str, int]) -> None:
        """What is left of a clean-up, why it came to an end before its time, and the configuration writes it took."""
        self.left += left
        self.note(*troubles)
        self.config_cleanup.update(writes)

    @property
    def has_nothing_to_do(self) -> bool:
        """Whether other shards have all the items."""
        return self.shard is not None and bool(self.shard.items) and not self.expected

    def results(self, stopped: str | None) -> list[ItemResult]:
        """A result for every item that was selected; ``stopped``: why the run ended before some of them, if it did."""
        list(catalogue())  # the requirements of items that only workers have imported
        why = stopped or next(iter(self.troubles), "the run ended before it")
        for node_id in self.expected:
            if node_id not in self.items:
                self.items[node_id] = unfinished(node_id, "not_run", why)
        return list(self.items.values())


def unfinished(node_id: str, outcome: Outcome, reason: str) -> ItemResult:
    """The result of an item that did not come to its end."""
    return ItemResult(node_id, requirements_of(node_id), operation_of(node_id), outcome, reason)
