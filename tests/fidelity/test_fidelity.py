"""The reference deployment shows what the recordings of a live EMQX 5.8.9 show."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import get_args

import pytest

from tests.fidelity.listed import Mode, differences_by_chance, listed_differences
from tests.fidelity.live import reports_on_demand
from tests.fidelity.recording import load_script, script_names
from tests.fidelity.replay import Difference, Outcome, replay

MODES = get_args(Mode)
REQUIRED_EQUAL = 0.98
WORKERS = 6


Replays = Callable[[Mode, str], Outcome]


@pytest.fixture(scope="module")
def replayed(request: pytest.FixtureRequest) -> Iterator[Replays]:
    """Replays a script in a mode. A script mostly waits, so those of all selected tests are begun at once."""
    pool = ThreadPoolExecutor(WORKERS)

    @functools.cache
    def begun(mode: Mode, name: str) -> Future[Outcome]:
        return pool.submit(replay, load_script(name), mode)

    with reports_on_demand():
        if not hasattr(request.config, "workerinput"):  # a worker of pytest-xdist runs only some of the tests
            for item in request.session.items:
                if "replayed" in getattr(item, "fixturenames", ()):
                    parameters = item.callspec.params  # type: ignore[attr-defined]
                    begun(parameters["mode"], parameters["name"])
        yield lambda mode, name: begun(mode, name).result()
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", script_names())
@pytest.mark.parametrize("mode", MODES)
def test_script_differs_only_where_listed(name, mode, replayed, record_property):
    outcome = replayed(mode, name)
    record_property("exchanges", outcome.exchanges)
    record_property("equal", outcome.equal)
    listed = {step for script, step in listed_differences(mode) if script == name}
    unlisted = [difference for difference in outcome.differences if difference.step.name not in listed]
    at_times = {step for script, step in differences_by_chance(mode) if script == name}
    healed = listed - at_times - {difference.step.name for difference in outcome.differences}
    assert not unlisted, "\n".join(map(_shown, unlisted))
    assert not healed, f"listed, but no longer different: {sorted(healed)}"


@pytest.mark.parametrize("mode", MODES)
def test_every_listed_step_exists(mode):
    existing = {(name, step.name) for name in script_names() for step in load_script(name).steps if step.compared}
    assert set(listed_differences(mode)) <= existing


def test_recorded_traits_equal_the_recorded_server_often_enough():
    exchanges = sum(step.compared for name in script_names() for step in load_script(name).steps)
    equal = exchanges - len(listed_differences("recorded"))
    assert equal / exchanges >= REQUIRED_EQUAL


def _shown(difference: Difference) -> str:
    return "\n    ".join([f"{difference.step.number} {difference.step.name}", *difference.lines[:5]])
