"""A comparison of two runs as text, as JSON that a schema describes, and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from conformance.report.changes import TITLES, Change, Entry
from conformance.report.comparison import Comparison
from conformance.report.html import VERDICT_NAMES, asset, environment
from conformance.report.text import counted, visible, words

SCHEMA_VERSION = 1
MOST_OTHERS_SHOWN = 10
"""Of what makes no run worse a terminal shows so many lines of a kind, unless every detail is asked for."""

RUNS = "The runs differ in"
VALUES = "Value classes not taken any more"
SLOWER = "Slower operations"

_PARTS: Sequence[tuple[str, Callable[[Comparison], Mapping[Change, Sequence[Entry]]]]] = (
    ("cause", lambda comparison: comparison.causes),
    ("requirement", lambda comparison: comparison.requirements),
    ("operation", lambda comparison: comparison.operations),
    ("operation and check", lambda comparison: comparison.checks),
)
_COUNTED: Mapping[Change, str] = {
    "new": "new", "undecided": "not decided any more", "still_failing": "still failing", "waived": "waived now",
    "fixed": "fixed",
}  # fmt: skip


def overview(comparison: Comparison) -> str:
    """The causes in one sentence: ``2 causes new, 1 fixed, 41 still failing.``"""
    parts: list[str] = []
    for change, told in _COUNTED.items():
        number = len(comparison.causes.get(change, ()))
        if number:
            parts.append(f"{number if parts else counted(number, 'cause')} {told}")
    return f"{', '.join(parts)}." if parts else "No cause in either run."


def changes(comparison: Comparison) -> Iterator[tuple[Change, str, Sequence[Entry]]]:
    """Every list of a comparison that is not empty, in the order of its readers: change, what is listed, entries."""
    for change in TITLES:
        for what, part in _PARTS:
            entries = part(comparison).get(change, ())
            if entries:
                yield change, what, entries


def render_text(comparison: Comparison, *, details: bool = False) -> str:
    """The comparison for a terminal.

    Where the causes of a change are listed, its operations and checks are in them and told with ``details`` only, as
    are the requirements of what still fails.
    """
    lines = [f"verdict: {words(comparison.old_verdict)} -> {words(comparison.new_verdict)}"]
    if comparison.causes:
        lines.append(overview(comparison))
    for change, what, entries in changes(comparison):
        in_causes = what == "operation and check" or (what == "requirement" and change == "still_failing")
        if details or not in_causes or not comparison.causes.get(change):
            lines += _listed(f"{TITLES[change]}, by {what}", entries, len(entries))
    for title, entries in ((VALUES, comparison.values), (SLOWER, comparison.slower), (RUNS, comparison.runs)):
        lines += _listed(title, entries, len(entries) if details else MOST_OTHERS_SHOWN)
    lines.append("\nworse" if comparison.worse else "\nno worse")
    return visible("\n".join(lines)) + "\n"


def _listed(title: str, entries: Sequence[Entry], most: int) -> Iterator[str]:
    if entries:
        yield f"\n{title} ({len(entries)})"
        yield from (f"  {_line(entry)}" for entry in entries[:most])
        if len(entries) > most:
            yield f"  and {len(entries) - most} more (--details)"


def render_json(comparison: Comparison) -> str:
    """The comparison for programs, as ``schema/comparison.schema.json`` describes it."""

    def by_change(part: Mapping[Change, Sequence[Entry]]) -> dict[str, list[dict[str, str]]]:
        return {change: [asdict(entry) for entry in entries] for change, entries in part.items()}

    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "worse": comparison.worse,
        "verdict": {"before": comparison.old_verdict, "after": comparison.new_verdict},
        "causes": by_change(comparison.causes),
        "requirements": by_change(comparison.requirements),
        "operations": by_change(comparison.operations),
        "checks": by_change(comparison.checks),
        "values": [asdict(entry) for entry in comparison.values],
        "slower": [asdict(entry) for entry in comparison.slower],
        "runs": [asdict(entry) for entry in comparison.runs],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def render_html(comparison: Comparison) -> str:
    """The comparison as one page that needs nothing else."""
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            comparison=comparison,
            overview=overview(comparison),
            changes=list(changes(comparison)),
            titles=TITLES,
            verdicts=VERDICT_NAMES,
            others=[(VALUES, comparison.values), (SLOWER, comparison.slower), (RUNS, comparison.runs)],
            style=asset("report.css"),
        )
    )


COMPARISON_FORMATS: Mapping[str, Callable[[Comparison], str]] = {
    "text": render_text,
    "json": render_json,
    "html": render_html,
}


def _line(entry: Entry) -> str:
    name = f"{entry.title} ({entry.name})" if entry.title else entry.name
    return f"{name}: {entry.before} -> {entry.after}"
