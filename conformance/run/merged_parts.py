"""Items and inventories of several runs as those of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from conformance.report.left_out import ORDER
from conformance.result import CollectionResult, Failure, InventoryResult, ItemResult, Outcome, RunResult

_WORST_FIRST: Sequence[Outcome] = ("failed", "error", "not_run", "waived", "passed", "skipped")


def renamed(item: ItemResult, shard: int) -> ItemResult:
    """The item with ids of failures that no other shard has: ``gw0-3`` -> ``s2-gw0-3``."""

    def unique(identifier: str) -> str:
        return f"s{shard}-{identifier}" if identifier else ""

    def told(failure: Failure) -> Failure:
        cause = unique(failure.consequence_of) if failure.consequence_of is not None else None
        return replace(failure, id=unique(failure.id), consequence_of=cause)

    return replace(
        item,
        worker=unique(item.worker),
        failures=[told(failure) for failure in item.failures],
        damages=[replace(damage, cause=unique(damage.cause)) for damage in item.damages],
    )


def merged_item(items: Sequence[ItemResult]) -> ItemResult:
    """What several runs found of the same, each about itself: the worst outcome stands, with all that speaks for it.

    Passed where one of them decided it, whatever others had nothing to say about; skipped only where all did.
    """
    worst = min(items, key=lambda item: _WORST_FIRST.index(item.outcome))
    if worst.outcome == "skipped":
        worst = min(items, key=lambda item: ORDER.index(item.omission or "undecided"))
    alike = [item for item in items if item.outcome == worst.outcome]
    return replace(
        worst,
        reason="; ".join(dict.fromkeys(item.reason for item in alike if item.reason)),
        duration_s=sum(item.duration_s for item in items),
        failures=[failure for item in items for failure in item.failures],
        evidence=summed(item.evidence for item in items),
        statuses=_sums([item.statuses for item in items]),
        decided=_sums([item.decided for item in items]),
        omission=worst.omission if worst.outcome == "skipped" else None,
        needs_mode=worst.needs_mode if worst.outcome == "skipped" else None,
    )


def merged_inventory(runs: Sequence[RunResult], *, partly: bool = False) -> InventoryResult | None:
    """What the target held before the first run and after the last, and what any of them left.

    What came, went or changed meanwhile is the most that one of them saw: several may have seen the same. ``partly``:
    other shards have no report.
    """
    known = [(run, run.inventory) for run in runs if run.inventory is not None]
    if not known:
        return None
    began = sorted(known, key=lambda pair: _began(pair[0]))
    ended = sorted(known, key=lambda pair: _began(pair[0]) + pair[0].duration_s)
    names = dict.fromkeys(collection.name for _, one in known for collection in one.collections)
    return InventoryResult(
        [_collection(name, [one for _, one in began], ended[-1][1]) for name in names],
        requests=sum(one.requests for _, one in known),
        late=sorted(entry for _, one in known for entry in one.late),
        partly=partly,
    )


def _collection(name: str, inventories: Sequence[InventoryResult], last: InventoryResult) -> CollectionResult:
    found = [one for inventory in inventories for one in inventory.collections if one.name == name]
    after = next((one for one in last.collections if one.name == name), found[-1])
    return CollectionResult(
        name=name,
        before=found[0].before,
        after=None if any(one.after is None for one in found) else after.after,
        left=[identifier for one in found for identifier in one.left],
        other_runs=after.other_runs,
        appeared=max(one.appeared for one in found),
        vanished=max(one.vanished for one in found),
        changed=max(one.changed for one in found),
        odd=found[0].odd,
        note="; ".join(dict.fromkeys(one.note for one in found if one.note)),
    )


def _began(run: RunResult) -> float:
    return datetime.fromisoformat(run.started_at).timestamp()


def summed(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts by name, of all together."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def _sums(several: Sequence[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    names = dict.fromkeys(name for one in several for name in one)
    return {name: summed(one.get(name, {}) for one in several) for name in names}
