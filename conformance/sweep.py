"""``emqx-conformance sweep``: delete what crashed runs left on a target, and only that."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from conformance.run import Worker, load_target_contract
from conformance.target.cleanup import clean_up
from conformance.target.config import load_configuration
from conformance.target.errors import ConfigurationError, TargetLost
from conformance.target.journal import Resource, in_deletion_order, read_journal
from conformance.target.sandbox import PREFIX, started_at
from conformance.target.session import Api, NoAnswer

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PAGE = 1000


def sweep_target(
    options: Mapping[str, Any], journal: Path | None, prefix: str | None, older_than: str, *, dry_run: bool
) -> int:
    """Sweep by journal or by prefix and print what happens; returns the exit code.

    Raises `ConfigurationError` for wrong usage. 3 if something could not be deleted or the target is gone.
    """
    if (journal is None) == (prefix is None):
        raise ConfigurationError("say what to sweep: either --journal FILE or --prefix cft-")
    configuration = load_configuration(options)
    if configuration.base_url is None:
        raise ConfigurationError("sweep needs --base-url: an embedded deployment ends with its run")
    contract = load_target_contract(configuration)
    try:
        with Worker(configuration, "sweep", "main", contract) as worker:
            if journal is not None:
                resources = _from_journal(journal)
            else:
                resources = list(leftovers(worker.api, _checked_prefix(prefix or ""), _seconds(older_than)))
            worker.guard.sandbox = SweptNames(resources)
            return _sweep(worker, resources, dry_run=dry_run)
    except (TargetLost, NoAnswer) as error:
        click.echo(f"inconclusive: {error}", err=True)
        return 3


class SweptNames:
    """Stands in for the sandbox while sweeping: exactly the resources to delete are owned."""

    prefix: str = "what is swept"
    topic_root: str = "what is swept"

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._ids = {resource.id for resource in resources}
        self._names = {resource.id.partition(":")[2] or resource.id for resource in resources}
        self._subjects = {resource.id.partition("/")[2] for resource in resources if resource.kind == "ban"}

    def owns_name(self, name: object) -> bool:
        return name in self._names or name in self._ids or name in self._subjects

    def owns_topic(self, topic: object) -> bool:
        return topic in self._ids

    def owns_network(self, network: object) -> bool:
        return network in self._subjects

    def owns_pattern(self, pattern: object) -> bool:
        return pattern in self._subjects


def _sweep(worker: Worker, resources: list[Resource], *, dry_run: bool) -> int:
    if dry_run:
        for resource in in_deletion_order(resources):
            click.echo(f"would delete {resource.kind} {resource.id}")
        return 0
    worker.journal.adopt(resources)
    left = clean_up(worker.api, worker.journal, resources)
    click.echo(f"deleted {len(resources) - len(left)} of {len(resources)}")
    for what in left:
        click.echo(f"could not delete {what}", err=True)
    return 3 if left else 0


def _from_journal(file: Path) -> list[Resource]:
    try:
        resources = read_journal(file)
    except OSError as error:
        raise ConfigurationError(f"--journal: {file} cannot be read: {error.strerror}") from None
    foreign = [resource for resource in resources if not _is_of_the_suite(resource)]
    if foreign:
        raise ConfigurationError(
            f"--journal: {file} names {foreign[0].kind} {foreign[0].id}, which is not of the suite"
        )
    return resources


def _is_of_the_suite(resource: Resource) -> bool:
    """Whether an id belongs to some run; bans of addresses carry no name, the journal alone knows them."""
    identifier = resource.id
    if resource.kind == "ban":
        kind, _, identifier = identifier.partition("/")
        if kind.startswith("peerhost"):
            return True
        identifier = identifier.removeprefix("^")
    return started_at(identifier.rpartition(":")[2]) is not None


def leftovers(api: Api, prefix: str, older_than_s: float) -> Iterator[Resource]:
    """What runs that started at least ``older_than_s`` seconds ago left behind, found by the names."""
    newest = time.time() - older_than_s
    for kind, path, name in _LISTS:
        for entry in _entries(api, path):
            identifier = name(entry)
            owner = identifier.removeprefix("^") if kind == "ban" else identifier.rpartition(":")[2]
            born = started_at(owner)
            if owner.startswith(prefix) and born is not None and born <= newest:
                yield Resource(kind, f"{entry['as']}/{identifier}" if kind == "ban" else identifier)


def _typed_id(entry: Mapping[str, Any]) -> str:
    return f"{entry['type']}:{entry['name']}"


def _key(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda entry: str(entry[name])


_AUTHZ = "/authorization/sources/built_in_database/rules"
_LISTS: tuple[tuple[str, str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("rule", "/rules", _key("id")),
    ("action", "/actions", _typed_id),
    ("connector", "/connectors", _typed_id),
    ("schema", "/schema_registry", _key("name")),
    ("user", "/authentication/password_based:built_in_database/users", _key("user_id")),
    ("authorization_user", f"{_AUTHZ}/users", _key("username")),
    ("authorization_client", f"{_AUTHZ}/clients", _key("clientid")),
    ("ban", "/banned", _key("who")),
    ("retained", "/mqtt/retainer/messages", _key("topic")),
    ("client", "/clients", _key("clientid")),
)


def _entries(api: Api, path: str) -> Iterator[Mapping[str, Any]]:
    """Every element of a list, paged or not; a list the target does not have is empty."""
    page = 1
    while True:
        answer = api.send("GET", f"{path}?page={page}&limit={_PAGE}", observed=False)
        value = answer.json if answer.status == 200 and answer.is_json else []
        entries = value.get("data", []) if isinstance(value, dict) else value
        yield from (entry for entry in entries if isinstance(entry, dict))
        if not isinstance(value, dict) or len(entries) < _PAGE:
            return
        page += 1


def _checked_prefix(prefix: str) -> str:
    if not prefix.startswith(PREFIX):
        raise ConfigurationError(f"--prefix: {prefix!r} does not start with {PREFIX}, only leftovers of runs are swept")
    return prefix


def _seconds(duration: str) -> float:
    match = re.fullmatch(r"(\d+)([smhd])", duration)
    if match is None:
        raise ConfigurationError(f"--older-than: {duration!r} is not a duration like 30m, 2h or 1d")
    return int(match[1]) * _UNITS_S[match[2]]
