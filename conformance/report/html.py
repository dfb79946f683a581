"""``index.html``: the whole report as one page that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from conformance.report.causes import Cause, causes, failing, overview
from conformance.report.coverage import coverage
from conformance.report.json_report import attribution
from conformance.report.json_report import sentence as sentence_of_cause
from conformance.report.left_out import sentence, summed_up
from conformance.report.load import ConfigWrites, Scale, latencies, most_expensive
from conformance.report.matrix import build_matrix
from conformance.report.text import (
    IN_CONSEQUENCE,
    NO_OPERATION,
    NO_REASON,
    WHAT_IS_LEFT,
    counted,
    duration,
    plural,
    seeds_told,
    visible,
    words,
)
from conformance.result import Failure, RunResult

if TYPE_CHECKING:
    from jinja2 import Environment

FILE_NAME = "index.html"
MOST_EVIDENCE = 1_200_000
"""How many characters of requests and answers a page may hold: a page of a standard run stays below 2 MB."""

SOON_DAYS = 30
"""A waiver that expires within so many days after the run is shown as one that expires soon."""

_OUTCOMES = (
    ("passed", "passed"),
    ("failed", "failed"),
    ("waived", "waived"),
    ("errors", "error"),
    ("skipped", "skipped"),
)
_MORE_CAUSES = re.compile(r"And \d+ more causes\.")

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
    found = causes(run)
    ordered = [failure for cause in found for failure in (*cause.failures, *cause.consequences)]
    numbers = {id(failure): number for number, failure in enumerate(ordered, start=1)}
    failing_causes = failing(found)
    of_requirement: dict[str, list[Cause]] = {}
    for cause in found:
        for identifier in cause.requirements:
            of_requirement.setdefault(identifier, []).append(cause)
    covered = coverage(run)
    slowest = latencies(run)
    told = {sentence_of_cause(cause.headline) for cause in failing_causes} | {f"{overview(failing_causes)}."}
    started = run.started_at[:10]
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            totals=run.totals(),
            outcomes=_OUTCOMES,
            verdict=VERDICT_NAMES[run.verdict],
            sentence=VERDICT_SENTENCES[run.verdict],
            reasons=[reason for reason in run.reasons if reason not in told and not _MORE_CAUSES.fullmatch(reason)],
            duration=duration(run.duration_s),
            matrix=build_matrix(run),
            causes=found,
            failing=failing_causes,
            overview=overview(failing_causes),
            causes_of_requirement=of_requirement,
            number_of=lambda failure: numbers[id(failure)],
            by_id={failure.id: numbers[id(failure)] for failure in ordered if failure.id},
            shown_whole=_shown_whole(found, numbers),
            first_failure=_first_failures(ordered, numbers),
            left_out=list(summed_up(run.left_out)),
            undecided=_undecided(run),
            titles={requirement.id: requirement.title for requirement in run.requirements},
            attribution=attribution,
            coverage=covered,
            extents=[f"{kind.reached:,} of {kind.total:,} {kind.title.lower()}" for kind in covered[1:]],
            latencies=slowest,
            scale=Scale.of(slowest),
            writes=ConfigWrites.of(run),
            expensive=most_expensive(run),
            today=started,
            soon=_days_after(started, SOON_DAYS),
            next_expiry=min((use.expires for use in run.waivers if use.expires >= started), default=None),
            style=asset("report.css"),
            script=asset("report.js"),
        )
    )


def _shown_whole(found: Sequence[Cause], numbers: Mapping[int, int]) -> set[int]:
    """Numbers of the failures that are shown with request and answer: of each cause the most telling one, then others
    as far as `MOST_EVIDENCE` goes.
    """
    leads = [cause.lead for cause in found]
    others = [failure for cause in found for failure in (*cause.failures[1:], *cause.consequences)]
    shown: set[int] = set()
    room = MOST_EVIDENCE
    for failure in (*leads, *others):
        size = len(failure.exchange or "") + len(failure.curl or "")
        if size <= room:
            room -= size
            shown.add(numbers[id(failure)])
    return shown


def _first_failures(ordered: Sequence[Failure], numbers: Mapping[int, int]) -> dict[tuple[str | None, str], int]:
    """Operation and check -> number of the first failure."""
    first: dict[tuple[str | None, str], int] = {}
    for failure in ordered:
        if failure.consequence_of is None:
            first.setdefault((failure.operation, failure.check), numbers[id(failure)])
    return first


def _undecided(run: RunResult) -> list[tuple[str, str, list[str]]]:
    """Outcome, reason and ids of items that did not run or ended in an error, most first."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in run.items:
        if item.outcome in ("not_run", "error"):
            found.setdefault((item.outcome, item.reason or NO_REASON), []).append(item.id)
    return sorted(((*key, ids) for key, ids in found.items()), key=lambda entry: (-len(entry[2]), entry[1]))


def _days_after(day: str, days: int) -> str:
    """An ISO date; the day itself where it is none."""
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return day


@cache
def environment() -> Environment:
    """Where pages get their templates and filters; what is not marked as safe is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # collection need not wait for it

    environment = Environment(
        loader=PackageLoader("conformance.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words
    environment.globals |= {
        "NO_OPERATION": NO_OPERATION,
        "IN_CONSEQUENCE": IN_CONSEQUENCE,
        "WHAT_IS_LEFT": WHAT_IS_LEFT,
    }
    environment.filters["counted"] = counted
    environment.filters["noun"] = plural
    environment.filters["seeds"] = seeds_told
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
def asset(name: str) -> Markup:
    """A style sheet or script of the package, trusted as it is."""
    return Markup(files("conformance.report").joinpath("templates", name).read_text(encoding="utf-8"))  # noqa: S704
