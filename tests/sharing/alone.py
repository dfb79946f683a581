"""A run in which no item finds what another one has made: each gets a deployment of its own.

What its items write is what they pay where nobody has made what they share (`benchmarks.item_costs`); that all of them
pass shows that each makes what it needs. It takes one process about three minutes.

Run: python -m tests.sharing.alone DIR [ITEM...]
"""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

from conformance.commands.selection import arguments_of
from conformance.fuzz.effects import Effects
from conformance.run.controller import Controller
from conformance.run.item_life import ItemRunner
from tests.faults.deployment import FaultyDeployment


class Renewal:
    """Pytest hooks that put a new deployment in the place of the one that an item has used."""

    def __init__(self, deployment: FaultyDeployment) -> None:
        self._deployment = deployment

    # Outermost: by then the suite has cleaned up behind the item, which counts.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        try:
            return (yield)
        finally:
            runner = item.config.pluginmanager.get_plugin("conformance-items")
            assert isinstance(runner, ItemRunner)
            self._deployment.renew()
            runner.context.journal.gone(list(runner.context.journal))
            Effects.of(runner.context).forget()


def main(directory: str, items: list[str]) -> int:
    with FaultyDeployment() as deployment:
        controller = Controller.start({**deployment.options, "report_dir": directory, "seed": 1})
        return int(pytest.main(arguments_of(None, items), plugins=[controller, Renewal(deployment)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
