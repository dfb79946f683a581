"""The verdict on a run: pure functions from what happened to one of five words, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from conformance.exit_codes import FINE, FOUND, INCONCLUSIVE
from conformance.report.accounting import Accounts, reasons
from conformance.report.causes import causes_of, failing, overview
from conformance.report.grouping import Grouping
from conformance.report.left_out import left_out, sentence, summed_up
from conformance.report.text import counted
from conformance.requirements import Requirement
from conformance.result import (
    PROVISIONAL,
    Failure,
    ItemResult,
    LeftOut,
    OperationResult,
    Outcome,
    RequirementResult,
    Verdict,
)
from conformance.target.guard.mode import Mode

_EXIT_CODES: Mapping[Verdict, int] = {
    "conformant": FINE,
    "conformant_with_waivers": FINE,
    "partial": FINE,
    "non_conformant": FOUND,
    "inconclusive": INCONCLUSIVE,
}

_MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run set out to decide.

    ``complete``: nothing was deselected, so every requirement of ``catalogue`` and every operation label must be
    decided; otherwise those that the selected items touch, and ``part`` says what was selected. ``mode``: what the run
    was allowed to do. ``of_run``: what was left out of the run as a whole. ``tags``: operation label -> group of the
    contract. ``may_be_empty``: that no item decided anything is no surprise.
    """

    catalogue: Sequence[Requirement]
    operations: Sequence[str]
    complete: bool = True
    mode: Mode = Mode.DISPOSABLE
    part: str = "some items were deselected"
    of_run: Sequence[LeftOut] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    may_be_empty: bool = False

    @property
    def unselected(self) -> str | None:
        """Why what the selected items do not touch was not looked at; None if everything was selected."""
        return None if self.complete else f"not selected ({self.part})"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, the sentences that say why, and the account it rests on."""

    verdict: Verdict
    reasons: list[str]
    requirements: list[RequirementResult]
    operations: list[OperationResult]
    left_out: list[LeftOut]


def exit_code(verdict: Verdict, entries: Iterable[LeftOut]) -> int:
    """The exit code of a run that left out ``entries``.

    A partial run ends with 0 where all that is missing was left out on the user's word, with 3 where something that is
    demanded could not be decided.
    """
    if verdict == "partial" and any(entry.why == "undecided" for entry in entries):
        return INCONCLUSIVE
    return _EXIT_CODES[verdict]


def verdict_of(*, failing: bool, undecided: bool, missing: bool, waived: bool) -> Verdict:
    """The word for what is known of a run, or of a part of it.

    ``failing``: a failure that no waiver covers. ``undecided``: something that was to be decided was not. ``missing``:
    something was left out that is demanded, or that the user asked not to look at. ``waived``: a waiver was used.
    """
    if failing:
        return "non_conformant"
    if undecided:
        return "inconclusive"
    if missing:
        return "partial"
    return "conformant_with_waivers" if waived else "conformant"


def decide(items: Sequence[ItemResult], selection: Selection, troubles: Sequence[str] = ()) -> Decision:
    """Decide a run.

    ``items`` holds one result per selected item, ``not_run`` where it did not run. ``troubles`` are sentences on what
    spoiled the run as a whole: target lost, worker crashed, interrupt, something left behind.
    """
    grouping = Grouping.of(selection.tags, selection.catalogue)
    accounts = Accounts(items, selection.mode, grouping)
    requirements = accounts.requirements(selection.catalogue, selection.unselected)
    operations = accounts.operations(selection.operations, selection.unselected)
    universal = {entry.id for entry in selection.catalogue if entry.universal}
    missing = [*selection.of_run, *left_out(items, requirements, operations, selection.mode, universal, grouping)]
    if selection.unselected is not None and not any(entry.reason == selection.unselected for entry in missing):
        missing.append(LeftOut("chosen", selection.unselected))  # of what it touches, not all items need be there
    troubles = list(dict.fromkeys(troubles))
    empty = selection.may_be_empty
    findings = _Findings(items, requirements, operations, troubles, selection.of_run, missing, empty)
    verdict = findings.verdict()
    return Decision(verdict, list(findings.reasons(verdict)), requirements, operations, missing)


@dataclass(frozen=True, slots=True)
class _Findings:
    items: Sequence[ItemResult]
    requirements: Sequence[RequirementResult]
    operations: Sequence[OperationResult]
    troubles: Sequence[str]
    of_run: Sequence[LeftOut]
    left_out: Sequence[LeftOut]
    may_be_empty: bool

    def _has(self, *outcomes: Outcome) -> bool:
        every: Iterable[ItemResult | RequirementResult | OperationResult] = (
            *self.items, *self.requirements, *self.operations
        )  # fmt: skip
        return any(subject.outcome in outcomes for subject in every)

    def _failures(self, *, waived: bool) -> list[Failure]:
        own = [f for item in self.items for f in item.failures if f.consequence_of is None]
        return [failure for failure in own if (failure.waived_by is not None) is waived]

    def verdict(self) -> Verdict:
        decided = self.may_be_empty or any(item.outcome in ("passed", "waived") for item in self.items)
        return verdict_of(
            failing=bool(self._failures(waived=False)) or self._has("failed"),
            undecided=not decided or bool(self.troubles) or self._has("error", "not_run"),
            missing=any(entry.why != "not_demanded" for entry in self.left_out),
            waived=any(failure.waived_by != PROVISIONAL for failure in self._failures(waived=True)),
        )

    def reasons(self, verdict: Verdict) -> Iterator[str]:
        yield self._summary()
        yield from (_sentence(entry.reason) for entry in self.of_run)
        if verdict == "non_conformant":
            yield from self._why_non_conformant()
        if verdict in ("non_conformant", "inconclusive"):
            yield from (_sentence(trouble) for trouble in self.troubles)
            yield from self._why_undecided()
        yield from self._why_partial(verdict)
        if verdict in ("partial", "conformant_with_waivers"):
            waived = Counter(failure.waived_by for failure in self._failures(waived=True))
            for identifier, count in sorted(waived.items(), key=lambda entry: str(entry[0])):
                yield f"{counted(count, 'failure')} waived by {identifier}."

    def _summary(self) -> str:
        passed = sum(requirement.outcome == "passed" for requirement in self.requirements)
        answered = sum(operation.outcome == "passed" for operation in self.operations)
        skipped = sum(item.outcome == "skipped" for item in self.items)
        return (
            f"{passed} of {len(self.requirements)} requirements and {answered} of {len(self.operations)} operations "
            f"passed" + (f"; {counted(skipped, 'item')} skipped with a reason." if skipped else ".")
        )

    def _why_partial(self, verdict: Verdict) -> Iterator[str]:
        """How much was left out, and of a partial run what could not be decided, or what was left out of all of it."""
        missing = [entry for entry in self.left_out if entry.why != "not_demanded" and entry not in self.of_run]
        for line, entries in summed_up(missing):
            yield _sentence(line)
            told = any(entry.requirements or entry.partly for entry in entries)
            if verdict == "partial" and (entries[0].why == "undecided" or not told):
                yield from _shortened([_sentence(sentence(entry)) for entry in entries], "reasons")

    def _why_non_conformant(self) -> Iterator[str]:
        found = failing(causes_of([f for item in self.items for f in item.failures], self.requirements))
        if found:
            yield f"{overview(found)}."
        yield from _shortened([_sentence(cause.headline) for cause in found], "causes")
        if not found:
            lines = [f"{item.id} failed: {item.reason}" for item in self.items if item.outcome == "failed"]
            yield from _shortened(lines, "items")

    def _why_undecided(self) -> Iterator[str]:
        if not self.items:
            yield "No item was selected."
        elif not any(item.outcome in ("passed", "failed", "waived") for item in self.items):
            yield "No item decided anything."
        for outcome, text in (("error", "ended in an error"), ("not_run", "did not run")):
            concerned = [item for item in self.items if item.outcome == outcome]
            if concerned:
                yield _sentence(
                    f"{counted(len(concerned), 'item')} {text}: {reasons(item.reason for item in concerned)}"
                )
        undecided: list[tuple[str, RequirementResult | OperationResult]] = [
            *((_named(entry), entry) for entry in self.requirements),
            *((operation.operation, operation) for operation in self.operations),
        ]
        lines = [
            _sentence(f"{name}: {subject.reason}")
            for name, subject in undecided
            if subject.outcome == "not_run" and subject.reason not in self.troubles  # which are told once
        ]
        yield from _shortened(lines, "requirements and operations not decided")


def _shortened(lines: Sequence[str], what: str) -> Iterator[str]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"And {len(lines) - _MOST_LINES} more {what}."


def _named(requirement: RequirementResult) -> str:
    """Sentence and id, the id alone where the reason has the sentence."""
    if requirement.title in requirement.reason:
        return requirement.id
    return f"{requirement.title.removesuffix('.')} ({requirement.id})"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."
