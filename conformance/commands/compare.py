"""``emqx-conformance compare``: the same seeded requests to two targets, and where their answers differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from conformance.commands.options import compare_options, part_options
from conformance.commands.run import PytestRun, is_expression
from conformance.commands.selection import arguments_of, collect
from conformance.exit_codes import FINE, FOUND, INCONCLUSIVE, USAGE_ERROR
from conformance.report.behaviour import FILES, BehaviourComparison, compare_behaviour, read_behaviour, steady
from conformance.report.behaviour_formats import BEHAVIOUR_FORMATS, Compared, Side
from conformance.report.errors import ReportError
from conformance.report.files import write_atomically
from conformance.report.writers import remove_reports
from conformance.result import RunResult
from conformance.run.beginning import StartError
from conformance.run.controller import Controller
from conformance.target.errors import ConfigurationError
from conformance.target.settings.config import load_configuration
from conformance.target.settings.options import (
    AGAINST,
    AGAINST_VARIABLE,
    AGAINST_VARIABLES,
    CHOICES,
    ENVIRONMENT_PREFIX,
)

_SECRETS = ("api_secret", "token")
_OF_ONE_TARGET = ("base_url", "api_key", "api_secret", "api_secret_file", "token", "token_file", "viewer_key",
                  "viewer_secret", "viewer_secret_file", "publisher_key", "publisher_secret", "publisher_secret_file",
                  "mqtt", "ca_bundle", "target")  # fmt: skip
"""Fields that describe the first target alone; everything else is meant for both."""
FOLDER = Path("reports", "compare")
AGAIN = "again"
"""Where in the folder of a target its second run reports, of the items that saw a difference."""


@dataclass(frozen=True, slots=True)
class Request:
    """How one target is asked: options and environment of its run."""

    options: Mapping[str, Any]
    environment: Mapping[str, str]
    directory: Path


def _against_options(command: Any) -> Any:
    for field, (metavar, told) in reversed(list(AGAINST.items())):
        variable = f"{AGAINST_VARIABLE}_{field.upper()}"
        secret = variable.removesuffix("_FILE")
        also = f" or {secret}" if field.endswith("_file") else ""
        flag = f"--against-{field.replace('_', '-')}"
        command = click.option(flag, f"against_{field}", metavar=metavar, help=f"{told} [{variable}{also}]")(command)
    return command


@click.command(short_help="Ask two targets the same, tell the differences.")
@click.option("--against", metavar="URL|NAME",
              help=f"The other target: its URL, or its name in targets.toml. [{AGAINST_VARIABLE}]")  # fmt: skip
@_against_options
@part_options
@click.option("-k", "--select", metavar="EXPRESSION", help="Only items whose names match, as in pytest -k.")
@click.option("-n", "--workers", type=click.IntRange(0, 64), metavar="N", help="Worker processes of each run.")
@click.option("--format", "form", type=click.Choice(list(BEHAVIOUR_FORMATS)), default="text", show_default=True,
              help="How to tell the result; compare.json and compare.html are written anyway.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Print the result alone.")
@compare_options
@click.argument("items", nargs=-1, metavar="[ITEM]...")
def compare(
    against: str | None, select: str | None, workers: int | None, form: str, quiet: bool, items: tuple[str, ...],
    **options: Any,
) -> None:  # fmt: skip
    """Send the same seeded requests to two targets, and tell where status, code or shape of the answers differ.

    For upgrades: --base-url or --target names the deployment as it is, --against the one that is to replace it. Both
    get a run of the suite each, one after the other, with the contract and the seed of the first, guarded, journalled
    and cleaned up like every run. Names of the run, ids, times, nodes, addresses and the order of keys make no
    difference, nor does what others created. What differs is asked once more, and told as unsteady unless it differs
    again. Options that are not about one target hold for both.

    Exit codes: 0 the same, 1 different, 2 wrong usage or configuration, 3 could not be decided.
    """
    chosen = {option.field: options.pop(option.field) for option in CHOICES if option.field in options}
    other = {field: options.pop(f"against_{field}") for field in AGAINST}
    if select is not None and not is_expression(select):
        raise click.UsageError(f"--select: {select!r} is no expression of names with and, or, not and parentheses")
    try:
        one, two = _requests(options, against, other, os.environ)
        comparison = _Comparison(select, workers, chosen, quiet=quiet or form != "text")
        sys.exit(comparison.execute(one, two, items, form))
    except (ConfigurationError, ReportError) as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE_ERROR)
    except StartError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("inconclusive: interrupted", err=True)
        sys.exit(INCONCLUSIVE)


def _requests(
    options: Mapping[str, Any], against: str | None, other: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[Request, Request]:
    """How both targets are asked; raises `ConfigurationError` before anything is sent."""
    against = against or environment.get(AGAINST_VARIABLE)
    if not against:
        raise ConfigurationError("compare needs another target: --against URL, or its name in targets.toml")
    shared = {name: value for name, value in environment.items() if name not in (AGAINST_VARIABLE, *AGAINST_VARIABLES)}
    folder = Path(options.get("report_dir") or environment.get(f"{ENVIRONMENT_PREFIX}REPORT_DIR") or FOLDER)
    first = Request({**options, "behaviour": True, "report_dir": str(folder / "a")}, shared, folder / "a")
    own = {f"{ENVIRONMENT_PREFIX}{field.upper()}" for field in _OF_ONE_TARGET}
    theirs = {name: value for name, value in shared.items() if name not in own}
    theirs |= {
        f"{ENVIRONMENT_PREFIX}{field.upper()}": environment[name]
        for name, field in AGAINST_VARIABLES.items()
        if environment.get(name) and not other.get(field)
    }
    for secret in _SECRETS:  # an option goes before a variable, also where one names a file and the other the secret
        if other.get(f"{secret}_file"):
            theirs.pop(f"{ENVIRONMENT_PREFIX}{secret.upper()}", None)
    told = {name: value for name, value in options.items() if name not in _OF_ONE_TARGET}
    told |= {field: value for field, value in other.items() if value}
    told["base_url" if "://" in against else "target"] = against
    second = Request({**told, "behaviour": True, "report_dir": str(folder / "b")}, theirs, folder / "b")
    for request, flag in ((first, "--base-url or --target"), (second, "--against")):
        if load_configuration(request.options, request.environment).base_url is None:
            raise ConfigurationError(f"compare needs two targets: {flag} names none")
    return first, second


class _Comparison:
    """Two runs, and once more those items that saw a difference."""

    def __init__(self, select: str | None, workers: int | None, chosen: Mapping[str, Any], *, quiet: bool) -> None:
        self._select = select
        self._workers = workers
        self._chosen = chosen
        self._quiet = quiet

    def execute(self, one: Request, two: Request, items: Sequence[str], form: str) -> int:
        """Ask both targets, write the result and print it as ``form``; returns the exit code."""
        sides: list[Side] = []
        again: list[str] = []
        result = BehaviourComparison()
        unsteady: list[Any] = []
        for request in (one, two):
            remove_reports(request.directory / AGAIN)
        first = self._ask(one, items, sides, {})
        if first is not None:
            same = {"seed": ",".join(map(str, first.seeds)), "emqx_version": first.described_version}
            if self._ask(two, items, sides, same) is not None:
                result = compare_behaviour(read_behaviour(one.directory), read_behaviour(two.directory))
                again = result.concerned
            if again:
                self._say(f"{len(again)} items saw a difference and run once more")
                repeated = self._repeat(one, two, again, same)
                result.differences, unsteady = steady(result, repeated)
        compared = Compared(result, unsteady, sides, one.directory.parent)
        for name in ("json", "html"):
            write_atomically(compared.folder / f"compare.{name}", BEHAVIOUR_FORMATS[name](compared))
        click.echo(BEHAVIOUR_FORMATS[form](compared), nl=False)
        if result.differences:
            return FOUND
        return FINE if compared.decided else INCONCLUSIVE

    def _repeat(self, one: Request, two: Request, items: Sequence[str], same: Mapping[str, Any]) -> BehaviourComparison:
        found = []
        for request in (one, two):
            directory = request.directory / AGAIN
            options = {**request.options, "report_dir": str(directory)}
            if self._ask(Request(options, request.environment, directory), items, [], same, select=False) is None:
                return compare_behaviour(read_behaviour(one.directory), read_behaviour(two.directory))
            found.append(read_behaviour(directory))
        return compare_behaviour(*found)

    def _ask(
        self, request: Request, items: Sequence[str], sides: list[Side], same: Mapping[str, Any], *, select: bool = True
    ) -> RunResult | None:
        """Run the suite against one target; None if that came to no end that can be compared."""
        chosen, expression = (self._chosen, self._select) if select else ({}, None)
        selected = collect(expression, items, chosen)
        request.directory.mkdir(parents=True, exist_ok=True)
        for old in request.directory.glob(FILES):
            old.unlink()
        options = {**request.options, **{name: value for name, value in same.items() if value}}
        controller = Controller.start(options, chosen, request.environment)
        run = PytestRun(controller, arguments_of(expression, items), self._workers, selected, quiet=self._quiet)
        code = run.execute()
        result = controller.result
        if result is None or code == USAGE_ERROR:
            raise StartError("; ".join(controller.gathered.troubles) or "the run could not start", code or INCONCLUSIVE)
        sides.append(Side(result))
        return None if result.verdict == "inconclusive" else result

    def _say(self, text: str) -> None:
        if not self._quiet:
            click.echo(text)
