"""The space of fuzz items: which operations, with which type, relying on what."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from conformance.contract import Contract, Operation, load_contract
from conformance.contract.kinds import kind_of
from conformance.contract.operations import ResourceKind
from conformance.fuzz.records import FUZZING
from conformance.target.guard.hosts import NEVER_STARTED


@dataclass(frozen=True, slots=True)
class Subject:
    """One operation, narrowed to a connector or action type where its body depends on it."""

    label: str
    resource_type: str | None = None

    def __str__(self) -> str:
        return self.label if self.resource_type is None else f"{self.label}-{self.resource_type}"


@dataclass(frozen=True, slots=True)
class Effort:
    """How many requests an item sends, by profile: what is drawn by chance with each seed, boundaries in all.

    ``..._by_type``: for each connector and action type. Random invalid bodies of those are costly to generate, and
    their boundaries are many; what is missing here and there is made up for by the number of types.
    """

    positive: int
    negative: int
    negative_by_type: int
    boundaries: int
    boundaries_by_type: int


EFFORT = {
    "smoke": Effort(positive=1, negative=2, negative_by_type=1, boundaries=40, boundaries_by_type=6),
    "standard": Effort(positive=3, negative=8, negative_by_type=2, boundaries=400, boundaries_by_type=24),
    "deep": Effort(positive=20, negative=60, negative_by_type=20, boundaries=1000, boundaries_by_type=400),
    # What is drawn and stored as `standard` does, with each of its four seeds; what is refused as `deep` does, in all.
    "acceptance": Effort(positive=3, negative=15, negative_by_type=5, boundaries=1000, boundaries_by_type=400),
}


@cache
def contract() -> Contract:
    """The contract that decides which items exist: the same on every machine, whatever the target is."""
    return load_contract()


def subjects(
    selected: Callable[[Operation], bool],
    *,
    by_type: bool = True,
    arranges: bool = True,
    fills: Collection[str] = (),
) -> list[Any]:
    """Pytest parameters for the operations ``selected`` chooses, with ids like ``POST /connectors-http``.

    ``arranges``: whether the test creates what the path of an operation names, rather than naming something unknown.
    ``fills``: labels of those that list what the test creates.
    """
    return [_parameter(subject, arranges, subject.label in fills) for subject in _subjects(selected, by_type)]


def _subjects(selected: Callable[[Operation], bool], by_type: bool) -> Iterator[Subject]:
    document = contract()
    for operation in document.operations.values():
        if not selected(operation):
            continue
        if by_type and operation.body_chosen_by_type:
            kind: ResourceKind = "connectors" if operation.path.startswith("/connectors") else "actions"
            for resource_type in document.types(kind):
                if operation.path != "/connectors_probe" or resource_type not in NEVER_STARTED:
                    yield Subject(operation.label, resource_type)
        else:
            yield Subject(operation.label)


def _parameter(subject: Subject, arranges: bool, fills: bool) -> Any:
    marks: list[pytest.MarkDecorator] = []
    method, _, path = subject.label.partition(" ")
    arranges = arranges and "{" in path
    if method == "GET" and not arranges and not fills:
        marks.append(pytest.mark.reads)
    if subject.resource_type is not None:
        marks.append(pytest.mark.resource_type(subject.resource_type))
    if arranges and path.endswith("/{operation}"):
        marks.append(pytest.mark.needs("sink"))
    kind = kind_of(path)
    if kind is not None:
        needed = (kind.capability, kind.arrangement if arranges else "")
        marks += [pytest.mark.needs(capability) for capability in needed if capability]
        if kind.state:
            marks.append(pytest.mark.state(kind.state, alone=subject.label in kind.disturbed_by))
    return pytest.param(subject, id=str(subject), marks=marks)


def seen_subjects(selected: Callable[[Operation], bool]) -> list[Any]:
    """As `subjects`, for the operations of which can be seen whether they were carried out."""
    parameters = []
    for parameter in subjects(
        lambda operation: FUZZING[operation.label].witness is not None and selected(operation), by_type=False
    ):
        record = FUZZING[parameter.id]
        marks = [*map(pytest.mark.needs, record.needs), *map(pytest.mark.state, record.state)]
        parameters.append(marked(parameter, *marks))
    return parameters


def marked(parameter: Any, *marks: pytest.MarkDecorator) -> Any:
    """A parameter of `subjects` with more marks."""
    return pytest.param(*parameter.values, id=parameter.id, marks=[*parameter.marks, *marks])


def sample(population: Sequence[Any], count: int, seeds: Sequence[int]) -> list[Any]:
    """``count`` members by chance with each seed, fewer if there are no more, in turns; none is there twice."""
    drawn = [random.Random(seed).sample(range(len(population)), min(count, len(population))) for seed in seeds]
    return [population[index] for index in dict.fromkeys(index for turn in zip(*drawn, strict=True) for index in turn)]


def item_seed(run_seed: int, node_id: str) -> int:
    """The seed of one item: independent of the order and of the worker it runs in."""
    digest = hashlib.sha256(f"{run_seed}\0{node_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
