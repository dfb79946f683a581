"""The end of a run: clean up after workers that died, and compare the target with what it was before."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from conformance.checks.whole_run import Aftermath
from conformance.contract import load_contract
from conformance.report.errors import UnwritableError
from conformance.report.files import write_atomically
from conformance.result import ItemResult
from conformance.run.workers import reads_at_once
from conformance.target.errors import TargetLost, Unwritable
from conformance.target.guard.mode import Mode
from conformance.target.journal.journal import Journal, JournalError, StoredJournal, read_journal
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.cleanup import Left, clean_up
from conformance.target.leftovers.inventory import AFTER, BEFORE, Claim, Inventory, take_again, take_inventory
from conformance.target.leftovers.swept import SweptNames
from conformance.worker.context import Worker, journal_file, journal_header
from conformance.worker.plan import Plan

_PAUSES = (0.0, 0.05, 0.13, 0.27, 0.55)
"""Pauses before each attempt to delete what is shown, as shares of the time that it may take to vanish.

Sessions that were just closed, and messages that were just published, take a moment to go or to come.
"""

_DEAD_WITHIN_S = 10.0
"""How long a worker that was given up may take to end."""


def inventory_before(plan: Plan) -> Inventory:
    """What the target holds before the run; also written into the report directory.

    Raises `TargetLost`, and `Unwritable` if the report directory cannot be written.
    """
    with _worker(plan) as worker:
        inventory = take_inventory(worker.api, plan.run_id, at_once=reads_at_once(plan))
        _write(plan, BEFORE, worker.redact(inventory.as_json()))
    return inventory


class EndOfRun:
    """Cleans up after a run and finds out what is left of it.

    ``left``: what finished workers could not delete. ``lost``: why nothing more can be asked of the target.
    ``troubles``: sentences on what spoiled the run; what must be done by hand is added to them. ``config_cleanup``: its
    configuration writes, by operation.
    """

    def __init__(
        self,
        plan: Plan,
        finished: Iterable[str],
        left: Sequence[Left],
        troubles: Iterable[str] = (),
        lost: str = "",
    ) -> None:
        self._plan = plan
        self._finished = set(finished)
        self._left = list(left)
        self._lost = lost
        self._deleted: set[Resource] = set()
        self.troubles = list(troubles)
        self.config_cleanup: Counter[str] = Counter()

    def conclude(self, before: Inventory | None, items: Sequence[ItemResult]) -> Aftermath:
        """Delete what workers that died left, then whatever the target still shows of the run."""
        journals = dict(self._read_journals())
        claim = _claim(before, journals)
        for file, stored in journals.items():
            # Nobody needs the rules for all clients otherwise any more: finished workers leave them to this moment.
            finished = stored.header is not None and stored.header.worker in self._finished
            live = [resource for resource in stored.live if not finished or resource.kind == "rules_of_all"]
            # What carries no name of the run is its own only if it is new, which the inventory tells.
            if live := [resource for resource in live if not resource.nameless]:
                self._succeed(file, stored, live)
        return Aftermath(
            run=self._plan.run_id,
            mode=self._plan.configuration.mode,
            before=before,
            after=self._inventory_after([stored.header.worker for stored in journals.values() if stored.header], claim),
            left=self._left,
            deleted=frozenset(self._deleted),
            created=sum(stored.created for stored in journals.values()),
            nameless=len(claim.asked_for),
            items=items,
            troubles=self.troubles,
            lost=self._lost or "no inventory was taken before the run",
        )

    def _read_journals(self) -> Iterator[tuple[Path, StoredJournal]]:
        for file in _journals(self._plan):
            try:
                yield file, read_journal(file)
            except (JournalError, OSError) as error:
                self.troubles.append(f"what a worker left cannot be told: {file}: {error}")

    def _succeed(self, file: Path, stored: StoredJournal, live: Sequence[Resource]) -> None:
        """Do for a worker what it did not live to do."""
        assert stored.header is not None
        worker = stored.header.worker
        if not self._lost:
            contract = load_contract(self._plan.configuration.contract, self._plan.contract_version)
            with Worker(self._plan.configuration, self._plan.run_id, worker, contract) as successor:
                try:
                    _open(successor.journal)
                    successor.journal.adopt(live)
                    self._left += clean_up(successor.api, successor.journal, successor.sandbox, live)
                    self.config_cleanup.update(successor.adapter.writes.since().counts)
                except JournalError as error:
                    self.troubles.append(f"left behind: {len(live)} resources, because {file} {error}")
                except (TargetLost, Unwritable) as error:
                    self._lost = str(error)
        if self._lost:
            self.troubles.append(
                f"left behind: up to {len(live)} resources, to be deleted with: "
                f"emqx-conformance sweep --base-url {self._plan.configuration.base_url} --journal {file}"
            )

    def _inventory_after(self, workers: Sequence[str], claim: Claim) -> Inventory | None:
        if self._lost:
            return None
        try:
            with _worker(self._plan) as worker:
                at_once = reads_at_once(self._plan)
                inventory = take_inventory(worker.api, self._plan.run_id, workers, claim, at_once=at_once)
                self._delete_what_is_shown(worker, inventory, workers, claim)
                self._write_after(worker.redact(inventory.as_json()))
                return inventory
        except (TargetLost, Unwritable) as error:
            self._lost = str(error)
            return None

    def _write_after(self, text: str) -> None:
        try:
            _write(self._plan, AFTER, text)
        except Unwritable as error:
            self.troubles.append(str(error))

    def _delete_what_is_shown(
        self, worker: Worker, inventory: Inventory, workers: Sequence[str], claim: Claim
    ) -> None:  # fmt: skip
        """The journals know of everything, but not of what came late: a message, or a rule that retained one."""
        for share in _PAUSES:
            shown = inventory.left_by(self._plan.run_id)
            if not shown:
                return
            time.sleep(share * worker.api.timing.vanished)
            doubtful = [resource for resource in shown if self._is_doubtful(resource, claim)]
            own = [resource for resource in shown if resource not in doubtful]
            worker.guard.sandbox = SweptNames(own)
            left = clean_up(worker.api, worker.journal, worker.guard.sandbox, own)
            self.config_cleanup.update(worker.adapter.writes.since().counts)
            self._left += [*left, *map(_doubtful, doubtful)]
            failed = {(item.kind, item.id) for item in left}
            self._deleted |= {resource for resource in own if (resource.kind, resource.shown) not in failed}
            if len(left) == len(own):
                return
            take_again(inventory, worker.api, self._plan.run_id, workers, claim)

    def _is_doubtful(self, resource: Resource, claim: Claim) -> bool:
        """Whether somebody else may have made what only its time makes the run's."""
        shared = self._plan.configuration.mode < Mode.EXCLUSIVE
        return shared and resource.nameless and not claim.is_exact(resource)


def _claim(before: Inventory | None, journals: Mapping[Path, StoredJournal]) -> Claim:
    """What the run asked for, as its journals have it."""
    stored = journals.values()
    return Claim(
        before,
        frozenset(resource for journal in stored for resource in journal.nameless),
        frozenset(kind for journal in stored for kind in journal.kinds),
    )


def _doubtful(resource: Resource) -> Left:
    problem = "it appeared during the run, and its id is no text that could tell whose it is"
    return Left(resource.kind, resource.shown, problem, f"DELETE {resource.operation}")


def _open(journal: Journal) -> None:
    """Open a dead worker's journal, once its process is gone; raises `JournalError` if it never goes.

    One that cannot be written can do without: it is there to be worked off.
    """
    deadline = time.monotonic() + _DEAD_WITHIN_S
    while True:
        try:
            with contextlib.suppress(OSError):
                journal.open()
            return
        except JournalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _worker(plan: Plan) -> Worker:
    """A worker that creates nothing, and therefore needs no journal."""
    header = journal_header(plan.configuration, plan.run_id, "main")
    contract = load_contract(plan.configuration.contract, plan.contract_version)
    return Worker(plan.configuration, plan.run_id, "main", contract, Journal(None, header))


def _journals(plan: Plan) -> list[Path]:
    return sorted(plan.configuration.report_dir.glob(journal_file(Path(), plan.run_id, "*").name))


def _write(plan: Plan, name: str, text: str) -> None:
    """Write a file of the report; raises `Unwritable`."""
    try:
        write_atomically(plan.configuration.report_dir / name, text)
    except UnwritableError as error:
        raise Unwritable(plan.configuration.report_dir, error.error) from None
