"""Closed accounting: the outcome of each requirement and of each operation, from the items that ran.

Nothing is passed by default. A requirement passes only if its antecedent really happened (``ItemResult.evidence``),
an operation only if the target answered it; what cannot be decided is ``not_run`` with the reason. What a selection
leaves out is ``not_selected``: it is accounted for as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from conformance.report.grouping import Grouping
from conformance.report.text import NO_REASON, counted
from conformance.requirements import Requirement
from conformance.result import Failure, ItemResult, Level, OperationResult, Outcome, RequirementResult
from conformance.target.guard.mode import Mode

MOST_REASONS = 3
NO_GROUPS = Grouping()


@dataclass(frozen=True, slots=True)
class Account:
    """What speaks for and against one subject, a requirement or an operation.

    ``items`` are its own items, ``failures`` those that name it, ``evidence`` how often it was really put to the test.
    """

    items: Sequence[ItemResult]
    failures: Sequence[Failure]
    evidence: int
    antecedent: str

    def outcome(self) -> tuple[Outcome, str]:
        """The outcome and, unless it is ``passed``, its reason."""
        unwaived = [failure for failure in self.failures if failure.counts]
        if unwaived:
            return "failed", reasons(failure.message for failure in unwaived)
        by_outcome: dict[Outcome, list[ItemResult]] = {}
        for item in self.items:
            by_outcome.setdefault(item.outcome, []).append(item)
        failed = by_outcome.get("failed", [])
        # An item that failed without a failure to show for it is held against everything it is about.
        if unexplained := [item for item in failed if not any(f.counts for f in item.failures)]:
            return "failed", reasons(item.reason or f"{item.id} failed" for item in unexplained)
        if errors := by_outcome.get("error"):
            return "error", reasons(item.reason for item in errors)
        if failed:
            # The items may have ended early: what they saw in the subject's favour proves nothing.
            names = {failure.requirement for item in failed for failure in item.failures if failure.counts}
            return "not_run", f"not decided: {counted(len(failed), 'item')} failed on {', '.join(sorted(names))}"
        if missing := by_outcome.get("not_run"):
            return "not_run", reasons(item.reason or f"{item.id} did not run" for item in missing)
        return self._unless_failed(by_outcome)

    def _unless_failed(self, by_outcome: Mapping[Outcome, Sequence[ItemResult]]) -> tuple[Outcome, str]:
        if self.items and not self.failures and len(by_outcome.get("skipped", ())) == len(self.items):
            return "skipped", reasons(item.reason for item in self.items)
        if not self.evidence:
            return "not_run", f"antecedent never happened: {self.antecedent}"
        if self.failures:
            return "waived", reasons(f"waived by {failure.waived_by}" for failure in self.failures)
        if by_outcome.get("passed") or not self.items:
            return "passed", ""
        return "waived", reasons(item.reason for item in by_outcome["waived"])


class Accounts:
    """The items of a run, indexed by what they are about."""

    def __init__(
        self, items: Sequence[ItemResult], mode: Mode = Mode.DISPOSABLE, grouping: Grouping = NO_GROUPS
    ) -> None:
        self.items = items
        self.mode = mode
        self.grouping = grouping
        self._found_by: dict[int, ItemResult] = {}
        self._by_requirement: dict[str, list[ItemResult]] = {}
        self._by_operation: dict[str, list[ItemResult]] = {}
        self._failures_by_requirement: dict[str, list[Failure]] = {}
        self._failures_by_operation: dict[str, list[Failure]] = {}
        self._evidence: Counter[str] = Counter()
        self._statuses: dict[str, Counter[str]] = {}
        for item in items:
            self._add(item)

    def _add(self, item: ItemResult) -> None:
        for identifier in dict.fromkeys(item.requirements):
            self._by_requirement.setdefault(identifier, []).append(item)
        if item.operation is not None:
            self._by_operation.setdefault(item.operation, []).append(item)
        for failure in item.failures:
            if failure.consequence_of is not None:
                continue
            self._found_by[id(failure)] = item
            self._failures_by_requirement.setdefault(failure.requirement, []).append(failure)
            if failure.operation is not None:
                self._failures_by_operation.setdefault(failure.operation, []).append(failure)
        self._evidence.update(item.evidence)
        for label, statuses in item.statuses.items():
            self._statuses.setdefault(label, Counter()).update(statuses)

    def requirements(self, catalogue: Iterable[Requirement], unselected: str | None) -> list[RequirementResult]:
        """Every requirement, ordered by id; one that only items or failures name, not the catalogue, as well.

        ``unselected``: the reason why a partial selection did not touch the others, None if everything was selected.
        """
        entries = {entry.id: entry for entry in catalogue}
        touched = {*self._by_requirement, *self._failures_by_requirement, *(+self._evidence)}
        found = [
            self._requirement(identifier, entries.get(identifier), None if identifier in touched else unselected)
            for identifier in sorted(touched | set(entries))
        ]
        for result in found:
            for group in self.grouping.groups.get(result.id, ()):
                result.groups[group] = self._in_group(group, result, unselected)
        return found

    def _in_group(self, group: str, result: RequirementResult, unselected: str | None) -> Outcome:
        """The outcome of a requirement as far as items about one of its groups decide it."""
        own = self.grouping.groups[result.id]

        def belongs(item: ItemResult) -> bool:
            """An item about something else counts in all groups of the requirement."""
            groups = self.grouping.of_item(item)
            return group in groups or not any(name in own for name in groups)

        items = list(filter(belongs, self._by_requirement.get(result.id, [])))
        failures = [
            failure
            for failure in self._failures_by_requirement.get(result.id, [])
            if belongs(self._found_by[id(failure)])
        ]
        if items or failures:
            return Account(items, failures, self._evidence[result.id], result.title).outcome()[0]
        if result.outcome == "not_selected" or unselected is None:
            return result.outcome
        return "not_selected"

    def _requirement(self, identifier: str, entry: Requirement | None, unselected: str | None) -> RequirementResult:
        items = self._by_requirement.get(identifier, [])
        title = entry.title if entry else f"{identifier} is not in the catalogue"
        level: Level = entry.level if entry else "MUST"
        universal = entry is not None and entry.universal
        outcome: tuple[Outcome, str]
        if unselected is not None:
            outcome = "not_selected", unselected
        elif not items and not universal and not self._failures_by_requirement.get(identifier):
            outcome = "not_run", "no selected item verifies it"
        elif entry is not None and entry.of_writes and self.mode is Mode.READ_ONLY:
            outcome = "skipped", "only writes are answered so: not with --read-only"
        else:
            failures = self._failures_by_requirement.get(identifier, [])
            outcome = Account(items, failures, self._evidence[identifier], title).outcome()
        tests = dict.fromkeys(item.id.partition("[")[0] for item in items)
        if universal and entry is not None:
            tests |= dict.fromkeys(entry.verified_by)
        return RequirementResult(identifier, title, level, outcome[0], list(tests), outcome[1])

    def operations(self, labels: Iterable[str], unselected: str | None) -> list[OperationResult]:
        """Every operation in the order given, and those that only items name.

        ``unselected``: the reason why no item is about the others and none answered, None if everything was selected.
        """
        known = list(dict.fromkeys(labels))
        touched = {*self._by_operation, *self._statuses, *self._failures_by_operation}
        foreign = sorted({*self._by_operation, *self._failures_by_operation} - set(known))
        return [self._operation(label, None if label in touched else unselected) for label in (*known, *foreign)]

    def _operation(self, label: str, unselected: str | None) -> OperationResult:
        group = self.grouping.tags.get(label, "")
        if unselected is not None:
            return OperationResult(label, 0, {}, "not_selected", unselected, group)
        statuses = dict(sorted(self._statuses.get(label, Counter()).items()))
        requests = sum(statuses.values())
        items = self._by_operation.get(label, [])
        failures = self._failures_by_operation.get(label, [])
        outcome, reason = Account(items, failures, requests, "the target never answered it").outcome()
        return OperationResult(label, requests, statuses, outcome, reason, group)


def reasons(texts: Iterable[str]) -> str:
    """Distinct reasons joined by semicolons, at most `MOST_REASONS` of them, the commonest first."""
    found = Counter(text for text in texts if text)
    shown = [text for text, _ in found.most_common(MOST_REASONS)]
    more = len(found) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "") or NO_REASON
