"""``emqx-conformance run``: start the controller, hand over to pytest, show progress, print the summary."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

import click
import pytest
from _pytest.mark.expression import Expression
from rich.console import Console
from rich.text import Text

from conformance.commands.output import Screen, sentence
from conformance.commands.selection import arguments_of, collect
from conformance.exit_codes import FINE, FOUND, INCONCLUSIVE, USAGE_ERROR
from conformance.report import github
from conformance.report.errors import UnwritableError
from conformance.report.progress import Progress
from conformance.report.terminal import costs, summary
from conformance.report.text import visible
from conformance.requirements import REQUIREMENTS
from conformance.result import RequirementResult, RunResult
from conformance.run.beginning import StartError
from conformance.run.controller import Controller
from conformance.run.replay import judge, options_of, stored_failure
from conformance.run.workers import is_little, worth
from conformance.target.errors import ConfigurationError


def run_suite(
    options: Mapping[str, Any],
    *,
    workers: int | None,
    select: str | None,
    items: Sequence[str],
    chosen: Mapping[str, Any] | None = None,
    quiet: bool = False,
    durations: int = 0,
) -> int:
    """Run the selected items and return the exit code.

    ``options`` as in `conformance.target.settings.config`, ``chosen`` as in `conformance.run.choice`; ``workers``: None
    for as many as the work is worth; ``durations``: how many of the most expensive items are printed.
    """
    try:
        selected = collect(select, items, chosen or {})
        controller = Controller.start(options, chosen)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        return USAGE_ERROR
    except StartError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    run = PytestRun(controller, arguments_of(select, items), workers, selected, quiet=quiet)
    code = run.execute()
    if controller.result is not None:
        if durations:
            costs(controller.result, run.console, durations)
        summary(controller.result, run.console, controller.written.best(), quiet=quiet)
        tell_github(controller.result)
    return code


def tell_github(result: RunResult) -> None:
    """In a job of GitHub Actions: annotations, and the summary of the job."""
    if github.is_github(os.environ):
        for line in github.workflow_commands(result):
            click.echo(line)
        try:
            github.append_summary(result, os.environ)
        except UnwritableError as error:
            click.echo(f"warning: {error}", err=True)


def replay(options: Mapping[str, Any], name: str, directory: Path) -> int:
    """Repeat a failure of the run in ``directory`` and say whether it is still there.

    Returns 1 if it is, 0 if it is gone, 3 if that cannot be decided, 2 for wrong usage.
    """
    try:
        stored, failure = stored_failure(directory, name)
        if "::test_" not in failure.item:
            click.echo(f"inconclusive: {failure.item} judges a run as a whole: only another run decides it", err=True)
            return INCONCLUSIVE
        controller = Controller.start(options_of(stored, options, directory, os.environ), demanding=False)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        return USAGE_ERROR
    except StartError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    run = PytestRun(controller, arguments_of(None, [failure.item]), 0, quiet=True)
    where = f"{failure.operation}: " if failure.operation else ""
    run.say(f"Failure {failure.id} of {directory}: {where}{failure.message}")
    code = run.execute()
    if controller.result is None or code == USAGE_ERROR:
        return code
    finding = judge(failure, {item.id: item for item in controller.result.items})
    run.say(f"{finding.still.capitalize()}: {finding.why}")
    if finding.failure is not None and finding.failure.curl:
        run.say(finding.failure.curl)
    if finding.still == "undecided":
        return INCONCLUSIVE
    return FOUND if finding.still == "still there" else FINE


class PytestRun:
    """One call of pytest for a controller that has started.

    ``arguments`` and ``selected``, what they select: as in `conformance.commands.selection`.
    """

    def __init__(
        self,
        controller: Controller,
        arguments: Sequence[str],
        workers: int | None,
        selected: Sequence[pytest.Item] | None = None,
        *,
        quiet: bool,
    ) -> None:
        self._controller = controller
        self._quiet = quiet
        self._arguments = arguments
        self._selected = selected
        self.console = Console(file=cast("IO[str]", Screen(sys.stdout, self._lost)))
        for warning in controller.plan.configuration.warnings:
            click.echo(f"warning: {warning}", err=True)
        self._workers = self._worth() if workers is None else workers
        if not quiet:
            self.console.print(Text(controller.headline(self._workers)), soft_wrap=True)

    def _lost(self, error: OSError) -> None:
        self._controller.note(sentence(error))
        with contextlib.suppress(OSError):
            click.echo(sentence(error), err=True)

    def say(self, text: str) -> None:
        self.console.print(Text(visible(text)), soft_wrap=True)

    def execute(self) -> int:
        """Run the items; returns the exit code."""
        controller = self._controller
        progress = Progress(self.console, requirements=_requirements)
        display = Display(controller, None if self._quiet else progress)
        arguments = [
            *self._arguments,
            "-p", "xdist.plugin",
            *(["-n", str(self._workers), "--dist", "worksteal"] if self._workers > 1 else []),
        ]  # fmt: skip
        ended = INCONCLUSIVE
        try:
            ended = int(pytest.main(arguments, plugins=[controller, display]))
        except OSError as error:  # for one, nowhere is room for what pytest keeps in temporary files
            controller.note(f"the run cannot go on: {error}")
        if controller.abandoned is not None:
            return controller.abandoned.exit_code
        if controller.result is None:
            controller.conclude()
        return controller.exit_code() or ended

    def _worth(self) -> int:
        """How many workers the work is worth."""
        plan = self._controller.plan
        if self._selected is not None and is_little(self._controller.number_chosen(self._selected), plan):
            return 0
        return worth(plan)


def is_expression(select: str) -> bool:
    """Whether pytest understands ``select`` as its ``-k``."""
    try:
        Expression.compile(select)
    except SyntaxError:
        return False
    return True


def _requirements() -> list[RequirementResult]:
    """What progress must know of the requirements, as far as their modules have been imported."""
    return [RequirementResult(entry.id, entry.title, entry.level, "not_run", []) for entry in REQUIREMENTS.values()]


class Display:
    """Replaces pytest's own output by a progress display; None: by nothing."""

    def __init__(self, controller: Controller, progress: Progress | None) -> None:
        self._controller = controller
        self._progress = progress
        self._started = False

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.unregister(name="terminalreporter")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._start([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        self._start(ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        if self._started and self._progress is not None:
            self._progress.finish()

    def _start(self, ids: Sequence[str]) -> None:
        if not self._started and ids and self._progress is not None:
            self._started = True
            self._progress.start(len(ids), self._controller.dispatch.remaining(ids))
            self._controller.progress = self._progress
