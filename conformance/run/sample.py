"""Which items stand for all of them in a run that must cost little.

They are the same wherever they are chosen: the costs of the table that ships with the suite, the ids and the seed
decide, never what a target answers. First comes each operation, carried out once, whatever it costs; then, as far as a
budget goes, each requirement, each test and each of the types, those first that show most for what they cost; then, as
far as requests go, each test for each operation. The seed decides between items that cost the same, so that other seeds
look at other operations.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from conformance.catalogue.profiles import PROFILES, Budget
from conformance.contract.kinds import CONFIGURATION_WRITES
from conformance.requirements import REQUIREMENTS
from conformance.run.costs import TYPICAL_AWAY_S, Cost, Costs, shipped_costs
from conformance.run.node_ids import function_of, operation_of, requirements_of
from conformance.run.schedule import features_of
from conformance.run.skips import left_out_by_options, why_skipped
from conformance.run.types_of_items import Types
from conformance.worker.context import Context

CARRIED_OUT = "GEN-28"
"""The requirement whose items send an operation what the contract allows."""

WRITTEN = "GEN-38"
"""The requirement whose items write the configuration: others may only offer a valid body, which writes nothing."""

_MADE_ANEW = 0.25
"""How much of what an item would make alone it makes in a sample: other items of the sample have made the rest."""

_STEP_S = 0.01
"""Costs of what one feature takes that differ by less are the same."""

Feature = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    node_id: str
    cost: Cost
    chance: bytes

    @property
    def seconds(self) -> float:
        return self.cost.at(away_s=TYPICAL_AWAY_S)


def sample(ids: Sequence[str], costs: Costs, types: Types, budget: Budget, seed: int) -> frozenset[str]:
    """Each operation carried out once, and the items of ``ids`` that a run asks besides for no more than ``budget``."""
    known = {
        node_id: _Candidate(node_id, costs.of(node_id).making(_MADE_ANEW), _chance(seed, node_id)) for node_id in ids
    }
    everything = Budget(math.inf, math.inf)
    least = [*_cover({one: frozenset(_carried_out(node_id)) for node_id, one in known.items()}, everything, ())]
    besides: list[str] = []
    rounds: list[Callable[[str], Iterable[Feature]]] = [
        lambda node_id: _shown(node_id, types),
        lambda node_id: () if known[node_id].cost.writes else _each_operation(node_id),
    ]
    for features in rounds:
        spent = [known[node_id].cost for node_id in besides]
        left = Budget(budget.writes - sum(c.writes for c in spent), budget.requests - sum(c.requests for c in spent))
        candidates = {one: frozenset(features(node_id)) for node_id, one in known.items()}
        besides += _cover(candidates, left, [*least, *besides])
    return frozenset([*least, *besides])


def sample_for(context: Context, items: Iterable[pytest.Item], *, sharded: bool) -> frozenset[str] | None:
    """The sample of a whole run, of those of ``items`` that would run; None if its profile asks them all.

    What a user selects is asked in any profile: this is for a run of everything. ``sharded``: it is that of all parts
    of a run, so that what one of them sees of the target must not decide it.
    """
    budget = PROFILES[context.configuration.profile].budget
    if budget is None:
        return None
    types = Types(context.contract.every_type)
    skipped = left_out_by_options if sharded else why_skipped
    able = [item.nodeid for item in items if not skipped(item, context)]
    return sample(able, shipped_costs(), types, budget, context.plan.seed)


def _cover(candidates: dict[_Candidate, frozenset[Feature]], left: Budget, chosen: Iterable[str]) -> Iterator[str]:
    """The ids of candidates that show a feature which none of ``chosen``, and none before them, shows.

    Those come first that cost least for each new feature (greedy set cover); whoever exceeds what is ``left`` does not.
    """
    already = set(chosen)
    shown = {feature for one, own in candidates.items() if one.node_id in already for feature in own}
    writes, requests = left.writes, left.requests
    waiting = [
        (_price(one, own - shown), one.chance, one.node_id, one)
        for one, own in candidates.items()
        if own - shown and one.node_id not in already
    ]
    heapq.heapify(waiting)
    while waiting:
        price, chance, node_id, one = heapq.heappop(waiting)
        new = candidates[one] - shown
        if not new or one.cost.writes > writes or one.cost.requests > requests:
            continue
        if (now := _price(one, new)) > price:  # others have shown a part of it since
            heapq.heappush(waiting, (now, chance, node_id, one))
            continue
        shown |= new
        writes, requests = writes - one.cost.writes, requests - one.cost.requests
        yield node_id


def _price(candidate: _Candidate, features: Iterable[Feature]) -> int:
    """What a feature costs, in steps; a requirement counts once for each operation that it speaks about."""
    worth = sum(
        max(1, len(REQUIREMENTS[name[0]].operations)) if kind == "requirement" else 1 for kind, *name in features
    )
    return round(candidate.seconds / worth / _STEP_S)


def _carried_out(node_id: str) -> Iterator[Feature]:
    operation = operation_of(node_id)
    requirement = WRITTEN if operation in CONFIGURATION_WRITES else CARRIED_OUT
    if operation is not None and requirement in requirements_of(node_id):
        yield ("operation", operation)


def _shown(node_id: str, types: Types) -> Iterator[Feature]:
    yield ("test", function_of(node_id))
    yield from (feature for feature in features_of(node_id, types) if feature[0] != "operation")


def _each_operation(node_id: str) -> Iterator[Feature]:
    operation = operation_of(node_id)
    if operation is not None:
        yield ("test", function_of(node_id), operation)


def _chance(seed: int, node_id: str) -> bytes:
    return hashlib.sha256(f"{seed} {node_id}".encode()).digest()[:8]
