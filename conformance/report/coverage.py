"""Coverage of the contract: what of it a run reached, kind by kind, and what it did not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from conformance.contract import DocumentError, load_contract
from conformance.contract.contract import Contract, Variant
from conformance.report.text import words
from conformance.result import RunResult

_TITLES = {"values": "Value classes"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What of one subject was reached: ``total`` parts, ``reached`` of them; ``missed``: the others, by name.

    ``excused``: those among the others that no run can reach. ``why``: one sentence, where one reason is known.
    """

    name: str
    total: int
    reached: int
    missed: tuple[str, ...] = ()
    excused: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One kind of parts of the contract, over its subjects."""

    title: str
    subjects: tuple[Subject, ...]

    @property
    def total(self) -> int:
        """How many parts there are that a run can reach."""
        return sum(subject.total - len(subject.excused) for subject in self.subjects)

    @property
    def reached(self) -> int:
        return sum(subject.reached for subject in self.subjects)

    @property
    def missing(self) -> list[Subject]:
        """The subjects of which something was not reached."""
        return [subject for subject in self.subjects if subject.missed or subject.excused]


def coverage(run: RunResult) -> list[Coverage]:
    """Coverage by operations, by documented statuses where the contract of the run is at hand, and by whatever else the
    result tells of subjects with ``reached`` and ``missed`` parts.
    """
    found = [_operations(run)]
    contract = _contract(run)
    if contract is not None:
        found.append(_statuses(run, contract))
    found += _told(run)
    return [kind for kind in found if kind.subjects]


def _operations(run: RunResult) -> Coverage:
    return Coverage(
        "Operations",
        tuple(
            Subject(
                operation.operation,
                1,
                int(operation.requests > 0),
                () if operation.requests else ("never answered",),
                why="" if operation.requests else operation.reason,
            )
            for operation in run.operations
        ),
    )


def _contract(run: RunResult) -> Contract | None:
    """The contract that the run was checked against, None where this suite has another one."""
    variants: tuple[Variant, ...] = ("corrected", "published")
    for variant in variants:
        if variant == run.contract_variant:
            with contextlib.suppress(DocumentError):
                contract = load_contract(variant, run.described_version or None)
                return contract if contract.digest == run.contract_digest else None
    return None


def _statuses(run: RunResult, contract: Contract) -> Coverage:
    subjects = []
    for result in run.operations:
        operation = contract.operations.get(result.operation)
        if operation is not None:
            documented = [str(status) for status in sorted(operation.responses)]
            missed = tuple(status for status in documented if not result.statuses.get(status))
            subjects.append(Subject(result.operation, len(documented), len(documented) - len(missed), missed))
    return Coverage("Documented statuses", tuple(subjects))


def _told(run: RunResult) -> Iterator[Coverage]:
    """Lists of the result whose entries have a subject, and parts of it that were reached and missed."""
    for entry in fields(run):
        value: Any = getattr(run, entry.name)
        if not isinstance(value, list) or not value or not is_dataclass(value[0]):
            continue
        if all(hasattr(value[0], name) for name in ("subject", "reached", "missed")):
            yield Coverage(_TITLES.get(entry.name, words(entry.name).capitalize()), tuple(map(_subject, value)))


def _subject(entry: Any) -> Subject:
    missed, excused = tuple(map(str, entry.missed)), tuple(map(str, getattr(entry, "excused", ())))
    return Subject(str(entry.subject), entry.reached + len(missed) + len(excused), entry.reached, missed, excused)
