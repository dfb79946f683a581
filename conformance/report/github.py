"""What a run tells GitHub Actions: annotations on standard output, and a job summary."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from conformance.report.causes import causes, failing
from conformance.report.errors import UnwritableError
from conformance.report.markdown import render_markdown
from conformance.report.text import visible, words
from conformance.result import RunResult

MOST_ANNOTATIONS = 10
"""Of each level GitHub shows no more for one step."""
_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def is_github(environment: Mapping[str, str]) -> bool:
    """Whether this process runs in a job of GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


def workflow_commands(run: RunResult) -> Iterator[str]:
    """Workflow commands, one line each: the verdict, then causes that count, errors for MUST, warnings for SHOULD."""
    if run.verdict in ("non_conformant", "inconclusive"):
        yield f"::error title=emqx-conformance::{_data(f'{words(run.verdict)}: ' + ' '.join(run.reasons))}"
    found = failing(causes(run))
    for command, level, most in (("error", "MUST", MOST_ANNOTATIONS - 1), ("warning", "SHOULD", MOST_ANNOTATIONS)):
        for cause in [cause for cause in found if cause.level == level][:most]:
            yield f"::{command} title={_property(cause.where)}::{_data(f'{cause.sentence} {cause.came}')}"


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


def _data(text: str) -> str:
    """Escaped as workflow commands demand of what they say."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escaped as workflow commands demand of their properties."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
