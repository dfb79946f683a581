"""Requirements: testable sentences with ids, declared where they are checked.

``@requirement("CON-13")`` on a test, or ``@universal_requirement`` on a check that looks at every answer, registers
the id; the first line of the docstring is the sentence. The catalogue, the report and the matrix are generated from
this registry.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import pytest

from conformance.contract.versions import VersionRange

Level = Literal["MUST", "SHOULD"]
Checked = TypeVar("Checked", bound=Callable[..., object])


@dataclass(slots=True)
class Requirement:
    """One requirement.

    ``universal``: it is checked on every answer rather than by tests of its own. ``operations``: labels of the
    operations it speaks about. ``since`` (inclusive) and ``until`` (exclusive) are versions of EMQX. ``provisional``:
    it is checked and reported, but does not count yet. ``random``: whether chance decides what is checked: generated
    data, or what happens at the same time. ``of_writes``: it speaks about answers that only writes get.
    """

    id: str
    title: str
    level: Level
    universal: bool = False
    operations: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    provisional: bool = False
    random: bool = False
    of_writes: bool = False
    verified_by: list[str] = field(default_factory=list)

    def applies_to(self, version: str | None) -> bool:
        """Whether a target of that version must meet it; one of unknown version must."""
        bounds = [f">={self.since}"] * (self.since is not None) + [f"<{self.until}"] * (self.until is not None)
        return not bounds or version is None or VersionRange.parse(",".join(bounds)).contains(version)


REQUIREMENTS: dict[str, Requirement] = {}

VERIFIED: dict[str, list[str]] = {}
"""By test the ids of the requirements that it verifies, that of the declaration next to it first."""


class RequirementError(ValueError):
    """Two places say different things about one requirement."""


def requirement(
    identifier: str,
    *operations: str,
    level: Level = "MUST",
    since: str | None = None,
    until: str | None = None,
    provisional: bool = False,
    random: bool = False,
    sentence: str | None = None,
) -> Callable[[Checked], Checked]:
    """Declare that a test verifies a requirement; its docstring's first line is the sentence.

    ``sentence`` is given where one test verifies several requirements: each needs a sentence of its own.
    ``operations``: labels of those it speaks about; a test that is parametrized by operation (a parameter ``subject``)
    adds its own. A requirement that several tests verify is declared alike on each; the first sentence is its title.
    """

    def declare(function: Checked) -> Checked:
        labels = (*operations, *_parametrized(function))
        entry = _register(identifier, function, level, universal=False, operations=labels, sentence=sentence)
        entry.random = random or _is_random(function)
        if (entry.since, entry.until, entry.provisional) != (since, until, provisional) and len(entry.verified_by) > 1:
            raise RequirementError(f"{identifier}: its tests disagree on since, until or provisional")
        entry.since, entry.until, entry.provisional = since, until, provisional
        marked: Checked = pytest.mark.requirement(identifier)(function)
        return marked

    return declare


def universal_requirement(
    identifier: str, *, level: Level = "MUST", of_writes: bool = False
) -> Callable[[Checked], Checked]:
    """Declare that a check of every answer verifies a requirement; ``of_writes``: of every answer to a write."""

    def declare(function: Checked) -> Checked:
        entry = _register(identifier, function, level, universal=True, operations=())
        entry.random, entry.of_writes = True, of_writes
        return function

    return declare


def _register(
    identifier: str,
    function: Callable[..., object],
    level: Level,
    *,
    universal: bool,
    operations: tuple[str, ...],
    sentence: str | None = None,
) -> Requirement:
    sentence = sentence or (inspect.getdoc(function) or "").partition("\n")[0].strip()
    name = f"{function.__module__}.{function.__qualname__}"
    if not sentence:
        raise RequirementError(f"{name} verifies {identifier} but has no sentence in its docstring")
    known = REQUIREMENTS.setdefault(identifier, Requirement(identifier, sentence, level, universal))
    if known.level != level:
        raise RequirementError(f"{identifier} is {known.level} in {known.verified_by[0]} and {level} in {name}")
    known.verified_by.append(name)
    VERIFIED.setdefault(name, []).append(identifier)
    known.operations = tuple(dict.fromkeys((*known.operations, *operations)))
    return known


def _parametrized(function: Callable[..., object]) -> Iterator[str]:
    """Labels of the operations a test is parametrized by."""
    for mark in _marks(function):
        if mark.name == "parametrize" and mark.args[0] == "subject":
            for parameter in mark.args[1]:
                subject: Any = parameter.values[0]
                yield subject.label


def _is_random(function: Callable[..., object]) -> bool:
    """Whether a test draws its data: fuzz items and models do, by the marker of their module or their own."""
    module_marks = getattr(inspect.getmodule(function), "pytestmark", [])
    marks = [*(module_marks if isinstance(module_marks, list) else [module_marks]), *_marks(function)]
    return any(mark.name in ("fuzz", "model") for mark in marks)


def _marks(function: Callable[..., object]) -> list[pytest.Mark]:
    marks: list[pytest.Mark] = getattr(function, "pytestmark", [])
    return marks
