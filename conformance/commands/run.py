"""``emqx-conformance run``: start the controller, hand over to pytest, show progress, print the summary."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any, cast

import click
import pytest
from _pytest.mark.expression import Expression
from rich.console import Console
from rich.text import Text

from conformance.commands.output import Screen, sentence
from conformance.exit_codes import INCONCLUSIVE
from conformance.report.progress import Progress
from conformance.report.terminal import summary
from conformance.run.beginning import StartError
from conformance.run.controller import Controller
from conformance.run.node_ids import PACKAGE, located, packages


def run_suite(options: Mapping[str, Any], *, workers: int, select: str | None, items: Sequence[str]) -> int:
    """Run the selected items and return the exit code; ``options`` as in `conformance.target.settings.config`."""
    try:
        controller = Controller.start(options)
    except StartError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    for warning in controller.plan.configuration.warnings:
        click.echo(f"warning: {warning}", err=True)

    def lost(error: OSError) -> None:
        controller.note(sentence(error))
        with contextlib.suppress(OSError):
            click.echo(sentence(error), err=True)

    console = Console(file=cast("IO[str]", Screen(sys.stdout, lost)))
    console.print(Text(controller.headline()), soft_wrap=True)
    arguments = [
        *(located(item) for item in items or packages()),
        "-c", str(PACKAGE / "suite.ini"),
        "--rootdir", str(PACKAGE.parent),
        "--confcutdir", str(PACKAGE),
        "-p", "conformance.plugin",
        "-p", "xdist.plugin",
        "-p", "allure_pytest.plugin",
        "--alluredir", str(controller.plan.configuration.report_dir / "allure-results"),
        "--clean-alluredir",
        *(["-n", str(workers), "--dist", "worksteal"] if workers > 1 else []),
        *(["-k", select] if select else []),
    ]  # fmt: skip
    os.environ.pop("PYTEST_ADDOPTS", None)
    # Plugins that happen to be installed are not for the items, and loading them is most of a worker's start.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # Hypothesis keeps notes on the modules it finds: not in whatever folder the user is in.
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(controller.plan.configuration.report_dir / ".hypothesis")
    ended = INCONCLUSIVE
    try:
        ended = int(pytest.main(arguments, plugins=[controller, Display(controller, Progress(console))]))
    except OSError as error:  # for one, nowhere is room for what pytest keeps in temporary files
        controller.note(f"the run cannot go on: {error}")
    if controller.abandoned is not None:
        return controller.abandoned.exit_code
    if controller.result is None:
        controller.conclude()
    assert controller.result is not None
    summary(controller.result, console, controller.written.best())
    return controller.exit_code() or ended


def is_expression(select: str) -> bool:
    """Whether pytest understands ``select`` as its ``-k``."""
    try:
        Expression.compile(select)
    except SyntaxError:
        return False
    return True


class Display:
    """Replaces pytest's own output by a progress display."""

    def __init__(self, controller: Controller, progress: Progress) -> None:
        self._controller = controller
        self._progress = progress
        self._started = False

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.unregister(name="terminalreporter")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._start(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        self._start(len(ids))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        if self._started:
            self._progress.finish()

    def _start(self, total: int) -> None:
        if not self._started and total:
            self._started = True
            self._progress.start(total)
            self._controller.progress = self._progress
