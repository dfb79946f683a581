"""What a run did not look at, grouped by why, and how much of the catalogue that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from conformance.contract.versions import VersionError, same_release
from conformance.report.grouping import Grouping
from conformance.report.text import NO_REASON, counted
from conformance.result import ItemResult, LeftOut, Omission, OperationResult, RequirementResult
from conformance.target.guard.mode import Mode

ORDER: Sequence[Omission] = ("undecided", "chosen", "not_demanded")
"""From the gravest."""

TITLES: Mapping[Omission, str] = {
    "undecided": "Could not be decided",
    "chosen": "Left out on the user's word",
    "not_demanded": "Not demanded",
}
NO_GROUPS = Grouping()
_READ_ONLY = "left out by --read-only"
_MOST_NAMES = 4
_LONGEST_VERSION = 60


@dataclass(slots=True)
class _Group:
    items: int = 0
    requirements: dict[str, None] = field(default_factory=dict)
    operations: dict[str, None] = field(default_factory=dict)
    groups: dict[str, None] = field(default_factory=dict)


def left_out(
    items: Sequence[ItemResult],
    requirements: Sequence[RequirementResult],
    operations: Sequence[OperationResult],
    mode: Mode,
    universal: Set[str] = frozenset(),
    grouping: Grouping = NO_GROUPS,
) -> list[LeftOut]:
    """One entry for each reason for which items were skipped, or requirements and operations were not selected.

    ``universal``: ids of the requirements on every answer, which were looked at in part where an operation gave none.
    """
    groups: dict[tuple[Omission, str], _Group] = {}
    for item in items:
        if item.outcome == "skipped":
            group = groups.setdefault((item.omission or "undecided", _reason(item, mode)), _Group())
            group.items += 1
            group.requirements |= dict.fromkeys(item.requirements)
            group.operations |= dict.fromkeys([item.operation] if item.operation is not None else [])
            group.groups |= dict.fromkeys(grouping.of_item(item))
    about = {identifier for group in groups.values() for identifier in group.requirements}
    for requirement in requirements:
        if requirement.outcome == "not_selected" or (requirement.outcome == "skipped" and requirement.id not in about):
            group = groups.setdefault(("chosen", requirement.reason), _Group())
            group.requirements[requirement.id] = None
            group.groups |= dict.fromkeys(requirement.groups)
    for operation in operations:
        if operation.outcome == "not_selected":
            group = groups.setdefault(("chosen", operation.reason), _Group())
            group.operations[operation.operation] = None
            group.groups |= dict.fromkeys([operation.group] if operation.group else [])
    untouched = {entry.id for entry in requirements if entry.outcome in ("skipped", "not_selected")}
    touched = {entry.id for entry in requirements if entry.outcome in ("passed", "failed", "waived")}
    unanswered = {entry.operation for entry in operations if entry.outcome in ("skipped", "not_selected")}
    for (why, _), group in groups.items():
        if why != "not_demanded" and unanswered & set(group.operations):
            group.requirements |= dict.fromkeys(touched & universal)
    found = [
        LeftOut(
            why=why,
            reason=reason,
            items=group.items,
            requirements=sorted(untouched & set(group.requirements)),
            partly=sorted(touched & set(group.requirements)),
            operations=sorted(unanswered & set(group.operations)),
            groups=sorted(group.groups),
        )
        for (why, reason), group in groups.items()
    ]
    found += _withheld(items, mode, grouping)
    return sorted(found, key=lambda entry: (ORDER.index(entry.why), -len(entry.requirements), -entry.items))


def _withheld(items: Sequence[ItemResult], mode: Mode, grouping: Grouping) -> Iterator[LeftOut]:
    """What items that ran would have sent besides in a mode that allows more."""
    for needed in dict.fromkeys(needed for item in items for needed in item.withheld):
        shorter = [item for item in items if item.withheld.get(needed) and item.outcome != "skipped"]
        count = sum(item.withheld[needed] for item in shorter)
        if count:
            who, what = counted(len(shorter), "item"), counted(count, "request")
            partly = sorted({identifier for item in shorter for identifier in item.requirements})
            groups = sorted({group for item in shorter for group in grouping.of_item(item)})
            reason = f"{mode.words}: {who} would send {what} more with --{needed}"
            yield LeftOut("chosen", reason, partly=partly, groups=groups)


def of_version(told: str | None, named: str | None, described: str) -> LeftOut | None:
    """What is to be said if a target was not checked against the contract of its own version.

    ``told``: what the target says it is, ``named``: what ``--emqx-version`` says, ``described``: the version whose
    contract was taken. Without a contract of the version that was asked for nothing is decided about it; a contract
    that the user named for a target of another version is the user's word.
    """
    told = told[:_LONGEST_VERSION] if told is not None else None
    against = f"checked against the contract of {described}"
    if named is not None and not same_release(named, described):
        if told is not None and _same(told, named):
            return LeftOut("undecided", f"EMQX {told} has no contract of its own here: it was {against}")
        return LeftOut("undecided", f"there is no contract of EMQX {named}, which --emqx-version names: {against}")
    if told is None:
        why = f"the target does not tell its version: it was {against}; --emqx-version names one"
        return LeftOut("undecided", why) if named is None else None
    if _same(told, described):
        return None
    if named is not None:
        return LeftOut("chosen", f"EMQX {told} was {against}, as --emqx-version says")
    return LeftOut("undecided", f"EMQX {told} has no contract of its own here: it was {against}")


def tally(entries: Iterable[LeftOut]) -> dict[Omission, tuple[int, int]]:
    """Why -> number of requirements that nothing was looked at of, and that were looked at in part.

    One that nothing was looked at of counts once, with the gravest reason. Only reasons that entries give are there.
    """
    counts: dict[Omission, tuple[int, int]] = {}
    entries = list(entries)
    seen: set[str] = set()
    for why in ORDER:
        of_kind = [entry for entry in entries if entry.why == why]
        if of_kind:
            untouched = {identifier for entry in of_kind for identifier in entry.requirements} - seen
            seen |= untouched
            counts[why] = (len(untouched), len({identifier for entry in of_kind for identifier in entry.partly}))
    return counts


def summed_up(entries: Sequence[LeftOut]) -> Iterator[tuple[str, list[LeftOut]]]:
    """For each kind of reason a line with the numbers of `tally`, and its entries.

    As in ``Left out on the user's word: 190 requirements, and 12 in part``.
    """
    for why, (untouched, partly) in tally(entries).items():
        parts = [counted(untouched, "requirement")] * (untouched > 0)
        if partly:
            parts.append(f"and {partly} in part" if parts else f"{counted(partly, 'requirement')} in part")
        numbers = f": {', '.join(parts)}" if parts else ""
        yield f"{TITLES[why]}{numbers}", [entry for entry in entries if entry.why == why]


def sentence(entry: LeftOut) -> str:
    """The reason of an entry with what it concerns."""
    if not (entry.items or entry.requirements or entry.operations):
        return entry.reason
    names = [_named(entry.operations, "operation"), _named(entry.requirements, "requirement")]
    untouched = " and ".join(name for name in names if name)
    parts = [counted(entry.items, "item")] if entry.items else []
    parts += [f"not looked at: {untouched}"] * bool(untouched)
    parts += [f"in part: {_named(entry.partly, 'requirement')}"] * bool(entry.partly)
    return f"{entry.reason}: {'; '.join(parts)}"


def _reason(item: ItemResult, mode: Mode) -> str:
    if item.needs_mode is None:
        return item.reason or NO_REASON
    if item.omission == "not_demanded":
        return "provisional, and left out by the mode of the run"
    return _READ_ONLY if mode is Mode.READ_ONLY else f"needs --{item.needs_mode}"


def _same(told: str, other: str) -> bool:
    try:
        return same_release(told, other)
    except VersionError:
        return False


def _named(names: Sequence[str], noun: str) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{len(names)} {noun}s ({', '.join(names[:_MOST_NAMES])}, ...)"
