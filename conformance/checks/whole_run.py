"""What is checked about a run as a whole, once it is over: what it left on the target, and what it changed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from conformance.contract.kinds import KINDS
from conformance.requirements import requirement
from conformance.result import (
    Attribution,
    CollectionResult,
    Failure,
    InventoryResult,
    ItemResult,
    Omission,
    Outcome,
)
from conformance.target.capabilities import Capabilities
from conformance.target.guard.mode import Mode
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.cleanup import Left
from conformance.target.leftovers.inventory import Holdings, Inventory, compare
from conformance.target.leftovers.listing import LISTINGS
from conformance.waivers import WaiverFile

_MOST_FAILURES = 20
_UNDECIDED = "no item of the run came to a decision"
_MODULE = "conformance/checks/whole_run.py"
_LEFT_BEHIND, _UNREACHABLE = "left_behind", "unreachable_id"
_FROM_EARLIER = "# What was to be deleted came from earlier requests of the run, which these lines do not repeat."

_EMPTIED_BY: Mapping[str, Sequence[str]] = {
    label: [kind.plural for kind in KINDS if label in kind.emptied_by] for owner in KINDS for label in owner.emptied_by
}
"""Operations on global state -> the collections that they change for good, in a run that may (``--exclusive``).

The rules for all clients are put back.
"""


@dataclass(slots=True)
class Aftermath:
    """What is known when a run is over.

    ``before`` and ``after`` are None where no inventory could be taken, ``lost`` then says why. ``left``: what could
    not be deleted, ``deleted``: what the inventory still showed and the target then said to have deleted. ``created``:
    how many creations the journals of the run tell of; ``nameless``: how many were asked for, refused or not, under ids
    that can carry no name. ``items``: its other items. ``troubles``: what spoiled the run.
    """

    run: str
    mode: Mode
    before: Inventory | None
    after: Inventory | None
    left: Sequence[Left] = ()
    deleted: frozenset[Resource] = frozenset()
    created: int = 0
    nameless: int = 0
    items: Sequence[ItemResult] = ()
    troubles: Sequence[str] = ()
    lost: str = ""

    def results(self) -> list[ItemResult]:
        """One item per requirement about the whole run."""
        return [leaves_nothing(self), keeps_what_it_found(self)]

    @property
    def decided(self) -> bool:
        return any(item.outcome in ("passed", "failed", "waived") for item in self.items)

    @property
    def still_there(self) -> list[Resource]:
        """What the run created and the inventory after it still shows."""
        return self.after.left_by(self.run) if self.after is not None else []

    def unexplained(self, resource: Resource) -> Left:
        """Why something is still listed that no deletion failed for."""
        deleted = resource in self.deleted
        problem = "still listed after its deletion was answered" if deleted else "appeared when all was over"
        return Left(resource.kind, resource.shown, problem, f"DELETE {resource.operation}", at_fault=deleted)

    def unproven(self) -> Iterator[Left]:
        """What could not be deleted, where no inventory shows that it is gone all the same."""
        shown = {
            kind
            for listing in LISTINGS
            if self.after is not None and self.after.collections[listing.name].problem is None
            for kind in listing.kinds
        }
        yield from (left for left in self.left if left.kind not in shown)

    def newly_unreadable(self) -> list[str]:
        """Why collections cannot be read any more that could be read before."""
        if self.before is None or self.after is None:
            return []
        pairs = ((self.before.collections[name], holdings) for name, holdings in self.after.collections.items())
        return [str(new.problem) for old, new in pairs if old.problem is None and new.problem is not None]

    def changed_on_purpose(self) -> set[str]:
        """Collections that operations on global state changed, or may have."""
        answered = {
            label
            for item in self.items
            for label, statuses in item.statuses.items()
            if any(status.startswith("2") for status in statuses)
        }
        if any(item.outcome == "error" for item in self.items):
            answered |= set(_EMPTIED_BY)  # a worker that died took its record along
        return {name for label in answered for name in _EMPTIED_BY.get(label, ())}


@requirement("SAFE-01")
def leaves_nothing(aftermath: Aftermath) -> ItemResult:
    """Whatever the run created can be deleted again, and is gone from every list when the run is over.

    Fails where the target answers a deletion as it never may, or answers it and does not carry it out. What is left
    for another reason (no answer, no permission, used by a stranger) leaves it undecided.
    """
    item = _item("SAFE-01", leaves_nothing.__name__)
    reasons = {(left.kind, left.id): left for left in aftermath.left}
    undecided = []
    for resource in aftermath.still_there:
        undecided += _blame(
            item, aftermath.mode, reasons.get((resource.kind, resource.shown)) or aftermath.unexplained(resource)
        )
    for left in aftermath.unproven():
        undecided += _blame(item, aftermath.mode, left)
    if item.failures:
        return _concluded(item, "failed", item.failures[0].message)
    if aftermath.after is None:
        return _concluded(item, "not_run", aftermath.lost)
    if undecided:
        return _concluded(item, "error", f"left behind: {'; '.join(map(str, undecided[:3]))}{_more(undecided)}")
    if unreadable := aftermath.newly_unreadable():
        return _concluded(item, "not_run", f"what is left cannot be told: {'; '.join(unreadable)}")
    if aftermath.mode is Mode.READ_ONLY:
        return _left_out(item, "a run with --read-only creates nothing", Mode.SANDBOXED)
    if not aftermath.created:
        return _skipped(item, "the run created nothing", "not_demanded")
    if not aftermath.decided:
        return _skipped(item, _UNDECIDED, "undecided")
    item.evidence = {"SAFE-01": aftermath.created}
    checks = {_LEFT_BEHIND: aftermath.created, _UNREACHABLE: aftermath.nameless}
    item.decided = {"(whole run)": {name: count for name, count in checks.items() if count}}
    return _concluded(item, "passed", "")


@requirement("SAFE-02")
@pytest.mark.mode(Mode.EXCLUSIVE, "others may use the target, and change it")
def keeps_what_it_found(aftermath: Aftermath) -> ItemResult:
    """Whatever was there before the run is there after it, unchanged: it only changes what it created.

    Decided only where nobody else uses the target. Clients, subscriptions and retained messages come and go by
    themselves; what an operation on global state is for is no damage.
    """
    item = _item("SAFE-02", keeps_what_it_found.__name__)
    if aftermath.mode < Mode.EXCLUSIVE:
        only = "not with --read-only" if aftermath.mode is Mode.READ_ONLY else "needs --exclusive"
        return _left_out(item, f"others may use the target, and change it: {only}", Mode.EXCLUSIVE)
    if aftermath.before is None or aftermath.after is None:
        return _concluded(item, "not_run", aftermath.lost)
    judged = {listing.name for listing in LISTINGS if listing.judged} - aftermath.changed_on_purpose()
    foreign = sum(len(holdings.entries) for name, holdings in aftermath.before.collections.items() if name in judged)
    for change in compare(aftermath.before, aftermath.after):
        if change.collection in judged:
            for what, names in (("vanished", change.vanished), ("changed", change.changed)):
                for name in names:
                    _fail(item, "kept", f"{change.collection}: {name} {what}, which the run did not create")
    if item.failures and aftermath.troubles:
        # A target that restarts may come back without what it held, for instance.
        item.failures, item.evidence = [], {}
        return _concluded(item, "not_run", aftermath.troubles[0])
    if item.failures:
        return _concluded(item, "failed", item.failures[0].message)
    if not aftermath.decided:
        return _skipped(item, _UNDECIDED, "undecided")
    if not foreign:
        return _skipped(item, "the target held nothing that the run could have changed", "not_demanded")
    if unreadable := aftermath.newly_unreadable():
        return _concluded(item, "not_run", f"what changed cannot be told: {'; '.join(unreadable)}")
    item.evidence = {"SAFE-02": foreign}
    return _concluded(item, "passed", "")


def waive(item: ItemResult, waivers: WaiverFile, target: Capabilities) -> None:
    """Let waivers cover failures of an item that already has its outcome."""
    waivers.apply(item.failures, target.version, target.profile.sentences())
    if item.failures and all(failure.waived_by is not None for failure in item.failures):
        names = sorted({f"waived by {failure.waived_by}" for failure in item.failures})
        _concluded(item, "waived", "; ".join(names))


def inventory_result(aftermath: Aftermath) -> InventoryResult:
    """The inventories of a run as a report shows them."""
    before, after = aftermath.before, aftermath.after
    result = InventoryResult(
        requests=sum(taken.requests for taken in (before, after) if taken is not None),
        late=sorted(map(str, aftermath.deleted)),
    )
    changes = {change.collection: change for change in compare(before, after)} if before and after else {}
    on_purpose = aftermath.changed_on_purpose()
    for listing in LISTINGS:
        old = before.collections[listing.name] if before is not None else Holdings()
        new = after.collections[listing.name] if after is not None else Holdings()
        change = changes.get(listing.name)
        result.collections.append(
            CollectionResult(
                name=listing.name,
                before=old.count,
                after=new.count,
                left=[resource.shown for resource in new.own.get(aftermath.run, [])],
                other_runs=sum(len(own) for run, own in new.own.items() if run != aftermath.run),
                appeared=len(change.appeared) if change else 0,
                vanished=len(change.vanished) if change else 0,
                changed=len(change.changed) if change else 0,
                odd=old.odd,
                note=_note(old, new, on_purpose=listing.name in on_purpose),
            )
        )
    return result


def _note(old: Holdings, new: Holdings, *, on_purpose: bool) -> str:
    if new.problem or old.problem:
        return f"not compared: {new.problem or old.problem}"
    if new.absent and old.absent:
        return "the target has none"
    if not (new.complete and old.complete):
        return "too many to compare: counted, and searched for what the run created"
    return "changed on purpose, as --exclusive allows" if on_purpose else ""


def _item(identifier: str, name: str) -> ItemResult:
    return ItemResult(f"{_MODULE}::{name}", (identifier,), None, "not_run", decided={})


def _concluded(item: ItemResult, outcome: Outcome, reason: str) -> ItemResult:
    item.outcome, item.reason = outcome, reason
    return item


def _left_out(item: ItemResult, reason: str, needed: Mode) -> ItemResult:
    """Skipped because of the mode of the run."""
    item.needs_mode = needed.words
    return _skipped(item, reason, "chosen")


def _skipped(item: ItemResult, reason: str, why: Omission) -> ItemResult:
    item.omission = why
    return _concluded(item, "skipped", reason)


def _blame(item: ItemResult, mode: Mode, left: Left) -> list[Left]:
    """A failure of the item if the target is at fault; otherwise what remains undecided."""
    if not left.at_fault:
        return [left]
    # Where such ids may be sent, storing them is a defect like others; elsewhere the target is damaged for good.
    check = _UNREACHABLE if left.unreachable and mode is Mode.DISPOSABLE else _LEFT_BEHIND
    lines = f"{left.curl}\n{_FROM_EARLIER}" if left.curl else None
    _fail(item, check, f"left behind: {left}", left.operation, lines, attribution="target")
    return []


def _fail(
    item: ItemResult, check: str, message: str, operation: str | None = None, curl: str | None = None,
    *, attribution: Attribution = "undecided",
) -> None:  # fmt: skip
    if len(item.failures) < _MOST_FAILURES:
        identifier = item.requirements[0]
        number = f"run-{identifier}-{len(item.failures) + 1}"
        item.failures.append(Failure(identifier, operation, check, message, curl, attribution, item=item.id, id=number))
        item.evidence[identifier] = item.evidence.get(identifier, 0) + 1


def _more(things: Sequence[object], shown: int = 3) -> str:
    return f" and {len(things) - shown} more" if len(things) > shown else ""
