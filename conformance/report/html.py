"""``index.html``: the whole report as one page that needs nothing else."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from conformance.report.files import write_atomically
from conformance.report.json_report import attribution
from conformance.report.left_out import sentence, summed_up
from conformance.report.matrix import build_matrix
from conformance.report.text import duration, visible
from conformance.result import Failure, RunResult

FILE_NAME = "index.html"
VERDICT_NAMES = {
    "conformant": "Conformant",
    "conformant_with_waivers": "Conformant with waivers",
    "partial": "Partial",
    "non_conformant": "Non-conformant",
    "inconclusive": "Inconclusive",
}
VERDICT_SENTENCES = {
    "conformant": "The target keeps the contract.",
    "conformant_with_waivers": "The target keeps the contract, save for accepted deviations.",
    "partial": "Not everything that the contract demands was looked at; in what was, no failure is without a waiver.",
    "non_conformant": "The target does not keep the contract.",
    "inconclusive": "The run could not decide whether the target keeps the contract.",
}


def render_html(run: RunResult) -> str:
    """The page as text; every value is escaped, nothing is loaded from elsewhere."""
    undecided: dict[str, list[str]] = {}
    for item in run.items:
        if item.outcome in ("not_run", "error"):
            undecided.setdefault(f"{item.outcome}\0{item.reason or 'no reason was given'}", []).append(item.id)
    failures = _ordered(run.failures)
    first_failure: dict[tuple[str | None, str], int] = {}
    first_of_requirement: dict[str, int] = {}
    numbers = {failure.id: number for number, failure in enumerate(failures, start=1) if failure.id}
    for number, failure in enumerate(failures, start=1):
        if failure.consequence_of is not None:
            continue
        first_failure.setdefault((failure.operation, failure.check), number)
        first_of_requirement.setdefault(failure.requirement, number)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            totals=run.totals(),
            verdict=VERDICT_NAMES[run.verdict],
            sentence=VERDICT_SENTENCES[run.verdict],
            duration=duration(run.duration_s),
            matrix=build_matrix(run),
            failures=failures,
            numbers=numbers,
            first_failure=first_failure,
            first_of_requirement=first_of_requirement,
            left_out=list(summed_up(run.left_out)),
            undecided=sorted(
                ((*key.split("\0", 1), ids) for key, ids in undecided.items()),
                key=lambda entry: (-len(entry[2]), entry[1]),
            ),
            titles={requirement.id: requirement.title for requirement in run.requirements},
            attribution=attribution,
            style=_asset("report.css"),
            script=_asset("report.js"),
        )
    )


def write_html(run: RunResult, directory: Path) -> Path:
    """Write ``index.html`` into ``directory`` and return its path; raises `ReportError`."""
    path = directory / FILE_NAME
    write_atomically(path, render_html(run))
    return path


def _ordered(failures: list[Failure]) -> list[Failure]:
    """Those that count first, those in consequence of others last, each by requirement, operation and check."""
    return sorted(
        failures,
        key=lambda failure: (
            failure.consequence_of is not None,
            failure.waived_by is not None,
            failure.requirement,
            failure.operation or "",
            failure.check,
            failure.message,
        ),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("conformance.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda text: str(text).replace("_", " ")
    environment.filters["visible"] = visible
    environment.filters["sentence"] = sentence
    environment.filters["breakable"] = _breakable
    environment.filters["prose"] = _prose
    return environment


def _breakable(path: str) -> Markup:
    """A path that may be broken into lines after its slashes and colons."""
    return Markup("<wbr>").join(re.split(r"(?<=[/:])(?=.)", path))


def _prose(text: str) -> Markup:
    """A sentence of a requirement, what it quotes between backticks shown as code."""
    parts = visible(text).split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if index % 2 else part
                           for index, part in enumerate(parts))  # fmt: skip


@cache
def _asset(name: str) -> Markup:
    """A style sheet or script of the package, trusted as it is."""
    return Markup(files("conformance.report").joinpath("templates", name).read_text(encoding="utf-8"))  # noqa: S704
