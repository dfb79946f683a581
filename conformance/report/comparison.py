"""What changed between two runs: causes first, then by requirement, and by operation and check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.report.changes import Change, Entry
from conformance.report.circumstances import circumstances, missed_values, slower
from conformance.report.text import NO_OPERATION, counted

_Key = tuple[str, str, str]
"""Requirement, operation ("" for none) and check of a failure."""

# From best to worst.
_VERDICTS = ("conformant", "conformant_with_waivers", "partial", "inconclusive", "non_conformant")
_DECIDED = ("passed", "failed", "waived")


@dataclass(slots=True)
class Comparison:
    """Both verdicts, and what changed by kind of change.

    ``causes`` are named by their headlines, ``checks`` as ``operation: check``. Of what does not make a run worse,
    ``runs`` says what they were not the same in, ``slower`` which operations answer more slowly, ``values`` which value
    classes of the contract were taken in the old run alone.
    """

    old_verdict: str
    new_verdict: str
    causes: dict[Change, list[Entry]] = field(default_factory=dict)
    requirements: dict[Change, list[Entry]] = field(default_factory=dict)
    operations: dict[Change, list[Entry]] = field(default_factory=dict)
    checks: dict[Change, list[Entry]] = field(default_factory=dict)
    runs: list[Entry] = field(default_factory=list)
    slower: list[Entry] = field(default_factory=list)
    values: list[Entry] = field(default_factory=list)

    @property
    def worse(self) -> bool:
        """True if the verdict is worse, something fails that did not, or something is no longer decided."""
        return _VERDICTS.index(self.new_verdict) > _VERDICTS.index(self.old_verdict) or any(
            part.get(change)
            for part in (self.requirements, self.operations, self.checks)
            for change in ("new", "undecided")
        )


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    """Compare two reports, as `conformance.report.json_report.read_report` returns them.

    Waived failures do not count as failures, nor as fixed.
    """
    comparison = Comparison(
        old["verdict"],
        new["verdict"],
        runs=list(circumstances(old, new)),
        slower=list(slower(old, new)),
        values=list(missed_values(old, new)),
    )
    for change, entry in _causes(old, new):
        comparison.causes.setdefault(change, []).append(entry)
    titles = {entry["id"]: entry["title"] for report in (old, new) for entry in report["requirements"]}
    for change, entry in _requirements(_outcomes(old), _outcomes(new), titles):
        comparison.requirements.setdefault(change, []).append(entry)
    for change, entry in _operations(old, new):
        comparison.operations.setdefault(change, []).append(entry)
    for change, entry in _checks(old, new):
        comparison.checks.setdefault(change, []).append(entry)
    return comparison


def _causes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Change, Entry]]:
    """What became of each cause; it is in both runs if both failed in a requirement, operation and check of it."""
    before, after, waived = _failing(old), _failing(new), _failing(new, waived=True)
    outcomes, requests = _outcomes(new), _requests(new)
    for cause, found in _of_causes(new):
        earlier = sum(before[key] for key in found)
        change: Change = "still_failing" if earlier else "new"
        yield change, Entry(_headline(cause), _count(earlier), _count(found.total()))
    for cause, found in _of_causes(old):
        was = _count(found.total())
        if any(after[key] for key in found):
            continue  # told above
        unasked = [operation for _, operation, _ in found if operation and not requests.get(operation)]
        undecided = sorted({requirement for requirement, _, _ in found if outcomes.get(requirement) not in _DECIDED})
        if count := sum(waived[key] for key in found):
            yield "waived", Entry(_headline(cause), was, f"{_count(count)} waived")
        elif len(unasked) == len(found):
            yield "undecided", Entry(_headline(cause), was, "no request was answered")
        elif undecided:
            yield "undecided", Entry(_headline(cause), was, f"{', '.join(undecided)} not decided")
        else:
            yield "fixed", Entry(_headline(cause), was, _count(0))


def _of_causes(report: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Counter[_Key]]]:
    """The causes that no waiver covers, with the failures that count; none where a report tells of none."""
    found: dict[str, Counter[_Key]] = {}
    for failure in report["failures"]:
        if failure["waived_by"] is None and failure.get("consequence_of") is None:
            found.setdefault(failure.get("cause", ""), Counter())[_key(failure)] += 1
    for cause in report.get("causes", []):
        if cause["id"] in found:
            yield cause, found[cause["id"]]


def _headline(cause: Mapping[str, Any]) -> str:
    more = len(cause["operations"]) - 1
    where = cause["operations"][0] if cause["operations"] else NO_OPERATION
    return f"{cause['sentence']} {where}{f' and {more} more' if more > 0 else ''}: {cause['came']}"


def _failing(report: Mapping[str, Any], *, waived: bool = False) -> Counter[_Key]:
    return Counter(
        _key(failure)
        for failure in report["failures"]
        if (failure["waived_by"] is not None) is waived and failure.get("consequence_of") is None
    )


def _key(failure: Mapping[str, Any]) -> _Key:
    return failure["requirement"], failure["operation"] or "", failure["check"]


def _outcomes(report: Mapping[str, Any]) -> dict[str, str]:
    selected = [entry for entry in report["requirements"] if entry["outcome"] != "not_selected"]
    return {requirement["id"]: requirement["outcome"] for requirement in selected}


def _requirements(
    old: Mapping[str, str], new: Mapping[str, str], titles: Mapping[str, str]
) -> Iterator[tuple[Change, Entry]]:
    for identifier in sorted({*old, *new}):
        before, after = old.get(identifier, "absent"), new.get(identifier, "absent")
        change = _change(before, after)
        if change is not None:
            yield change, Entry(identifier, before, after, titles.get(identifier, ""))


def _change(before: str, after: str) -> Change | None:
    """What became of a requirement, None if it is as it was and fine."""
    if after == "failed":
        return "still_failing" if before == "failed" else "new"
    if before in _DECIDED and after not in _DECIDED:
        return "undecided"
    if before == "failed":
        return "fixed" if after == "passed" else "waived"
    return "changed" if before != after else None


def _operations(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Change, Entry]]:
    """Operations that answered once, and now do not: what is required of every operation was not decided of them."""
    before, after = _requests(old), _requests(new)
    for operation, count in before.items():
        if count and not after.get(operation):
            yield (
                "undecided",
                Entry(operation, counted(count, "request"), "no request was answered"),
            )


def _requests(report: Mapping[str, Any]) -> dict[str, int]:
    return {operation["operation"]: operation["requests"] for operation in report["operations"]}


def _checks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Change, Entry]]:
    before, after, waived = _failures(old), _failures(new), _failures(new, waived=True)
    requests = _requests(new)
    outcomes = _outcomes(new)
    for key in sorted({*before, *after}):
        operation, check = key
        was, now = len(before.get(key, [])), len(after.get(key, []))
        name = f"{operation or NO_OPERATION}: {check}"
        undecided = sorted({entry for entry in before.get(key, []) if outcomes.get(entry) not in _DECIDED})
        if now:
            yield ("still_failing" if was else "new"), Entry(name, _count(was), _count(now))
        elif key in waived:
            yield "waived", Entry(name, _count(was), f"{_count(len(waived[key]))} waived")
        elif operation and not requests.get(operation):
            yield "undecided", Entry(name, _count(was), "no request was answered")
        elif undecided:
            yield "undecided", Entry(name, _count(was), f"{', '.join(undecided)} not decided")
        else:
            yield "fixed", Entry(name, _count(was), _count(now))


def _failures(report: Mapping[str, Any], *, waived: bool = False) -> dict[tuple[str, str], list[str]]:
    """Operation ("" for none) and check -> the requirement of each failure that is, or is not, waived.

    Failures that follow from another do not count.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for failure in report["failures"]:
        if (failure["waived_by"] is not None) is waived and failure.get("consequence_of") is None:
            found.setdefault((failure["operation"] or "", failure["check"]), []).append(failure["requirement"])
    return found


def _count(number: int) -> str:
    return counted(number, "failure") if number else "no failure"
