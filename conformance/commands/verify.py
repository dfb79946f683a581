"""``emqx-conformance report verify``: is a report directory what its statement says?"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from conformance.exit_codes import FINE, FOUND, USAGE_ERROR
from conformance.report.errors import ReportError
from conformance.report.findings import State, summed_up
from conformance.report.text import visible
from conformance.report.verification import verify as findings_of
from conformance.target.settings.config import waivers_named

_MARKS: Mapping[State, tuple[str, str]] = {
    "holds": ("holds", "green"),
    "fails": ("FAILS", "bold red"),
    "unchecked": ("not checked", "yellow"),
    "note": ("note", "dim"),
}


@click.command()
@click.argument("directory", metavar="[DIR]", default="reports", type=click.Path(path_type=Path))
@click.option("--waivers", multiple=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="A file of waivers that the run used, to be compared; may be given several times.")  # fmt: skip
def verify(directory: Path, waivers: tuple[Path, ...]) -> None:
    """Check offline that the report in DIR (reports/) is what its statement.json says.

    Every digest is computed again, and the verdicts from what the report lists. What rests on another version of the
    suite than the one that is installed is told as not checked.

    Exit codes: 0 everything that was looked at holds; 1 something does not; 2 no such folder, no statement, or JSON
    that is damaged.
    """
    try:
        files = [waivers_named(file) for file in waivers]
        if missing := [file for file in files if not file.is_file()]:
            raise ReportError(f"--waivers: there is no file {missing[0]}")
        findings = findings_of(directory, files)
    except ReportError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE_ERROR)
    console = Console()
    width = max(len(word) for word, _ in _MARKS.values())
    for finding in findings:
        word, style = _MARKS[finding.state]
        line = Text(f"{word:<{width}}  ", style=style)
        console.print(line.append(visible(finding.sentence), style="not bold"), soft_wrap=True)
    console.print(Text(summed_up(findings), style="bold"), soft_wrap=True)
    sys.exit(FOUND if any(finding.state == "fails" for finding in findings) else FINE)
