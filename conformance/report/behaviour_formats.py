"""A comparison of two targets as text, as JSON that a schema describes, and as a page."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance.report.behaviour import BehaviourComparison, Difference
from conformance.report.html import VERDICT_NAMES, asset, environment
from conformance.report.text import NO_REASON, counted, visible, words
from conformance.result import RunResult

SCHEMA_VERSION = 1
MOST_ITEMS_SHOWN = 3
MOST_REASONS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Side:
    """One of the targets: the run that asked it."""

    run: RunResult

    @property
    def name(self) -> str:
        return f"{self.run.base_url}, EMQX {self.run.target_version or 'of unknown version'}"

    def reasons(self, items: Sequence[str]) -> list[tuple[str, int]]:
        """Why it was asked nothing by ``items``, and by how many of them, most first."""
        by_id = {item.id: item for item in self.run.items}
        found = Counter(by_id[item].reason or NO_REASON if item in by_id else "not selected" for item in items)
        return found.most_common()


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison with what belongs to it; ``unsteady``: differences that did not show again. ``folder``: where the
    reports of both runs are, in ``a`` and ``b``.
    """

    comparison: BehaviourComparison
    unsteady: list[Difference]
    sides: list[Side]
    folder: Path

    @property
    def undecided(self) -> list[str]:
        """Why nothing, or not everything, could be compared: a sentence each."""
        found = [
            f"The run against {side.run.base_url} is inconclusive: {next(iter(told), NO_REASON)}"
            for side, told in ((side, [*side.run.troubles, *side.run.reasons]) for side in self.sides)
            if side.run.verdict == "inconclusive"
        ]
        if found:
            return found
        if not self.comparison.compared:
            return ["No request was answered by both targets."]
        half = self.comparison.half_asked
        return [f"Only one target answered {counted(len(half), 'operation')}: {', '.join(half)}."] if half else []

    @property
    def decided(self) -> bool:
        return not self.undecided

    @property
    def result(self) -> str:
        """``different``, ``same`` or ``undecided``."""
        if self.comparison.differences:
            return "different"
        return "same" if self.decided else "undecided"

    @property
    def extent(self) -> str:
        """How much was compared, in a sentence."""
        compared = self.comparison.compared
        return (
            f"{counted(compared.total(), 'request')} to {counted(len(compared), 'operation')} compared, in "
            f"{counted(self.comparison.items, 'item')}."
        )

    @property
    def not_compared(self) -> list[str]:
        """What else was not compared, a sentence each."""
        found = []
        here, there = self.comparison.unmatched
        if here or there:
            found.append(
                f"{counted(here, 'request')} that only the first target got, {there} that only the second: an item "
                "goes on from what it was answered."
            )
        for number, items in enumerate(self.comparison.one_sided):
            if items:
                other = self.sides[1 - number]
                for reason, count in other.reasons(items)[:MOST_REASONS_SHOWN]:
                    found.append(f"{counted(count, 'item')} that asked {other.run.base_url} nothing: {reason}")
        return found


def render_text(compared: Compared) -> str:
    """The comparison for a terminal."""
    lines: list[str] = []
    for letter, side in zip("AB", compared.sides, strict=False):
        lines.append(f"{letter}: {side.name}: {words(side.run.verdict)}")
    if compared.sides:
        run = compared.sides[0].run
        lines.append(f"contract of EMQX {run.described_version}, seed {run.seed}, profile {run.profile}, {run.mode}")
    lines.append(compared.extent)
    for title, found in (
        ("Differences", compared.comparison.differences),
        ("Unsteady: different once, and not when asked again", compared.unsteady),
    ):
        if found:
            lines.append(f"\n{title} ({len(found)})")
            lines += [line for entry in found for line in _told(entry)]
    if compared.not_compared:
        lines.append("\nNot compared")
        lines += [f"  {line}" for line in compared.not_compared]
    lines += [f"\n{line}" for line in compared.undecided]
    if len(compared.sides) > 1:
        paths = " ".join(shlex.quote(str(compared.folder / side)) for side in "ab")
        lines.append(f"\nWhat fails there and here: emqx-conformance diff {paths}")
    lines.append(f"Report: {compared.folder / 'compare.html'}")
    lines.append(compared.result)
    return visible("\n".join(lines)) + "\n"


def _told(entry: Difference) -> Iterator[str]:
    yield (f"  {entry.operation}: {entry.what}: {entry.before} -> {entry.after} ({counted(entry.requests, 'request')})")
    yield f"    {entry.example}"
    more = f" and {len(entry.items) - MOST_ITEMS_SHOWN} more" if len(entry.items) > MOST_ITEMS_SHOWN else ""
    yield f"    seen by {', '.join(entry.items[:MOST_ITEMS_SHOWN])}{more}"


def render_json(compared: Compared) -> str:
    """The comparison for programs, as ``schema/behaviour.schema.json`` describes it."""
    comparison = compared.comparison
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "result": compared.result,
        "targets": [
            {
                "base_url": side.run.base_url,
                "version": side.run.target_version,
                "verdict": side.run.verdict,
                "contract": side.run.contract_digest,
                "seed": side.run.seed,
                "profile": side.run.profile,
                "mode": side.run.mode,
            }
            for side in compared.sides
        ],
        "compared": dict(sorted(comparison.compared.items())),
        "items": comparison.items,
        "differences": [asdict(entry) for entry in comparison.differences],
        "unsteady": [asdict(entry) for entry in compared.unsteady],
        "unmatched": list(comparison.unmatched),
        "one_sided": [list(items) for items in comparison.one_sided],
        "undecided": compared.undecided,
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def render_html(compared: Compared) -> str:
    """The comparison as one page that needs nothing else."""
    template = environment().get_template("behaviour.html.j2")
    return template.render(compared=compared, verdicts=VERDICT_NAMES, style=asset("report.css"))


BEHAVIOUR_FORMATS: Mapping[str, Callable[[Compared], str]] = {
    "text": render_text,
    "json": render_json,
    "html": render_html,
}
