"""``emqx-conformance report merge``: one report of the shards of a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from conformance.commands.run import tell_github
from conformance.exit_codes import INCONCLUSIVE, USAGE_ERROR
from conformance.report import har
from conformance.report.errors import ReportError
from conformance.report.formats import FORMATS
from conformance.report.statement import write_statement
from conformance.report.storage import FILE_NAME, read_run
from conformance.report.terminal import summary
from conformance.report.writers import Written, write_reports
from conformance.result import RunResult
from conformance.run.baseline import read_baseline
from conformance.run.deciding import decided
from conformance.run.merging import merge as merged_run
from conformance.run.report_directory import ReportDirectory
from conformance.run.shard_checks import Part
from conformance.target.errors import ConfigurationError, Unwritable
from conformance.target.settings.config import waivers_named
from conformance.waivers import WaiverError, load_waivers


@click.command()
@click.argument("directories", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@click.option("--report-dir", default="reports", show_default=True, type=click.Path(path_type=Path), metavar="DIR",
              help="Where the merged report goes.")  # fmt: skip
@click.option("--format", "forms", multiple=True, type=click.Choice([*FORMATS]),
              help="Also write this format; may be given several times.")  # fmt: skip
@click.option("--baseline", type=click.Path(path_type=Path), metavar="REPORT",
              help="As with run: exit code 1 only for what fails since, or is not decided any more.")  # fmt: skip
@click.option("--waivers", multiple=True, metavar="FILE",
              help="The waivers that the shards had, for the statement and --strict-waivers.")  # fmt: skip
@click.option("--strict-waivers", is_flag=True, help="A waiver that nothing needs any more is an error.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the verdict and the gravest causes.")
def merge(
    directories: tuple[Path, ...],
    report_dir: Path,
    forms: tuple[str, ...],
    baseline: Path | None,
    waivers: tuple[str, ...],
    strict_waivers: bool,
    quiet: bool,
) -> None:
    """Make one report of the shards in DIR..., the report directories of run --shard.

    Verdict, requirements and coverage are those of one run over all items. What a missing shard had to look at is
    undecided. Exit codes are those of run.
    """
    try:
        files = [waivers_named(Path(name)) for name in waivers]
        code = merge_shards(directories, report_dir, forms, baseline, files, strict=strict_waivers, quiet=quiet)
    except (ReportError, ConfigurationError, WaiverError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(USAGE_ERROR)
    sys.exit(code)


def merge_shards(
    directories: Sequence[Path],
    report_dir: Path,
    forms: Sequence[str],
    baseline: Path | None,
    waivers: Sequence[Path],
    *,
    strict: bool,
    quiet: bool,
) -> int:
    """Merge the runs in ``directories``, write their report into ``report_dir`` and return the exit code.

    ``forms``: formats to write besides; ``strict``: waivers that nothing needs any more are an error. Raises
    `ReportError` for what does not belong together, `ConfigurationError` and `WaiverError` for what cannot be used.
    """
    if strict and not waivers:
        raise ConfigurationError("--strict-waivers needs --waivers")
    known = load_waivers(*waivers)
    earlier = read_baseline({"baseline": baseline}, {})
    if any(report_dir.resolve() == directory.resolve() for directory in directories):
        raise ConfigurationError(f"--report-dir: {report_dir} holds a shard, name another directory")
    parts = _parts(directories)
    run = merged_run(parts)
    ids = [waiver.id for waiver in known.waivers] if known is not None else []
    if waivers and ids != [use.id for use in run.waivers]:
        raise ReportError("--waivers: the shards had others")
    code = decided(run, baseline=earlier, strict=known if strict else None).exit_code
    try:
        directory = ReportDirectory(report_dir)
    except Unwritable as error:
        raise ReportError(str(error)) from None
    try:
        kept = [part.directory / har.STORED for part in parts if (part.directory / har.STORED).exists()]
        written = write_reports(run, report_dir, exchanges=kept or None, forms=forms)
        if written.problem is None:
            _state(written, run, report_dir, waivers)
    finally:
        directory.release()
    if written.problem is not None:
        click.echo(f"warning: {written.problem}", err=True)
    summary(run, Console(), written.best(), quiet=quiet)
    tell_github(run)
    return INCONCLUSIVE if written.problem is not None else code


def _state(written: Written, run: RunResult, report_dir: Path, waivers: Sequence[Path]) -> None:
    """Say what the report rests on, where that is known."""
    if run.waivers and not waivers:
        click.echo("warning: there is no statement.json without --waivers, which the shards had", err=True)
        return
    try:
        written.files.append(write_statement(report_dir, waivers))
    except ReportError as error:
        written.problem = error


def _parts(directories: Sequence[Path]) -> list[Part]:
    """The runs that are there; a directory without one, of a shard that was killed, is told."""
    parts = []
    for directory in directories:
        if directory.is_dir() and not (directory / FILE_NAME).exists():
            click.echo(f"warning: {directory} holds no run: its shard counts as missing", err=True)
        else:
            parts.append(Part(directory, read_run(directory)))
    return parts
