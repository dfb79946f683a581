"""What items need to run, derived from their markers and operations, and what that makes their requirements need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from conformance.catalogue.registry import catalogue
from conformance.requirements import Requirement
from conformance.target.guard.mode import Mode
from conformance.target.guard.table import TABLE, Access


@dataclass(frozen=True, slots=True)
class Needs:
    """``mode``: the least that lets it run, ``capabilities``: what it needs of the target."""

    mode: Mode
    capabilities: frozenset[str]


def modes(marks: Iterable[pytest.Mark], operation: str | None) -> Iterator[tuple[Mode, str]]:
    """Each mode that an item needs with the sentence that says why, the least first.

    ``operation``: the label of the operation the item is about.
    """
    marks = list(marks)
    writes = operation is not None and not operation.startswith("GET ")
    if writes or not any(mark.name == "reads" for mark in marks):
        yield Mode.SANDBOXED, f"{'it' if writes else 'its set-up'} writes: not with --read-only"
    labels = [label for mark in marks if mark.name == "writes" for label in mark.args]
    for label in (*labels, *([operation] if operation is not None else [])):
        if TABLE[label].access is Access.GLOBAL:
            yield Mode.EXCLUSIVE, f"{label} touches global state and needs --exclusive"
    for mark in marks:
        if mark.name == "mode":
            yield mark.args[0], f"{mark.args[1]}: needs --{mark.args[0].words}"


def capabilities(marks: Iterable[pytest.Mark]) -> Iterator[str]:
    """The capabilities that an item needs."""
    for mark in marks:
        if mark.name == "needs":
            yield from mark.args


def needs(marks: Iterable[pytest.Mark], operation: str | None) -> Needs:
    """What an item needs with those markers."""
    marks = list(marks)
    least = max((mode for mode, _ in modes(marks, operation)), default=Mode.READ_ONLY)
    return Needs(least, frozenset(capabilities(marks)))


def of_requirement(entry: Requirement) -> tuple[Needs, Needs]:
    """What a requirement needs to be looked at at all, by the item that needs least, and to be looked at in full."""
    if entry.universal:
        return Needs(Mode.SANDBOXED if entry.of_writes else Mode.READ_ONLY, frozenset()), _of_every_operation()
    every = [needs(marks, operation) for name in entry.verified_by for marks, operation in _items(name)]
    return min(every, key=_weight), _together(every)


@cache
def _of_every_operation() -> Needs:
    """What it takes to get an answer of every operation: of each the item that needs least."""
    names = [name for entry in catalogue() if not entry.universal for name in entry.verified_by]
    least: dict[str, Needs] = {}
    for marks, operation in (item for name in names for item in _items(name)):
        if operation is not None:
            candidates = [needs(marks, operation), *([least[operation]] if operation in least else [])]
            least[operation] = min(candidates, key=_weight)
    return _together(least.values())


def _weight(one: Needs) -> tuple[Mode, int, list[str]]:
    """What needs less comes first; modes weigh more, since a capability can be given."""
    return one.mode, len(one.capabilities), sorted(one.capabilities)


def _together(every: Iterable[Needs]) -> Needs:
    every = list(every)
    return Needs(max(one.mode for one in every), frozenset().union(*(one.capabilities for one in every)))


def _items(name: str) -> Iterator[tuple[list[pytest.Mark], str | None]]:
    """Markers and operation of each item of a test, by its qualified name."""
    module_name, _, function_name = name.rpartition(".")
    module = import_module(module_name)
    marks = [*_marks(module), *_marks(getattr(module, function_name))]
    parametrized = [mark for mark in marks if mark.name == "parametrize"]
    subjects = next((mark.args[1] for mark in parametrized if mark.args[0] == "subject"), None)
    if subjects is None:
        yield marks, None
        return
    for parameter in subjects:
        yield [*marks, *(_mark(each) for each in parameter.marks)], parameter.values[0].label


def _marks(subject: Any) -> list[pytest.Mark]:
    found = getattr(subject, "pytestmark", [])
    return [_mark(each) for each in (found if isinstance(found, list) else [found])]


def _mark(mark: pytest.Mark | pytest.MarkDecorator) -> pytest.Mark:
    return mark.mark if isinstance(mark, pytest.MarkDecorator) else mark
