"""``fleet.md``: a fleet on one page of Markdown, for job summaries and comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.report.fleet import FleetRun, common_causes, requirement_rows
from conformance.report.markdown import cell
from conformance.report.text import counted, duration, words

FILE_NAME = "fleet.md"
MOST_SHOWN = 50
_MOST_NAMES = 5


def headline(fleet: FleetRun) -> str:
    """``3 targets: 2 conformant, 1 not run``."""
    totals = fleet.totals()
    parts = [f"{number} {words(name)}" for name, number in totals.items() if number and name != "targets"]
    return f"{counted(totals['targets'], 'target')}: {', '.join(parts) or 'none was run'}"


def render_fleet_markdown(fleet: FleetRun) -> str:
    """The page as text."""
    return "\n".join(_lines(fleet)) + "\n"


def _lines(fleet: FleetRun) -> Iterator[str]:
    yield f"## {headline(fleet)}"
    yield ""
    yield f"{fleet.suite}, {counted(fleet.workers, 'worker')}, {duration(fleet.duration_s)}."
    yield ""
    yield "| target | verdict | EMQX | requirements failed | time | why |"
    yield "|---|---|---|---|---|---|"
    for target in fleet.targets[:MOST_SHOWN]:
        failed = sum(outcome == "failed" for outcome in target.requirements.values())
        why = target.causes[0] if target.causes else target.reason
        yield (
            f"| {cell(target.name)} | {words(target.state)} | {cell(target.version or '')} | {failed} | "
            f"{duration(target.duration_s)} | {cell(why)} |"
        )
    if len(fleet.targets) > MOST_SHOWN:
        yield ""
        yield f"{len(fleet.targets) - MOST_SHOWN} more targets are in fleet.json."
    causes = common_causes(fleet.targets)
    if causes:
        yield ""
        yield "| what is wrong | targets | |"
        yield "|---|---|---|"
        yield from (f"| {cell(cause)} | {len(names)} | {cell(_named(names))} |" for cause, names in causes[:MOST_SHOWN])
    rows = [row for row in requirement_rows(fleet) if "failed" in row.outcomes]
    if rows:
        yield ""
        yield "| requirement | level | fails on | |"
        yield "|---|---|---|---|"
        for row in rows[:MOST_SHOWN]:
            names = row.outcomes["failed"]
            yield f"| {row.id} {cell(row.title)} | {row.level} | {len(names)} | {cell(_named(names))} |"


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
