"""Whether runs of shards belong together: same suite, contract, target and seed, and cut out of the same whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from conformance import __version__
from conformance.report.errors import ReportError
from conformance.result import RunResult, Shard
from emqx_conformance_extensions import installed

_SAME: Mapping[str, str] = {
    "contract_digest": "contract",
    "contract_variant": "contract",
    "described_version": "version of the contract",
    "seeds": "seeds",
    "profile": "profile",
    "mode": "mode",
    "embedded": "target",
    "target_version": "version of the target",
}
"""Field of a run -> what it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """The run of a shard, and the directory that it is in."""

    directory: Path
    run: RunResult

    @property
    def shard(self) -> Shard:
        assert self.run.shard is not None
        return self.run.shard

    @property
    def started(self) -> bool:
        """Whether the run came so far as to collect items."""
        return bool(self.shard.items)


def check_together(parts: Sequence[Part]) -> None:
    """Raise `ReportError`, in one sentence, for what cannot be merged.

    Of a shard that could not start hardly anything is known: not even which contract its target would have had.
    """
    if not parts:
        raise ReportError("there is no shard to merge")
    for part in parts:
        if part.run.shard is None:
            raise ReportError(f"{part.directory} is no shard: its run was not told --shard")
    _check_suite(parts)
    by_index: dict[int, Part] = {}
    for part in parts:
        other = by_index.setdefault(part.shard.index, part)
        if other is not part:
            raise ReportError(f"{other.directory} and {part.directory} are both {part.shard.words}")
    for one, other in pairwise(parts):
        _compare(one, other, "number of shards", one.shard.count, other.shard.count)
    started = [part for part in parts if part.started]
    for one, other in pairwise(started):
        for name, what in _SAME.items():
            _compare(one, other, what, getattr(one.run, name), getattr(other.run, name))
        if not one.run.embedded:
            _compare(one, other, "target", one.run.base_url, other.run.base_url)
        _compare(one, other, "waivers", *([use.id for use in part.run.waivers] for part in (one, other)))
        if _cut(one) != _cut(other):
            raise ReportError(f"{_both(one, other)}: they were cut out of other items, or with other --shard-costs")
    _check_items(started)


def _check_suite(parts: Sequence[Part]) -> None:
    """What is merged is what this suite, with its extensions, has run: it decides by its own catalogue."""
    ours = _suite(f"emqx-conformance {__version__}", list(map(str, installed())))
    for part in parts:
        theirs = _suite(part.run.suite, part.run.extensions)
        if theirs != ours:
            raise ReportError(f"{part.directory} was run by {theirs}, and this is {ours}")


def _suite(name: str, extensions: Sequence[str]) -> str:
    return " with ".join([name, *sorted(extensions)])


def _cut(part: Part) -> tuple[object, ...]:
    return part.shard.digest, part.shard.items, part.shard.selection


def _check_items(parts: Sequence[Part]) -> None:
    owners: dict[str, Part] = {}
    for part in parts:
        for item in part.run.items:
            if "::test_" in item.id and (other := owners.setdefault(item.id, part)) is not part:
                raise ReportError(f"{_both(other, part)}: both have the item {item.id}")


def _compare(one: Part, other: Part, what: str, mine: object, theirs: object) -> None:
    if mine != theirs:
        raise ReportError(f"{_both(one, other)}: they differ in the {what}, {_shown(mine)} and {_shown(theirs)}")


def _both(one: Part, other: Part) -> str:
    return f"{one.directory} and {other.directory} do not belong together"


def _shown(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return (text[:80] + "...") if len(text) > 80 else text or "none"
