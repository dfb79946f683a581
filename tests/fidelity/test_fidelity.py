"""The reference deployment shows what the recordings of a live EMQX 5.8.9 show."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fidelity.listed import listed_differences
from tests.fidelity.live import short_reports
from tests.fidelity.recording import load_script, script_names
from tests.fidelity.replay import Difference, replay

MODES = {"strict": True, "default": False}
REQUIRED_EQUAL = 0.98


@pytest.fixture(scope="module", autouse=True)
def _short_reports() -> Iterator[None]:
    with short_reports():
        yield


@pytest.mark.parametrize("name", script_names())
@pytest.mark.parametrize("mode", MODES)
def test_script_differs_only_where_listed(name, mode, record_property):
    outcome = replay(load_script(name), strict=MODES[mode])
    record_property("exchanges", outcome.exchanges)
    record_property("equal", outcome.equal)
    listed = {step for script, step in listed_differences(strict=MODES[mode]) if script == name}
    unlisted = [difference for difference in outcome.differences if difference.step.name not in listed]
    healed = listed - {difference.step.name for difference in outcome.differences}
    assert not unlisted, "\n".join(map(_shown, unlisted))
    assert not healed, f"listed, but no longer different: {sorted(healed)}"


@pytest.mark.parametrize("mode", MODES)
def test_every_listed_step_exists(mode):
    existing = {(name, step.name) for name in script_names() for step in load_script(name).steps if step.compared}
    assert set(listed_differences(strict=MODES[mode])) <= existing


def test_strict_mode_equals_the_recorded_server_often_enough():
    exchanges = sum(step.compared for name in script_names() for step in load_script(name).steps)
    equal = exchanges - len(listed_differences(strict=True))
    assert equal / exchanges >= REQUIRED_EQUAL


def _shown(difference: Difference) -> str:
    return "\n    ".join([f"{difference.step.number} {difference.step.name}", *difference.lines[:5]])
