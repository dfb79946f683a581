"""Commands on stored runs: ``report`` writes one again in some format or merges shards, ``diff`` compares two."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console

from conformance.commands.lazy_group import LazyGroup
from conformance.exit_codes import FINE, FOUND, USAGE_ERROR
from conformance.report import html
from conformance.report.comparison import compare
from conformance.report.comparison_formats import COMPARISON_FORMATS, render_text
from conformance.report.errors import ReportError
from conformance.report.files import write_atomically
from conformance.report.formats import FORMATS, FolderFormat
from conformance.report.json_report import read_report
from conformance.report.storage import read_run
from conformance.report.terminal import details, summary
from conformance.report.waiver_proposal import propose
from conformance.result import RunResult

_ELSEWHERE = {
    "merge": ("conformance.commands.merge", "merge"),
    "verify": ("conformance.commands.verify", "verify"),
}


class _Report(LazyGroup):
    """A group whose first command need not be named: ``report DIR`` is ``report show DIR``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.list_commands(ctx), *ctx.help_option_names}:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Report, elsewhere=_ELSEWHERE)
def report() -> None:
    """Stored runs: show one, verify it, or make one of several shards.

    `report [DIR]` alone is `report show [DIR]`.
    """


@report.command(short_help="Print or write the report of a stored run.")
@click.argument("directory", metavar="[DIR]", default="reports", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, "terminal"]),
    default="terminal",
    show_default=True,
    help="terminal prints the summary, the others write their file into DIR: "
    f"{', '.join(f'{name} {form.purpose}' for name, form in FORMATS.items())}.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
              help="Write there instead; - is standard output.")  # fmt: skip
@click.option("--details", "every", is_flag=True,
              help="With terminal: every cause, with the lines that show it again.")  # fmt: skip
@click.option("--write-waivers", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Propose waivers for the failures of the run instead, one for each cause.")  # fmt: skip
def show(directory: Path, form: str, output: Path | None, every: bool, write_waivers: Path | None) -> None:
    """Render the run stored in DIR (reports/) again, from its run.json."""
    try:
        run = read_run(directory)
        if write_waivers is not None:
            _propose_waivers(run, write_waivers)
            return
        if form == "terminal":
            if output is not None:
                raise click.UsageError("--output goes with a --format that is written into a file")
            if every:
                details(run, Console())
                return
            page = directory / html.FILE_NAME
            summary(run, Console(), page if page.is_file() else None)
            return
        chosen = FORMATS[form]
        if isinstance(chosen, FolderFormat):
            if output == Path("-"):
                raise click.UsageError(f"{form} is a folder: --output names one")
            click.echo(str(chosen.write_into(run, output or directory / chosen.file_name)))
            return
        text = chosen.render(run, directory)
        if output == Path("-"):
            _print(text)
            return
        path = output or directory / chosen.file_name
        write_atomically(path, text)
        click.echo(str(path))
    except ReportError as error:
        _refuse(error)


@click.command(short_help="Tell what changed between two reports.")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(list(COMPARISON_FORMATS)), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), metavar="FILE",
              help="Write there instead of to standard output.")  # fmt: skip
@click.option("--details", "every", is_flag=True,
              help="With text: operations and checks, too, where their causes are listed.")  # fmt: skip
def diff(old: Path, new: Path, form: str, output: Path | None, every: bool) -> None:
    """Compare two reports, given as report.json or as their folder.

    Told are causes that are new, fixed, waived or not decided any more, then requirements, operations and checks, and
    what makes no run worse: slower operations, value classes not taken any more, and what the runs differ in.

    Exit codes: 0 NEW is no worse than OLD; 1 its verdict is worse, something fails that did not, or something that
    was decided is not; 2 a file is missing or damaged.
    """
    try:
        comparison = compare(read_report(old), read_report(new))
        render = partial(render_text, details=every) if form == "text" else COMPARISON_FORMATS[form]
        text = render(comparison)
        if output is None or output == Path("-"):
            _print(text)
        else:
            write_atomically(output, text)
            click.echo(str(output))
    except ReportError as error:
        _refuse(error)
    sys.exit(FOUND if comparison.worse else FINE)


def _print(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", errors="backslashreplace"))


def _propose_waivers(run: RunResult, file: Path) -> None:
    if file.exists():
        raise ReportError(f"{file} exists; proposals are not written over it")
    proposed = propose(run, datetime.now(UTC).date())
    write_atomically(file, proposed)
    click.echo(f"{file}: {proposed.count('[[waiver]]')} proposed, each needs a reason, a link and an owner")


class _Refusal(click.ClickException):
    exit_code = USAGE_ERROR


def _refuse(error: ReportError) -> NoReturn:
    raise _Refusal(str(error)) from error
