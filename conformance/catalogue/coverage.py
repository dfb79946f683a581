"""Closed accounting of the contract: documented statuses and value classes are reached, or listed with a reason."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from importlib.resources import files
from typing import Any

from conformance.contract import Contract
from conformance.contract.value_space import value_space
from conformance.result import ItemResult, ValuesResult

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


@dataclass(frozen=True, slots=True)
class UnreachableValues:
    """Value classes that no run reaches, and why: those whose subject and text match one of the patterns each.

    Patterns are those of file names (``POST /connectors-*``), in which brackets and the question mark stand for
    themselves.
    """

    subjects: tuple[str, ...]
    classes: tuple[str, ...]
    reason: str
    link: str

    def covers(self, subject: str, value_class: str) -> bool:
        """Whether it speaks about a class."""
        return all(
            _expression(patterns).match(text) is not None
            for patterns, text in ((self.subjects, subject), (self.classes, value_class))
        )


@cache
def _expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all of them: thousands of classes are looked up."""
    return re.compile("|".join(translate(pattern.replace("[", "[[]").replace("?", "[?]")) for pattern in patterns))


@cache
def unreachable_values() -> tuple[UnreachableValues, ...]:
    """The entries of ``unreachable.toml`` on values."""
    return tuple(
        UnreachableValues(tuple(entry["subjects"]), tuple(entry["classes"]), entry["reason"], entry["link"])
        for entry in _document().get("values", ())
    )


def excuse(subject: str, value_class: str) -> UnreachableValues | None:
    """Why no run reaches a value class; None if one should."""
    return next((entry for entry in unreachable_values() if entry.covers(subject, value_class)), None)


def account_values(contract: Contract, items: Iterable[ItemResult]) -> list[ValuesResult]:
    """What the items of a run reached of the value classes of the contract, by subject."""
    reached: dict[str, set[str]] = {}
    for item in items:
        for subject, shown in item.values.items():
            reached.setdefault(subject, set()).update(shown)
    results = []
    for subject, classes in value_space(contract).classes.items():
        missed = classes - reached.get(subject, set())
        excused = {one for one in missed if excuse(subject, one) is not None}
        results.append(
            ValuesResult(subject, len(classes), len(classes - missed), sorted(missed - excused), sorted(excused))
        )
    return results


@cache
def unreachable_statuses() -> tuple[Unreachable, ...]:
    """The entries of ``unreachable.toml``; one entry may speak for several operations and statuses."""
    return tuple(
        Unreachable(operation, status, entry["reason"], entry["link"])
        for entry in _document()["unreachable"]
        for operation in entry["operations"]
        for status in entry["statuses"]
    )


def _document() -> Mapping[str, list[dict[str, Any]]]:
    document: Mapping[str, list[dict[str, Any]]] = tomllib.loads(
        files("conformance.catalogue").joinpath(FILE_NAME).read_text(encoding="utf-8")
    )
    return document


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
