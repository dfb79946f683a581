"""Closed accounting of the contract: every documented status of every operation is reached, or listed with a reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from conformance.contract import Contract

FILE_NAME = "unreachable.toml"


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A documented status that no test reaches on the reference deployment, and why."""

    operation: str
    status: int
    reason: str
    link: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Pairs of operation label and status. ``missed``: documented, neither reached nor listed; ``reached``: listed,
    and yet reached; ``unknown``: listed, and not documented."""

    missed: list[tuple[str, int]]
    reached: list[tuple[str, int]]
    unknown: list[tuple[str, int]]


@cache
def unreachable_statuses() -> tuple[Unreachable, ...]:
    """The entries of ``unreachable.toml``; one entry may speak for several operations and statuses."""
    document = tomllib.loads(files("conformance.catalogue").joinpath(FILE_NAME).read_text(encoding="utf-8"))
    return tuple(
        Unreachable(operation, status, entry["reason"], entry["link"])
        for entry in document["unreachable"]
        for operation in entry["operations"]
        for status in entry["statuses"]
    )


def account(contract: Contract, answered: Mapping[str, Iterable[str]]) -> Coverage:
    """Compare the documented statuses with those ``answered`` (operation label -> statuses as texts).

    405 is left out: it is what a path answers to a method that is no operation of it (GEN-06).
    """
    documented = {
        (label, status) for label, entry in contract.operations.items() for status in entry.responses if status != 405
    }
    seen = {(label, int(status)) for label, statuses in answered.items() for status in statuses}
    listed = {(entry.operation, entry.status) for entry in unreachable_statuses()}
    return Coverage(
        missed=sorted(documented - seen - listed),
        reached=sorted(listed & seen),
        unknown=sorted(listed - documented),
    )
