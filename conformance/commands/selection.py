"""What a selection comes to, found out before anything is sent: what does not exist is told first, in one sentence."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import pytest

from conformance.run.choice import check_requirements
from conformance.run.node_ids import PACKAGE, located, packages
from conformance.target.errors import ConfigurationError

_NARROWING = ("requirement", "operation", "tag", "last_failed")


def arguments_of(select: str | None, items: Sequence[str]) -> list[str]:
    """What pytest is called with to collect ``items``, or the whole suite, as far as ``select`` (``-k``) matches."""
    os.environ.pop("PYTEST_ADDOPTS", None)
    # Plugins that happen to be installed are not for the items, and loading them is most of a worker's start.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return [
        *(located(item) for item in items or packages()),
        "-c", str(PACKAGE / "suite.ini"),
        "--rootdir", str(PACKAGE.parent),
        "--confcutdir", str(PACKAGE),
        "-p", "conformance.plugin",
        *(["-k", select] if select else []),
    ]  # fmt: skip


def collect(select: str | None, items: Sequence[str], chosen: Mapping[str, Any]) -> list[pytest.Item] | None:
    """The items of a selection, None where it is the whole suite, which is not collected for that.

    ``chosen``: as in `conformance.run.choice`, which narrows it further. Raises `ConfigurationError` for an item or a
    requirement that does not exist, and where nothing is selected.
    """
    if not (select or items or any(chosen.get(name) for name in _NARROWING)):
        return None
    collection = _Collection(tuple(chosen.get("requirement") or ()))
    with contextlib.suppress(OSError):  # the run itself tells what is wrong
        pytest.main([*arguments_of(select, items), "--collect-only"], plugins=[collection])
    if collection.problem is not None:
        raise ConfigurationError(collection.problem)
    return collection.items


class _Collection:
    """Plugin of a session that collects, silently."""

    def __init__(self, requirements: Sequence[str]) -> None:
        self._requirements = requirements
        self.items: list[pytest.Item] | None = None
        self.problem: str | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.unregister(name="terminalreporter")

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        try:
            check_requirements(self._requirements)
            return (yield)
        except ConfigurationError as error:
            self.problem = str(error)
        except pytest.UsageError as error:
            told = (str(each).partition("\n")[0] for each in error.args)
            self.problem = "; ".join(told).replace(f"{PACKAGE.parent}{os.sep}", "")
        pytest.exit(self.problem)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = session.items
        if not self.items and not session.testsfailed:
            self.problem = "the selection matches no item"
