"""What changed between two runs, by requirement and by operation and check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conformance.report.text import visible

Change = Literal["new", "fixed", "still_failing", "changed", "not_run"]

TITLES: Mapping[Change, str] = {
    "new": "New failures",
    "not_run": "Not run any more",
    "still_failing": "Still failing",
    "changed": "Changed outcome",
    "fixed": "Fixed",
}

# From best to worst.
_VERDICTS = ("conformant", "conformant_with_waivers", "inconclusive", "non_conformant")
_UNDECIDED = ("not_run", "error")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that differs, or still fails: its name, and what it was and is."""

    name: str
    before: str
    after: str


@dataclass(slots=True)
class Comparison:
    """``requirements`` and ``checks`` (named ``operation: check``) by kind of change; verdicts of both runs."""

    old_verdict: str
    new_verdict: str
    requirements: dict[Change, list[Entry]] = field(default_factory=dict)
    checks: dict[Change, list[Entry]] = field(default_factory=dict)

    @property
    def worse(self) -> bool:
        """True if the verdict is worse, something fails that did not, or something is no longer decided."""
        return _VERDICTS.index(self.new_verdict) > _VERDICTS.index(self.old_verdict) or any(
            part.get(change) for part in (self.requirements, self.checks) for change in ("new", "not_run")
        )


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    """Compare two reports, as `conformance.report.json_report.read_report` returns them.

    Waived failures do not count.
    """
    comparison = Comparison(old["verdict"], new["verdict"])
    for change, entry in _requirements(_outcomes(old), _outcomes(new)):
        comparison.requirements.setdefault(change, []).append(entry)
    for change, entry in _checks(old, new):
        comparison.checks.setdefault(change, []).append(entry)
    return comparison


def render_comparison(comparison: Comparison) -> str:
    """The comparison as text for a terminal."""
    lines = [f"verdict: {comparison.old_verdict} -> {comparison.new_verdict}"]
    for change, title in TITLES.items():
        for what, part in (("requirement", comparison.requirements), ("operation and check", comparison.checks)):
            entries = part.get(change, [])
            if entries:
                lines.append(f"\n{title}, by {what} ({len(entries)})")
                lines += [f"  {entry.name}: {entry.before} -> {entry.after}" for entry in entries]
    lines.append("\nworse" if comparison.worse else "\nno worse")
    return visible("\n".join(lines))


def _outcomes(report: Mapping[str, Any]) -> dict[str, str]:
    return {requirement["id"]: requirement["outcome"] for requirement in report["requirements"]}


def _requirements(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[Change, Entry]]:
    for identifier in sorted({*old, *new}):
        before, after = old.get(identifier, "absent"), new.get(identifier, "absent")
        entry = Entry(identifier, before, after)
        if after == "failed":
            yield ("still_failing" if before == "failed" else "new"), entry
        elif after in _UNDECIDED or after == "absent":
            if before not in (*_UNDECIDED, "absent"):
                yield "not_run", entry
            elif before != after:
                yield "changed", entry
        elif before == "failed":
            yield ("fixed" if after in ("passed", "waived") else "changed"), entry
        elif before != after:
            yield "changed", entry


def _checks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Change, Entry]]:
    before, after = _failures(old), _failures(new)
    requests = {operation["operation"]: operation["requests"] for operation in new["operations"]}
    for operation, check in sorted({*before, *after}):
        was, now = before.get((operation, check), 0), after.get((operation, check), 0)
        name = f"{operation or 'no single operation'}: {check}"
        if now:
            yield ("still_failing" if was else "new"), Entry(name, _count(was), _count(now))
        elif operation and not requests.get(operation):
            yield "not_run", Entry(name, _count(was), "no request was answered")
        else:
            yield "fixed", Entry(name, _count(was), _count(now))


def _failures(report: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Operation ("" for none) and check -> number of unwaived failures that follow from no other."""
    counts: dict[tuple[str, str], int] = {}
    for failure in report["failures"]:
        if failure["waived_by"] is None and failure.get("consequence_of") is None:
            key = (failure["operation"] or "", failure["check"])
            counts[key] = counts.get(key, 0) + 1
    return counts


def _count(number: int) -> str:
    return f"{number} failure{'' if number == 1 else 's'}" if number else "no failure"
