"""``emqx-conformance sweep``: delete what crashed runs left on a target, and only that.

By the journals of a run, which know everything; or by the names of all runs, where no journal is at hand.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from conformance.exit_codes import FINE, INCONCLUSIVE
from conformance.target.durations import duration_s
from conformance.target.errors import ConfigurationError, TargetLost
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import PREFIX, Sandbox, bare_name, run_of, started_at
from conformance.target.http.session import NoAnswer
from conformance.target.journal.journal import FILE_NAME, Journal, JournalError, StoredJournal, read_journal
from conformance.target.journal.resource import Resource, dependents_first
from conformance.target.leftovers.cleanup import clean_up
from conformance.target.leftovers.listing import LISTINGS, Reader
from conformance.target.leftovers.swept import SweptNames
from conformance.target.settings.config import Configuration, load_configuration
from conformance.worker.context import Worker, journal_header, load_target_contract


def sweep_target(
    options: Mapping[str, Any],
    journal: Path | None,
    prefix: str | None,
    older_than: str,
    *,
    dry_run: bool = False,
    any_target: bool = False,
) -> int:
    """Sweep by journal (a file, or a folder that holds some) or by prefix and print what happens.

    ``any_target``: also sweep by a journal that was written for another base URL. Returns the exit code, 3 if
    something could not be deleted or the target is gone; raises `ConfigurationError` for wrong usage.
    """
    if (journal is None) == (prefix is None):
        raise ConfigurationError("say what to sweep: either --journal FILE or --prefix cft-")
    configuration = load_configuration(options)
    for warning in configuration.warnings:
        click.echo(f"warning: {warning}", err=True)
    if configuration.base_url is None:
        raise ConfigurationError("sweep needs --base-url: an embedded deployment ends with its run")
    if configuration.mode is Mode.READ_ONLY and not dry_run:
        raise ConfigurationError("sweep deletes, which --read-only forbids: add --dry-run to see what it would delete")
    sweep = _Sweep(configuration, dry_run=dry_run)
    try:
        if journal is not None:
            for file, stored in list(_stored(journal, configuration.base_url, any_target=any_target)):
                sweep.by_journal(file, stored)
        else:
            sweep.by_prefix(_checked_prefix(prefix or ""), _seconds(older_than))
    except (TargetLost, NoAnswer) as error:
        click.echo(f"inconclusive: {error}", err=True)
        return INCONCLUSIVE
    return sweep.conclude()


class _Sweep:
    """One call of the command."""

    def __init__(self, configuration: Configuration, *, dry_run: bool) -> None:
        self._configuration = configuration
        self._contract = load_target_contract(configuration)
        self._dry_run = dry_run
        self._found = 0
        self._deleted = 0
        self._failed = 0
        self._young = 0

    def by_journal(self, file: Path, stored: StoredJournal) -> None:
        """Delete what a journal says may still exist, as far as it carries the name of the journal's run."""
        if stored.header is None:
            return
        mine = [resource for resource in stored.live if _belongs_to(resource, stored.header.run)]
        for resource in stored.live:
            if resource not in mine:
                self._complain(f"{resource}: it does not carry the name of the run {stored.header.run}")
        self._found += len(mine)
        if self._dry_run:
            self._tell(mine)
            return
        journal = Journal(file, stored.header)
        try:
            journal.open()
        except JournalError as error:
            raise ConfigurationError(f"--journal: {file} {error}") from None
        except OSError as error:
            raise ConfigurationError(f"--journal: {file} cannot be written: {error.strerror}") from None
        journal.adopt(mine)
        with self._worker(journal) as worker:
            self._delete(worker, mine)

    def by_prefix(self, prefix: str, older_than_s: float) -> None:
        """Delete what runs that started at least ``older_than_s`` seconds ago left, found by its names."""
        header = journal_header(self._configuration, "sweep", "main")
        with self._worker(Journal(None, header)) as worker:
            resources = list(self._leftovers(worker, prefix, time.time() - older_than_s))
            self._found += len(resources)
            if self._dry_run:
                self._tell(resources)
            else:
                self._delete(worker, resources)

    def _worker(self, journal: Journal) -> Worker:
        return Worker(self._configuration, "sweep", "main", self._contract, journal)

    def _leftovers(self, worker: Worker, prefix: str, newest: float) -> Iterator[Resource]:
        reader = Reader(worker.api)
        for listing in (listing for listing in LISTINGS if listing.kinds):
            reading = reader.read(listing, prefix=prefix)
            if reading.problem is not None:
                self._complain(f"what is in {listing.name}: {reading.problem}")
            if not reading.complete and not listing.searches:
                self._complain(f"what is in {listing.name}: too many to look at")
            for entry in reading.entries:
                resource = listing.resource(entry)
                births = [born for name in listing.names(entry) if (born := _birth(name, prefix)) is not None]
                if resource is None or not births:
                    continue
                if min(births) <= newest:
                    yield resource
                else:
                    self._young += 1

    def _delete(self, worker: Worker, resources: list[Resource]) -> None:
        worker.guard.sandbox = SweptNames(resources)
        lefts = clean_up(worker.api, worker.journal, worker.guard.sandbox, resources)
        self._deleted += len(resources) - len(lefts)
        for left in lefts:
            self._complain(str(left))

    def _tell(self, resources: Iterable[Resource]) -> None:
        for resource in dependents_first(resources):
            click.echo(f"would {'put back' if resource.kind == 'rules_of_all' else 'delete'} {resource}")

    def _complain(self, what: str) -> None:
        self._failed += 1
        click.echo(f"could not delete {what}", err=True)

    def conclude(self) -> int:
        """Say how it went; returns the exit code."""
        if not self._found and not self._failed:
            click.echo("nothing to delete")
        elif not self._dry_run:
            click.echo(f"deleted {self._deleted} of {self._found}")
        if self._young:
            click.echo(
                f"left alone: {self._young} of younger runs, which may still go on; --older-than 0s takes those, too"
            )
        return INCONCLUSIVE if self._failed else FINE


def _stored(path: Path, base_url: str, *, any_target: bool) -> Iterator[tuple[Path, StoredJournal]]:
    """The journals at ``path``; raises `ConfigurationError` if one of them must not be used for ``base_url``."""
    files = sorted(path.glob(FILE_NAME.format(worker="*"))) if path.is_dir() else [path]
    if not files:
        raise ConfigurationError(f"--journal: there is no journal in {path}")
    for file in files:
        try:
            stored = read_journal(file)
        except OSError as error:
            raise ConfigurationError(f"--journal: {file} cannot be read: {error.strerror}") from None
        except JournalError as error:
            raise ConfigurationError(f"--journal: {file} {error}") from None
        if stored.header is not None and stored.live and stored.header.base_url != base_url and not any_target:
            raise ConfigurationError(
                f"--journal: {file} was written for {stored.header.base_url}, not for {base_url}; "
                f"--any-target sweeps all the same"
            )
        yield file, stored


def _belongs_to(resource: Resource, run: str) -> bool:
    """Whether the identity of a resource says that it is a run's.

    That of the ban of an address cannot, nor an id that is no text: the journal does, and clean-up touches nothing
    that has that id as a text. What is to be put back is nobody's, and needs ``--exclusive``.
    """
    if resource.kind == "rules_of_all" or resource.nameless:
        return True
    if resource.is_address_ban:
        return Sandbox.owns_network(resource.id.partition("/")[2])
    return run_of(resource.owner) == run


def _birth(name: Any, prefix: str) -> float | None:
    """When the run began that a name belongs to (epoch seconds), if it starts with ``prefix``; else None."""
    return started_at(name) if isinstance(name, str) and bare_name(name).startswith(prefix) else None


def _checked_prefix(prefix: str) -> str:
    if not prefix.startswith(PREFIX):
        raise ConfigurationError(f"--prefix: {prefix!r} does not start with {PREFIX}, only leftovers of runs are swept")
    return prefix


def _seconds(duration: str) -> float:
    try:
        return duration_s(duration)
    except ValueError as error:
        raise ConfigurationError(f"--older-than: {error}") from None
