"""``emqx-conformance fleet``: runs against the named targets of a file, on many workers, and one report of all."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from conformance import __version__
from conformance.commands.options import fleet_options
from conformance.exit_codes import INCONCLUSIVE, USAGE_ERROR
from conformance.fleet.engine import ENDED, EngineError, connected
from conformance.fleet.job import Job
from conformance.fleet.overview import Overview
from conformance.fleet.targets import FleetTarget, fleet_targets, in_turn
from conformance.report import fleet_html, fleet_markdown
from conformance.report.errors import ReportError
from conformance.report.files import write_atomically
from conformance.report.fleet import FILE_NAME, FleetRun, TargetRun, read_durations, render_fleet_json
from conformance.target.errors import ConfigurationError
from conformance.target.settings.options import CHOICES, OPTIONS

_OF_SWEEP = ("exclusive", "disposable")
_IS_LIST = {option.field for option in (*OPTIONS, *CHOICES) if option.is_list}


@click.command()
@click.argument("targets_file", metavar="TARGETS.TOML", type=click.Path(path_type=Path))
@click.option("--only", multiple=True, metavar="NAME", help="Only this target; may be given several times.")
@click.option(
    "--scheduler", metavar="ADDRESS", help="Dask scheduler, as tcp://HOST:8786. Default: workers of this machine."
)
@click.option("--at-once", type=click.IntRange(1, 256), metavar="N",
              help="Without --scheduler: so many targets at once. Default: as many as there are cores.")  # fmt: skip
@click.option("-n", "--workers", type=click.IntRange(0, 64), default=0, show_default=True, metavar="N",
              help="Worker processes of each run, as with run.")  # fmt: skip
@click.option("-k", "--select", metavar="EXPRESSION", help="Only items whose names match, as in pytest -k.")
@click.option("--report-dir", default="fleet", show_default=True, type=click.Path(path_type=Path), metavar="DIR",
              help="Where the report of the fleet goes, and that of each run: DIR/NAME, where it runs.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but how it ended.")
@fleet_options
def fleet(
    targets_file: Path,
    only: tuple[str, ...],
    scheduler: str | None,
    at_once: int | None,
    workers: int,
    select: str | None,
    report_dir: Path,
    quiet: bool,
    **options: Any,
) -> None:
    """Run the suite against the targets that TARGETS.TOML names, on Dask distributed, and make one report of all.

    A deployment that has several names gets one run at a time. With --max-rps no target gets more, and none more than
    its own table allows. What happens to one target holds up no other; the runs of a worker that dies begin again
    elsewhere.

    Exit codes: 1 a target deviates; otherwise 3 one is undecided or could not be run; 2 wrong usage; 0 otherwise.
    """
    try:
        targets = fleet_targets(targets_file, only)
        given = list(_given(options))
        console = Console()
        with (
            connected(scheduler, min(at_once or os.cpu_count() or 1, len(targets))) as engine,
            Overview(console, targets, quiet=quiet) as overview,
        ):
            identifier = secrets.token_hex(6)
            rows = [[_job(identifier, targets_file, report_dir, t, options, [*given, *_own(workers, select)])
                     for t in row] for row in in_turn(targets, read_durations(report_dir))]  # fmt: skip
            started, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
            found: dict[str, TargetRun] = {}
            interrupted = False
            going = engine.begin(rows, overview.told)
            while True:
                try:
                    run = going.next()
                except KeyboardInterrupt:
                    if interrupted:
                        raise
                    interrupted = True
                    overview.say("interrupted: runs that go on clean up and report (once more leaves them to sweep)")
                    engine.stop(identifier)
                    continue
                if run is None:
                    break
                found[run.name] = run
                overview.done(run)
        made = FleetRun(
            id=identifier,
            suite=f"emqx-conformance {__version__}",
            scheduler=engine.scheduler,
            workers=engine.workers,
            started_at=started,
            duration_s=round(time.monotonic() - began, 3),
            targets=[found.get(t.name) or TargetRun(t.name, t.base_url, reason=ENDED) for t in targets],
            titles=_titles(),
            interrupted=interrupted,
        )
        _write(made, report_dir)
    except (ConfigurationError, ReportError) as error:
        _end(str(error), USAGE_ERROR)
    except EngineError as error:
        _end(str(error), USAGE_ERROR if error.usage else INCONCLUSIVE)
    except KeyboardInterrupt:
        _end("inconclusive: interrupted", INCONCLUSIVE)
    click.echo(f"{fleet_markdown.headline(made)}\nReport: {report_dir / fleet_html.FILE_NAME}")
    sys.exit(made.exit_code())


def _job(
    fleet_id: str, file: Path, report_dir: Path, target: FleetTarget, options: Mapping[str, Any], given: Sequence[str]
) -> Job:
    rates = [float(rate) for rate in (options.get("max_rps"), target.max_rps) if rate is not None]
    limits = [f"--max-rps={min(rates):g}"] if rates else []
    modes = [f"--{name}" for name in _OF_SWEEP if options.get(name)]
    return Job(
        fleet=fleet_id,
        target=target.name,
        base_url=target.base_url,
        targets_file=str(file.absolute()),
        folder=str((report_dir / target.folder).absolute()),
        options=(*given, *limits),
        sweeping=(*modes, *limits),
    )


def _given(options: Mapping[str, Any]) -> Iterator[str]:
    """The options of each run, as they were given, apart from the rate."""
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "max_rps":
            _rate(value)
        elif value is True:
            yield flag
        elif name in _IS_LIST:
            yield from (f"{flag}={_located(name, member)}" for member in value)
        elif value not in (None, False):
            yield f"{flag}={value}"


def _rate(value: str | None) -> None:
    try:
        if value is not None and not 0 < float(value) < float("inf"):
            raise ValueError
    except ValueError:
        raise ConfigurationError(f"--max-rps: {value!r} is no number above 0") from None


def _located(name: str, value: str) -> str:
    """A file of waivers for whoever runs in another folder; a bare name stands for one that ships with the suite."""
    return str(Path(value).absolute()) if name == "waivers" and Path(value).exists() else value


def _own(workers: int, select: str | None) -> list[str]:
    return [f"--workers={workers}", *([f"--select={select}"] if select else [])]


def _titles() -> dict[str, Any]:
    from conformance.catalogue.registry import known

    return {entry.id: (entry.level, entry.title) for entry in known()}


def _write(made: FleetRun, report_dir: Path) -> None:
    write_atomically(report_dir / FILE_NAME, render_fleet_json(made))
    write_atomically(report_dir / fleet_html.FILE_NAME, fleet_html.render_fleet_html(made))
    write_atomically(report_dir / fleet_markdown.FILE_NAME, fleet_markdown.render_fleet_markdown(made))


def _end(sentence: str, code: int) -> None:
    click.echo(sentence, err=True)
    sys.exit(code)
