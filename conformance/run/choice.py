"""Which of the items a run takes: those that failed before, those of a requirement, an operation or a tag."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue.registry import catalogue
from conformance.contract import Contract
from conformance.report.errors import ReportError
from conformance.report.storage import read_run
from conformance.requirements import REQUIREMENTS
from conformance.run.node_ids import operation_of, requirements_of
from conformance.run.sharding import costs_given, parse_shard
from conformance.target.errors import ConfigurationError
from conformance.target.settings.options import CHOICES


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose of the items that pytest selects.

    ``requirements`` (ids), ``operations`` (labels) and ``tags``: an item must be about one of each that is given.
    ``only``: ids of the items to take, None for any; ``first``: ids of items to begin with. ``max_failures``: after how
    many failed items nothing new begins. ``told``: the options, as reports name them. ``shard``: number and count of
    the parts of which the run is one, ``shard_costs``: what balances them, as of `conformance.run.costs.measured`.
    """

    requirements: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    first: tuple[str, ...] = ()
    max_failures: int | None = None
    told: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None
    shard_costs: Mapping[str, list[float]] | None = None

    @property
    def narrows(self) -> bool:
        """Whether it may leave items out, apart from those of other shards."""
        return bool(self.requirements or self.operations or self.tags) or self.only is not None

    @property
    def whole(self) -> Choice:
        """The same without a word of shards."""
        told = tuple(option for option in self.told if not option.startswith("--shard"))
        return replace(self, shard=None, shard_costs=None, told=told)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Choice:
        fields: dict[str, Any] = {
            name: tuple(member) if isinstance(member, list) else member for name, member in value.items()
        }
        return cls(**fields)

    def keeps(self, node_id: str, tags: Mapping[str, str]) -> bool:
        """Whether an item is among those chosen; ``tags``: operation label -> tag."""
        if self.only is not None and node_id not in self.only:
            return False
        own = requirements_of(node_id)
        if self.requirements and not any(wanted in own or _universal(wanted) for wanted in self.requirements):
            return False
        about = set(_operations(node_id, own))
        if self.operations and about.isdisjoint(self.operations):
            return False
        return not self.tags or any(tags.get(label) in self.tags for label in about)

    def of(self, items: Sequence[pytest.Item], tags: Mapping[str, str]) -> tuple[list[pytest.Item], list[pytest.Item]]:
        """The items that are chosen, in the order in which they run, and the others."""
        kept = [item for item in items if self.keeps(item.nodeid, tags)]
        first = set(self.first)
        kept.sort(key=lambda item: item.nodeid not in first)
        chosen = set(map(id, kept))
        return kept, [item for item in items if id(item) not in chosen]


def _universal(requirement: str) -> bool:
    """Whether every answer puts a requirement to the test, so that every item does."""
    entry = REQUIREMENTS.get(requirement)
    return entry is not None and entry.universal


def _operations(node_id: str, requirements: Iterable[str]) -> Iterable[str]:
    """Labels of the operations that an item is about: the one in its id, or those that its requirements name."""
    label = operation_of(node_id)
    if label is not None:
        return (label,)
    return (label for identifier in requirements for label in REQUIREMENTS[identifier].operations)


def make_choice(given: Mapping[str, Any], report_dir: Path, *, elsewhere: bool = True) -> Choice:
    """The choice that options make (field of `CHOICES` -> value); raises `ConfigurationError`.

    To be made before a run begins: that removes the report of the run before. ``elsewhere``: whether the run is of a
    target that somebody named, and not of the embedded deployment.
    """
    last: tuple[str, ...] = ()
    if given.get("last_failed") or given.get("failed_first"):
        flag = "--last-failed" if given.get("last_failed") else "--failed-first"
        last = _failed_items(report_dir, flag, elsewhere=elsewhere)
        if not last and given.get("last_failed"):
            raise ConfigurationError(f"{flag}: nothing failed in the run that {report_dir} holds")
    lists = {name: tuple(given.get(name) or ()) for name in ("requirement", "operation", "tag")}
    return Choice(
        requirements=tuple(identifier.upper() for identifier in lists["requirement"]),
        operations=tuple(map(_label, lists["operation"])),
        tags=lists["tag"],
        only=last if given.get("last_failed") else None,
        first=last if given.get("failed_first") else (),
        max_failures=_count(given.get("max_failures")),
        told=tuple(_told(given)),
        shard=parse_shard(given),
        shard_costs=costs_given(given),
    )


def check_choice(choice: Choice, contract: Contract) -> None:
    """Raise `ConfigurationError` for an operation or tag that does not exist."""
    _check("--operation", choice.operations, contract.operations)
    _check("--tag", choice.tags, tags_of(contract).values())


def _check(flag: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(set(known)), n=3)
            meant = f"; did you mean {' or '.join(close)}?" if close else ""
            raise ConfigurationError(f"{flag}: there is no {flag[2:]} {name!r}{meant}")


def check_requirements(wanted: Sequence[str]) -> None:
    """Raise `ConfigurationError` for an id that no requirement has.

    It imports the test modules, and pytest must be the first to do so.
    """
    if wanted:
        known = {entry.id for entry in catalogue()}
        _check("--requirement", tuple(identifier.upper() for identifier in wanted), known)


def tags_of(contract: Contract) -> dict[str, str]:
    """Operation label -> tag."""
    return {label: operation.tag for label, operation in contract.operations.items()}


def _failed_items(report_dir: Path, flag: str, *, elsewhere: bool) -> tuple[str, ...]:
    try:
        run = read_run(report_dir)
    except ReportError as error:
        raise ConfigurationError(f"{flag} needs the report of an earlier run: {error}") from None
    if not (elsewhere or run.embedded):  # the embedded deployment would pass, and its report hide what failed
        raise ConfigurationError(
            f"{flag}: the run in {report_dir} was of {run.base_url}: name that target again, "
            f"with --base-url or --target and its credentials"
        )
    # What judges a run as a whole is no item that can be selected.
    return tuple(item.id for item in run.items if item.outcome in ("failed", "error") and "::test_" in item.id)


def _label(text: str) -> str:
    method, _, path = text.strip().partition(" ")
    return f"{method.upper()} {path.strip()}"


def _count(text: Any) -> int | None:
    if text is None:
        return None
    if not str(text).isdecimal() or int(text) < 1:
        raise ConfigurationError(f"--max-failures: {str(text)!r} is no positive number")
    return int(text)


def _told(given: Mapping[str, Any]) -> Iterable[str]:
    for option in CHOICES:
        value = given.get(option.field)
        if option.is_flag and value:
            yield option.flag
        elif not option.is_flag:
            for member in value if option.is_list and value else [value] if value is not None else []:
                if member:
                    yield f"{option.flag} {member}"
