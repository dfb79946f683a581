"""``fleet.html``: targets, requirements and both together, as one page that needs no network."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from conformance.report.fleet import FleetRun, common_causes, requirement_rows
from conformance.report.fleet_markdown import headline
from conformance.report.text import duration, visible, words
from conformance.result import Outcome

FILE_NAME = "fleet.html"

SIGNS: Mapping[Outcome, str] = {
    "passed": "·", "failed": "F", "waived": "w", "skipped": "-", "error": "E", "not_run": "?", "not_selected": " ",
}  # fmt: skip
"""Of the outcome of a requirement in the table of targets and requirements."""


def render_fleet_html(fleet: FleetRun) -> str:
    """The page as text; whatever targets said is shown as text."""
    environment = Environment(
        loader=PackageLoader("conformance.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"visible": visible, "words": words, "duration": duration}
    rows = requirement_rows(fleet)
    # What all targets that tell of it passed needs no column.
    shown = [row for row in rows if set(row.outcomes) - {"passed", "not_selected"}]
    return environment.get_template("fleet.html.j2").render(
        fleet=fleet,
        headline=headline(fleet),
        rows=shown,
        passed=len(rows) - len(shown),
        causes=common_causes(fleet.targets),
        signs=SIGNS,
    )
