"""The verdict on a run: pure functions from what happened to one of four words, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.report.accounting import Accounts, reasons
from conformance.report.model import (
    PROVISIONAL,
    Failure,
    ItemResult,
    OperationResult,
    Outcome,
    RequirementResult,
    Verdict,
)
from conformance.requirements import Requirement
from conformance.target.mode import Mode

EXIT_CODES: Mapping[Verdict, int] = {
    "conformant": 0,
    "conformant_with_waivers": 0,
    "non_conformant": 1,
    "inconclusive": 3,
}

_MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run set out to decide.

    ``complete``: nothing was deselected, so every requirement of ``catalogue`` and every operation label must be
    accounted for; otherwise those that the selected items touch. ``mode``: what the run was allowed to do.
    """

    catalogue: Sequence[Requirement]
    operations: Sequence[str]
    complete: bool = True
    mode: Mode = Mode.DISPOSABLE


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, the sentences that say why, and the account it rests on."""

    verdict: Verdict
    reasons: list[str]
    requirements: list[RequirementResult]
    operations: list[OperationResult]


def decide(items: Sequence[ItemResult], selection: Selection, troubles: Sequence[str] = ()) -> Decision:
    """Decide a run.

    ``items`` holds one result per selected item, ``not_run`` where it did not run. ``troubles`` are sentences on what
    spoiled the run as a whole: target lost, worker crashed, interrupt, something left behind.
    """
    accounts = Accounts(items, selection.mode)
    requirements = accounts.requirements(selection.catalogue, complete=selection.complete)
    operations = accounts.operations(selection.operations, complete=selection.complete)
    findings = _Findings(items, requirements, operations, list(dict.fromkeys(troubles)))
    verdict = findings.verdict()
    why = list(findings.reasons(verdict))
    if not selection.complete:
        why.append(
            f"This is a part of the suite: {len(requirements)} of {len(selection.catalogue)} requirements, "
            f"{len(operations)} of {len(selection.operations)} operations."
        )
    return Decision(verdict, why, requirements, operations)


@dataclass(frozen=True, slots=True)
class _Findings:
    items: Sequence[ItemResult]
    requirements: Sequence[RequirementResult]
    operations: Sequence[OperationResult]
    troubles: Sequence[str]

    def _has(self, *outcomes: Outcome) -> bool:
        every: Iterable[ItemResult | RequirementResult | OperationResult] = (
            *self.items, *self.requirements, *self.operations
        )  # fmt: skip
        return any(subject.outcome in outcomes for subject in every)

    def _failures(self, *, waived: bool) -> list[Failure]:
        own = [f for item in self.items for f in item.failures if f.consequence_of is None]
        return [failure for failure in own if (failure.waived_by is not None) is waived]

    def verdict(self) -> Verdict:
        if self._failures(waived=False) or self._has("failed"):
            return "non_conformant"
        decided = any(item.outcome in ("passed", "waived") for item in self.items)
        if not decided or self.troubles or self._has("error", "not_run"):
            return "inconclusive"
        if any(failure.waived_by != PROVISIONAL for failure in self._failures(waived=True)):
            return "conformant_with_waivers"
        return "conformant"

    def reasons(self, verdict: Verdict) -> Iterator[str]:
        yield self._summary()
        if verdict == "non_conformant":
            yield from self._why_non_conformant()
        if verdict in ("non_conformant", "inconclusive"):
            yield from (_sentence(trouble) for trouble in self.troubles)
            yield from self._why_undecided()
        elif verdict == "conformant_with_waivers":
            waived = Counter(failure.waived_by for failure in self._failures(waived=True))
            for identifier, count in sorted(waived.items(), key=lambda entry: str(entry[0])):
                yield f"{count} failure{_s(count)} waived by {identifier}."

    def _summary(self) -> str:
        passed = sum(requirement.outcome == "passed" for requirement in self.requirements)
        answered = sum(operation.outcome == "passed" for operation in self.operations)
        skipped = sum(item.outcome == "skipped" for item in self.items)
        return (
            f"{passed} of {len(self.requirements)} requirements and {answered} of {len(self.operations)} operations "
            f"passed" + (f"; {skipped} item{_s(skipped)} skipped with a reason." if skipped else ".")
        )

    def _why_non_conformant(self) -> Iterator[str]:
        by_requirement: dict[str, list[Failure]] = {}
        for failure in self._failures(waived=False):
            by_requirement.setdefault(failure.requirement, []).append(failure)
        lines = [
            f"{identifier}: {len(failures)} failure{_s(len(failures))} in "
            f"{_listed({failure.operation or 'no single operation' for failure in failures})}."
            for identifier, failures in sorted(by_requirement.items(), key=lambda entry: (-len(entry[1]), entry[0]))
        ]
        if not lines:
            lines = [f"{item.id} failed: {item.reason}" for item in self.items if item.outcome == "failed"]
        yield from _shortened(lines, "requirements")

    def _why_undecided(self) -> Iterator[str]:
        if not self.items:
            yield "No item was selected."
        elif not any(item.outcome in ("passed", "failed", "waived") for item in self.items):
            yield "No item decided anything."
        for outcome, text in (("error", "ended in an error"), ("not_run", "did not run")):
            concerned = [item for item in self.items if item.outcome == outcome]
            if concerned:
                yield _sentence(
                    f"{len(concerned)} item{_s(len(concerned))} {text}: {reasons(item.reason for item in concerned)}"
                )
        undecided: list[tuple[str, RequirementResult | OperationResult]] = [
            *((requirement.id, requirement) for requirement in self.requirements),
            *((operation.operation, operation) for operation in self.operations),
        ]
        lines = [_sentence(f"{name}: {subject.reason}") for name, subject in undecided if subject.outcome == "not_run"]
        yield from _shortened(lines, "requirements and operations not decided")


def _shortened(lines: Sequence[str], what: str) -> Iterator[str]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"And {len(lines) - _MOST_LINES} more {what}."


def _listed(names: Iterable[str], most: int = 4) -> str:
    ordered = sorted(names)
    more = len(ordered) - most
    return ", ".join(ordered[:most]) + (f" and {more} more" if more > 0 else "")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def _s(count: int) -> str:
    return "" if count == 1 else "s"
