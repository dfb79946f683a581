"""One session of the suite that runs the items of many faults, each under its fault.

``python -m tests.faults.session FILE [SETTING]...`` reads the names of the faults as a JSON list from its standard
input, configures the deployment (``authorization.no_match=deny``), and writes one JSON line per fault and item to FILE:
``{"name", "item", "result"}``, with the result as in the report. Every item also runs once without a fault; its line
has the name null.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Generator, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

import pytest
from _pytest.runner import runtestprotocol

from conformance.commands.selection import arguments_of
from conformance.fuzz.effects import Effects
from conformance.result import ItemResult
from conformance.run.controller import Controller
from conformance.run.item_life import REPORT_KEY, ItemRunner
from conformance.target.timing import BOUNDS, Timing
from conformance.worker.context import STOPPED, state_folder
from tests.faults.catalogue import FAULTS
from tests.faults.deployment import FaultyDeployment
from tests.faults.seeded import Seeded

SEED = 7
# A fault often shows by something that never comes. Everything here is in one process, where it would come at once, so
# no item waits long: a second, or more on a machine under load, as many times as long as an exchange takes. One that
# cannot pass in a hurry proves nothing in a hurry: all its faults are given the time they ask for. So is a fault of
# which something else is found than what is declared, and more than that if it still is.
HURRY_S = 1.0
HURRY_IN_EXCHANGES = 100
ASKED_FOR = (0.0, float("inf"))
MORE = (30.0, float("inf"))
# Of the answers themselves a machine under load decides.
EFFECTS = set(BOUNDS) - {"connected", "silence", "heartbeat", "recovered", "throttled", "inventory"}


class FaultSwitch:
    """Pytest hooks that run an item once per fault, and the fault with it."""

    def __init__(self, deployment: FaultyDeployment, faults: Iterable[Seeded], output: IO[str]) -> None:
        self._deployment = deployment
        self._output = output
        self._faults_of: dict[str, list[Seeded]] = defaultdict(list)
        self._active: Seeded | None = None
        self._result: dict[str, Any] = {}
        for seeded in faults:
            for item in seeded.items:
                self._faults_of[item].append(seeded)

    @property
    def items(self) -> list[str]:
        """Node ids of all items to run."""
        return list(self._faults_of)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        passes_in_a_hurry = self._run(item, None, self._hurry())
        if not passes_in_a_hurry and not self._run(item, None, ASKED_FOR):
            self._run(item, None, MORE)
        self._write(item, None)
        for seeded in self._faults_of[item.nodeid]:
            found = passes_in_a_hurry and self._run(item, seeded, self._hurry())
            if not found and not self._run(item, seeded, ASKED_FOR):
                self._run(item, seeded, MORE)
            self._write(item, seeded)
        return True

    def _hurry(self) -> tuple[float, float]:
        return 0.0, max(HURRY_S, HURRY_IN_EXCHANGES * self._deployment.exchange_s())

    def _as_declared(self, seeded: Seeded | None) -> bool:
        if seeded is None:
            return self._result.get("outcome") == "passed"
        failures = [failure for failure in self._result["failures"] if failure["consequence_of"] is None]
        if not failures or seeded.unexpected(failures):
            return False
        return len(seeded.items) > 1 or not seeded.missed(failures)

    def _run(self, item: pytest.Item, seeded: Seeded | None, bounds_s: tuple[float, float]) -> bool:
        """Run an item under a fault with waits within bounds; returns whether what was found is what must be."""
        self._active = seeded
        runner = item.config.pluginmanager.get_plugin("conformance-items")
        assert isinstance(runner, ItemRunner)
        runner.context.api.timing = _within(runner.context.configuration.bounds, *bounds_s)
        Effects.of(runner.context).forget()  # the deployment is another one
        item.stash = pytest.Stash()
        runtestprotocol(item, log=True, nextitem=None)
        runner.lost = None  # what ends a run must not end those of the other faults
        (state_folder(runner.context.configuration, runner.context.plan.run_id) / STOPPED).unlink(missing_ok=True)
        return self._as_declared(seeded)

    def _write(self, item: pytest.Item, seeded: Seeded | None) -> None:
        name = seeded.name if seeded else None
        self._output.write(json.dumps({"name": name, "item": item.nodeid, "result": self._result}) + "\n")
        self._output.flush()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        if self._active is not None:
            self._deployment.seed(self._active)

    # Innermost: after the fault is lifted and the deployment renewed, the suite cleans up what is not there any more.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None]:
        self._deployment.lift()
        try:
            return (yield)
        finally:
            self._deployment.renew()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result: ItemResult | None = getattr(report, REPORT_KEY, None)
        self._result = self._result if result is None else asdict(result)


def _within(timing: Timing, least_s: float, longest_s: float) -> Timing:
    return replace(timing, **{name: min(max(getattr(timing, name), least_s), longest_s) for name in EFFECTS})


def run(names: list[str], output: IO[str], settings: Iterable[str] = ()) -> None:
    """Run the items of the named faults, against a deployment with ``settings``."""
    with tempfile.TemporaryDirectory() as folder, FaultyDeployment(settings) as deployment:
        switch = FaultSwitch(deployment, [FAULTS[name] for name in names], output)
        options = {**deployment.options, "seed": SEED, "report_dir": folder}
        controller = Controller.start(options)
        # Other tracebacks read the sources anew for every failure.
        pytest.main([*arguments_of(None, switch.items), "-q", "--tb=native"], plugins=[controller, switch])


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", encoding="utf-8") as file:
        run(json.load(sys.stdin), file, sys.argv[2:])
