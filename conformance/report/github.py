"""What a run tells GitHub Actions: annotations on standard output, and a job summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from conformance.report.errors import UnwritableError
from conformance.report.json_report import message_with_attribution
from conformance.report.markdown import render_markdown
from conformance.report.text import visible
from conformance.result import Failure, RequirementResult, RunResult

MOST_ANNOTATIONS = 10
"""Of each level GitHub shows no more for one step."""
_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def is_github(environment: Mapping[str, str]) -> bool:
    """Whether this process runs in a job of GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


def annotations(run: RunResult) -> Iterator[str]:
    """Workflow commands, one line each: failures that count, errors for MUST and warnings for SHOULD, then the verdict."""
    levels = {requirement.id: requirement for requirement in run.requirements}
    counted = {"error": 0, "warning": 0}
    for failure in run.failures:
        command = _command(failure, levels)
        if failure.counts and counted[command] < MOST_ANNOTATIONS - (command == "error"):
            counted[command] += 1
            title = f"{failure.requirement} {failure.operation or failure.check}"
            yield f"::{command} title={_property(title)}::{_data(message_with_attribution(failure))}"
    if run.verdict in ("non_conformant", "inconclusive"):
        yield f"::error title=emqx-conformance::{_data(f'{run.verdict}: ' + ' '.join(run.reasons))}"


def append_summary(run: RunResult, environment: Mapping[str, str]) -> None:
    """Add the run to the summary of the job; raises `UnwritableError`."""
    name = environment.get(_SUMMARY_VARIABLE)
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(render_markdown(run))
    except OSError as error:
        raise UnwritableError(Path(name), error) from error


def _command(failure: Failure, levels: Mapping[str, RequirementResult]) -> str:
    requirement = levels.get(failure.requirement)
    return "warning" if requirement is not None and requirement.level == "SHOULD" else "error"


def _data(text: str) -> str:
    """Escaped as workflow commands demand of what they say."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escaped as workflow commands demand of their properties."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
