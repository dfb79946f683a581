"""The command line, ``emqx-conformance``: the commands of a run, and where the others are."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from conformance import __version__, why_not_here
from conformance.commands.lazy_group import LazyGroup
from conformance.commands.options import choice_options, sweep_options, target_options
from conformance.commands.output import give_up
from conformance.exit_codes import INCONCLUSIVE, USAGE_ERROR
from conformance.target.errors import ConfigurationError, is_of_disk
from conformance.target.settings.options import CHOICES

# A run must not wait for jsonschema or rich.
_ELSEWHERE = {
    "compare": ("conformance.commands.compare", "compare"),
    "defects": ("conformance.commands.defects", "defects"),
    "spec": ("conformance.commands.spec", "spec"),
    "report": ("conformance.commands.report", "report"),
    "fleet": ("conformance.commands.fleet", "fleet"),
    "diff": ("conformance.commands.report", "diff"),
    "wait": ("conformance.commands.wait", "wait"),
    "new-scenario": ("conformance.commands.new_scenario", "new_scenario"),
}


class Commands(LazyGroup):
    """All commands; no exit code says what a full disk did."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        if (reason := why_not_here()) is not None:
            click.echo(reason, err=True)
            sys.exit(USAGE_ERROR)
        try:
            return super().main(*arguments, **options)
        except OSError as error:  # not even what is wrong with the usage can be told
            give_up(error, INCONCLUSIVE)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if not _is_caused_by_disk(error):
                raise
            error.show()
            ctx.exit(INCONCLUSIVE)
        except OSError as error:
            if not is_of_disk(error) and error.errno != errno.EPIPE:
                raise
            give_up(error, INCONCLUSIVE)


def _tell_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    from conformance.contract.loading import load_contract

    contract = load_contract()
    click.echo(f"emqx-conformance, version {__version__}")
    click.echo(f"{contract.variant} contract of EMQX {contract.version}, {contract.digest}")
    ctx.exit()


@click.group(cls=Commands, elsewhere=_ELSEWHERE, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_tell_version,
              help="Print the versions of the suite and of its contract.")  # fmt: skip
def main() -> None:
    """Decide whether a deployment keeps the EMQX Dedicated REST API v5 contract.

    Exit codes: 0 conformant (also with waivers, or partial on the user's word), 1 non-conformant, 2 wrong usage or
    configuration, 3 inconclusive, or partial because something demanded could not be decided.
    """


def _is_caused_by_disk(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError):
            return is_of_disk(error)
        error = error.__cause__
    return False


@main.command(short_help="Run the suite against a target.")
@choice_options
@click.option("-k", "--select", metavar="EXPRESSION", help="Only items whose names match, as in pytest -k.")
@click.option(
    "--replay",
    metavar="FAILURE",
    help="Repeat a failure or cause of the run in REPORT_DIR (reports/), by its id: is it still there?",
)
@click.option(
    "-n",
    "--workers",
    metavar="N|auto",
    help="Worker processes; 0 runs in one. Default: auto, 2 for the embedded deployment, a sample and reads, 4 for a "
    "server nearby, up to 8 for one far away, and 0 where there is little to do.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the verdict and the gravest causes.")
@click.option(
    "--durations",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Also print the N items that cost the target most: writes of its configuration, requests, seconds.",
)
@target_options
@click.argument("items", nargs=-1, metavar="[ITEM]...")
def run(
    workers: str | None,
    select: str | None,
    items: tuple[str, ...],
    replay: str | None,
    quiet: bool,
    durations: int,
    **options: Any,
) -> None:
    """Run the suite, against the embedded reference deployment unless --base-url names a target.

    ITEM selects by id, as printed in reports: "conformance/fuzz/test_operations.py::test_positive[GET /rules]". With
    --replay it is REPORT_DIR, and the exit codes are 1 still there, 0 gone, 3 cannot be decided.

    Options that describe the target and the run can be given as environment variables, too; NO_COLOR is respected.
    """
    chosen = {option.field: options.pop(option.field) for option in CHOICES}
    try:
        from conformance.commands.run import is_expression, run_suite
        from conformance.commands.run import replay as repeat

        if workers == "auto":
            workers = None
        if workers is not None and (not workers.isdecimal() or int(workers) > 64):
            raise click.UsageError(f"--workers: {workers!r} is neither a number from 0 to 64 nor auto")
        if select is not None and not is_expression(select):
            raise click.UsageError(f"--select: {select!r} is no expression of names with and, or, not and parentheses")
        if replay is not None:
            if select is not None or any(chosen.values()) or len(items) > 1:
                raise click.UsageError("--replay repeats one failure: it goes with REPORT_DIR, and with no selection")
            sys.exit(repeat(options, replay, Path(items[0]) if items else Path("reports")))
        count = int(workers) if workers is not None else None
        sys.exit(
            run_suite(
                options, workers=count, select=select, items=items, chosen=chosen, quiet=quiet, durations=durations
            )
        )
    except KeyboardInterrupt:
        click.echo("inconclusive: interrupted", err=True)
        sys.exit(INCONCLUSIVE)


@main.command(short_help="Run the reference deployment alone.")
@click.option("--http", default="127.0.0.1:18083", show_default=True, metavar="HOST:PORT", help="REST listener.")
@click.option("--mqtt", default="127.0.0.1:1883", show_default=True, metavar="HOST:PORT", help="MQTT listener.")
@click.option(
    "--ws",
    default="127.0.0.1:8083",
    show_default=True,
    metavar="HOST:PORT",
    help="Listener for MQTT over WebSocket, with --setting listeners.ws.default.enable=true.",
)
@click.option("--api-key", required=True, metavar="KEY", help="API key that is accepted.")
@click.option("--api-secret-file", required=True, metavar="FILE", help="File that holds its secret.")
@click.option("--token-file", metavar="FILE", help="File that holds a bearer token to accept as well.")
@click.option(
    "--defects",
    default="none",
    show_default=True,
    metavar="real|quirks|none|NAME,...",
    help="Defects to have: all that the version has, only what it does its own way, none, or those of these "
    "names (see emqx-conformance defects).",
)
@click.option("--allow-egress", is_flag=True, help="Let connectors contact hosts beyond loopback.")
@click.option(
    "--config-write-latency", type=float, default=0.0, metavar="S", help="Seconds a configuration write takes."
)
@click.option("--emqx-version", default="5.8.9", show_default=True, metavar="V", help="Version to stand in for.")
@click.option("--nodes", type=click.IntRange(1, 8), default=1, show_default=True, help="Nodes of the cluster.")
@click.option(
    "--replication-delay", type=float, default=0.0, metavar="S", help="Seconds after which a node sees others' writes."
)
@click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of EMQX's own configuration, such as authorization.no_match=deny; may be repeated.",
)
def serve(**options: Any) -> None:
    """Run the reference deployment alone, until it is interrupted. Port 0 picks a free one."""
    from conformance.commands.serve import serve_alone

    _exit_on_error(lambda: serve_alone(**options))


@main.command(short_help="Print what is checked.")
@click.option("--format", "form", type=click.Choice(["text", "md", "json", "needs"]), default="text", show_default=True)
def requirements(form: str) -> None:
    """Print the catalogue of requirements, generated from the tests.

    md and json also tell what is required of each operation, json and needs what each requirement needs.
    """
    from conformance.catalogue import needs_document
    from conformance.catalogue.document import as_data, as_markdown, as_text
    from conformance.catalogue.registry import catalogue
    from conformance.contract import load_contract

    try:
        entries = list(catalogue())
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE_ERROR)
    if form == "json":
        click.echo(json.dumps(as_data(entries, load_contract()), indent=2, ensure_ascii=False))
    elif form == "md":
        click.echo(as_markdown(entries, load_contract()), nl=False)
    elif form == "needs":
        click.echo(needs_document.as_markdown(entries), nl=False)
    else:
        click.echo(as_text(entries))


@main.command(short_help="Print which values a run must send.")
@click.option("--format", "form", type=click.Choice(["text", "md", "json"]), default="text", show_default=True)
def coverage(form: str) -> None:
    """Print the value classes of the contract, which a run must reach; md counts them and tells what none reaches."""
    from conformance.catalogue.coverage_document import as_data, as_markdown, as_text
    from conformance.contract import load_contract

    contract = load_contract()
    if form == "json":
        click.echo(json.dumps(as_data(contract), indent=2, ensure_ascii=False))
    elif form == "md":
        click.echo(as_markdown(contract), nl=False)
    else:
        click.echo(as_text(contract))


@main.command(short_help="Delete what crashed runs left, and only that.")
@sweep_options
@click.option(
    "--journal", type=click.Path(path_type=Path), metavar="FILE", help="Journal of a crashed run, or its report folder."
)
@click.option("--prefix", metavar="PREFIX", help="Names to look for, at least as specific as cft-.")
@click.option("--older-than", metavar="DURATION", default="2h", show_default=True, help="With --prefix: minimum age.")
@click.option("--any-target", is_flag=True, help="With --journal: also one that was written for another base URL.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, delete nothing.")
def sweep(
    journal: Path | None, prefix: str | None, older_than: str, any_target: bool, dry_run: bool, **options: Any
) -> None:
    """Delete what crashed runs left on a target, and only that."""
    from conformance.commands.sweep import sweep_target

    _exit_on_error(
        lambda: sys.exit(sweep_target(options, journal, prefix, older_than, dry_run=dry_run, any_target=any_target))
    )


def _exit_on_error(action: Callable[[], Any]) -> None:
    try:
        action()
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE_ERROR)


if __name__ == "__main__":
    main()
