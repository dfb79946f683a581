"""What the mode of a run left out, in sentences that say how to include it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from conformance.report.model import ItemResult
from conformance.target.mode import Mode

_MOST_NAMES = 4


def left_out(items: Sequence[ItemResult], mode: Mode) -> Iterator[str]:
    """One sentence for each option that would have run items which ``mode`` did not, or sent more for others."""
    by_option: dict[str, list[ItemResult]] = {}
    for item in items:
        if item.needs_mode is not None:
            option = "without --read-only" if mode is Mode.READ_ONLY else f"with --{item.needs_mode}"
            by_option.setdefault(option, []).append(item)
    for option, missing in by_option.items():
        yield f"{mode.words}: {_items(missing)} would run {option}{_consequence(items, missing)}"
    for needed in dict.fromkeys(needed for item in items for needed in item.withheld):
        shorter = [item for item in items if item.withheld.get(needed) and item.needs_mode is None]
        count = sum(item.withheld[needed] for item in shorter)
        if count:
            requests = f"{count} request{'' if count == 1 else 's'}"
            yield f"{mode.words}: {_items(shorter)} would send {requests} more with --{needed}"


def _consequence(items: Sequence[ItemResult], missing: Sequence[ItemResult]) -> str:
    """The operations and requirements that nothing else in the run is about."""
    others = [item for item in items if item.needs_mode is None]
    about = {item.operation for item in others}
    verified = {identifier for item in others for identifier in item.requirements}
    operations = sorted({item.operation for item in missing if item.operation is not None} - about)
    requirements = sorted({identifier for item in missing for identifier in item.requirements} - verified)
    parts = [_named(operations, "operation"), _named(requirements, "requirement")]
    what = " and ".join(part for part in parts if part)
    return f"; not checked at all: {what}" if what else ""


def _named(names: Sequence[str], noun: str) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{len(names)} {noun}s ({', '.join(names[:_MOST_NAMES])}, ...)"


def _items(items: Iterable[ItemResult]) -> str:
    count = sum(1 for _ in items)
    return f"{count} item{'' if count == 1 else 's'}"
