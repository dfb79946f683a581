"""Requirements: testable sentences with ids, declared where they are checked.

``@requirement("CON-13")`` on a test, or on a check that looks at every answer, registers the id; the first line of
the docstring is the sentence. The catalogue, the report and the matrix are generated from this registry.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import pytest

Level = Literal["MUST", "SHOULD"]
Checked = TypeVar("Checked", bound=Callable[..., object])


@dataclass(slots=True)
class Requirement:
    """One requirement. ``universal``: it is checked on every answer rather than by tests of its own."""

    id: str
    title: str
    level: Level
    universal: bool = False
    verified_by: list[str] = field(default_factory=list)


REQUIREMENTS: dict[str, Requirement] = {}


class RequirementError(ValueError):
    """Two places give one requirement different sentences or levels."""


def requirement(identifier: str, *, level: Level = "MUST") -> Callable[[Checked], Checked]:
    """Declare that a test verifies a requirement; its docstring's first line is the sentence."""

    def declare(function: Checked) -> Checked:
        _register(identifier, function, level, universal=False)
        marked: Checked = pytest.mark.requirement(identifier)(function)
        return marked

    return declare


def universal_requirement(identifier: str, *, level: Level = "MUST") -> Callable[[Checked], Checked]:
    """Declare that a check of every answer verifies a requirement."""

    def declare(function: Checked) -> Checked:
        _register(identifier, function, level, universal=True)
        return function

    return declare


def _register(identifier: str, function: Callable[..., object], level: Level, *, universal: bool) -> None:
    sentence = (inspect.getdoc(function) or "").partition("\n")[0].strip()
    name = f"{function.__module__}.{function.__qualname__}"
    if not sentence:
        raise RequirementError(f"{name} verifies {identifier} but has no sentence in its docstring")
    known = REQUIREMENTS.setdefault(identifier, Requirement(identifier, sentence, level, universal))
    if known.level != level:
        raise RequirementError(f"{identifier} is {known.level} in {known.verified_by[0]} and {level} in {name}")
    known.verified_by.append(name)


def catalogue() -> Iterator[Requirement]:
    """All requirements of the suite by id, after importing every module that declares some."""
    import conformance.checks.answers
    import conformance.fuzz
    import conformance.scenarios

    for package in (conformance.fuzz, conformance.scenarios):
        package.import_tests()
    yield from (REQUIREMENTS[identifier] for identifier in sorted(REQUIREMENTS))
