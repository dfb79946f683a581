"""``certificate.html``: verdict, groups and digests on one page of paper, to be signed by hand.

It is made of ``run.json`` where that and the report are those of ``statement.json``, so that what people sign is what
the digests on the page stand for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.report.errors import ReportError
from conformance.report.evidence import digest_of
from conformance.report.groups import GENERAL, groups_of_report
from conformance.report.html import VERDICT_NAMES, VERDICT_SENTENCES, environment
from conformance.report.json_report import build_report
from conformance.report.left_out import summed_up
from conformance.report.statement import FILE_NAME as STATEMENT
from conformance.report.statement import problem, read_statement, subjects
from conformance.report.text import counted, duration
from conformance.result import RunResult

FILE_NAME = "certificate.html"

_TITLES = {"conformant": "Certificate of conformance", "conformant_with_waivers": "Certificate of conformance"}
_OTHER_TITLE = "Result of a conformance run"
_NAMES: Mapping[str, str] = {**VERDICT_NAMES, "not_looked_at": "Not looked at"}
_MOST_LINES = 3


def render_certificate(run: RunResult, directory: Path) -> str:
    """The page of the run that ``directory`` holds; raises `ReportError` if its statement is about other files."""
    statement = _statement(directory)
    predicate = statement["predicate"]
    return (
        environment()
        .get_template("certificate.html.j2")
        .render(
            run=run,
            title=_TITLES.get(run.verdict, _OTHER_TITLE),
            verdict=VERDICT_NAMES[run.verdict],
            sentence=VERDICT_SENTENCES[run.verdict],
            duration=duration(run.duration_s),
            requests=run.totals()["requests"],
            groups=[
                (_group_name(group.name), _NAMES[group.verdict], group) for group in groups_of_report(build_report(run))
            ],
            waivers=", ".join(entry["name"] for entry in predicate["waivers"]) or "none",
            held=_held(predicate["inventory"]),
            missing=list(_missing(run)),
            code=predicate["code"]["sha256"],
            digests=[(entry["name"], entry["digest"]["sha256"]) for entry in statement["subject"][:2]],
            statement=digest_of((directory / STATEMENT).read_bytes())["sha256"],
        )
    )


def _statement(directory: Path) -> Mapping[str, Any]:
    statement, _ = read_statement(directory)
    if (wrong := problem(statement)) is not None:
        raise ReportError(f"{directory / STATEMENT} is no statement of this suite: {wrong}")
    if statement["subject"] != subjects(directory):
        raise ReportError(
            f"the files in {directory} are not those of {STATEMENT}, so that there is nothing to certify: "
            f"emqx-conformance report verify {directory} tells more"
        )
    checked: Mapping[str, Any] = statement
    return checked


def _group_name(name: str) -> str:
    return f"{name} (all answers, the whole run)" if name == GENERAL else name


def _held(inventory: Mapping[str, Any]) -> str:
    if inventory["equal"] is None:
        return "not known"
    if inventory["equal"]:
        return "the same before and after the run"
    return f"after the run something else in {', '.join(inventory['differing'])}"


def _missing(run: RunResult) -> Iterator[str]:
    """What was not looked at, shortly."""
    for line, entries in summed_up([entry for entry in run.left_out if entry.why != "not_demanded"]):
        reasons = [entry.reason for entry in entries]
        more = f" and {counted(len(reasons) - _MOST_LINES, 'more reason')}" if len(reasons) > _MOST_LINES else ""
        yield f"{line} ({'; '.join(reasons[:_MOST_LINES])}{more})"
