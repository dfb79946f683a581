"""Parts of a run, for as many machines: which items each of them takes, and what it must tell for the merge.

Every shard cuts the same whole in the same way: by costs that are the same everywhere, and by what the options leave
out, never by what it sees of its target.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue.profiles import PROFILES
from conformance.report.errors import ReportError
from conformance.result import Shard
from conformance.run.costs import measured, read_costs, shipped_costs
from conformance.run.skips import left_out_by_options
from conformance.target.errors import ConfigurationError
from conformance.target.settings.config import Configuration
from conformance.worker.context import Context

MOST_SHARDS = 1000

_SHARD = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_SKIPPED_S = 0.005
"""What an item costs that is skipped."""


def parse_shard(given: Mapping[str, Any]) -> tuple[int, int] | None:
    """Number and count of ``--shard I/N`` among the values of options, by field; raises `ConfigurationError`."""
    text = given.get("shard")
    if text is None:
        if given.get("shard_costs"):
            raise ConfigurationError("--shard-costs needs --shard")
        return None
    match = _SHARD.fullmatch(str(text))
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= MOST_SHARDS:
        raise ConfigurationError(f"--shard: {text!r} is not I/N, such as 1/3, with N up to {MOST_SHARDS}")
    if given.get("last_failed"):
        raise ConfigurationError("--shard contradicts --last-failed: all shards cut the same items")
    return int(match[1]), int(match[2])


def check_whole(configuration: Configuration) -> None:
    """Raise `ConfigurationError` for what only the whole of a run can decide."""
    drawn = not isinstance(configuration.seed, tuple) and PROFILES[configuration.profile].random_seeds
    if drawn or configuration.seed == "random":
        raise ConfigurationError("--shard contradicts random seeds: give all shards the same numbers with --seed")
    for given, option in ((configuration.baseline, "--baseline"), (configuration.strict_waivers, "--strict-waivers")):
        if given:
            raise ConfigurationError(f"--shard: {option} looks at the whole run, so that it goes with report merge")


def costs_given(given: Mapping[str, Any]) -> dict[str, list[float]] | None:
    """What the run that ``--shard-costs`` names took, None without it; raises `ConfigurationError`.

    Read before a run clears its report directory: it may be what was there.
    """
    if not given.get("shard_costs"):
        return None
    try:
        return read_costs(Path(str(given["shard_costs"]))).as_json()
    except ReportError as error:
        raise ConfigurationError(f"--shard-costs: {error}") from None


def partition(costs: Mapping[str, float], count: int) -> dict[str, int]:
    """Id -> number of its part, from 1: the dearest first, each to the part that has least to do.

    No part takes longer than 4/3 of the best there is, or than its dearest item (Graham 1969).
    """
    loads = [(0.0, number) for number in range(1, count + 1)]
    parts: dict[str, int] = {}
    for identifier in sorted(costs, key=lambda name: (-costs[name], name)):
        load, number = heapq.heappop(loads)
        parts[identifier] = number
        heapq.heappush(loads, (load + costs[identifier], number))
    return parts


def cut(items: Sequence[pytest.Item], shard: tuple[int, int], cost: Callable[[pytest.Item], float]) -> tuple[
    list[pytest.Item], Shard
]:  # fmt: skip
    """The items of a shard in their order, and what it tells for the merge, save for the selection."""
    number, count = shard
    # Rounded, so that no machine's arithmetic decides it.
    parts = partition({item.nodeid: round(cost(item), 4) for item in items}, count)
    own = [item for item in items if parts[item.nodeid] == number]
    return own, Shard(number, count, digest_of(parts), list(dict.fromkeys(item.nodeid for item in items)))


def digest_of(parts: Mapping[str, int]) -> str:
    """A digest over which part has which item."""
    return "sha256:" + hashlib.sha256(json.dumps(sorted(parts.items())).encode()).hexdigest()


def cost_in(context: Context, given: Mapping[str, list[float]] | None) -> Callable[[pytest.Item], float]:
    """Seconds of an item in the run of a worker, as all its shards expect them; ``given``: as of `costs_given`."""
    costs = shipped_costs() if given is None else measured(given)
    price = {"price_s": 0.0} if context.configuration.embedded else {}

    def cost(item: pytest.Item) -> float:
        return _SKIPPED_S if left_out_by_options(item, context) else _SKIPPED_S + costs.of(item.nodeid).at(**price)

    return cost


def share(items: Iterable[object], shard: tuple[int, int] | None) -> int:
    """About how many of ``items`` a shard takes, all without one."""
    number = len(list(items))
    return number if shard is None else -(-number // shard[1])
