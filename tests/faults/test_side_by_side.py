"""Items that share what they make do not hide from each other what a target does wrong.

Alone an item makes what it needs, and finds the fault; after others it finds what they left, which the fault may have
made something else. Each of these passed once in a whole run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.deployment import FaultyDeployment
from tests.run.command import environment, report_of, run

HIDDEN_ONCE = {
    "a connector names the actions of its namesakes": ("test_connectors.py::test_name_is_taken_once_per_type",),
}
"""Faults, and the items that run before those that must notice."""


@pytest.mark.parametrize(("name", "before"), HIDDEN_ONCE.items())
def test_a_fault_is_found_after_other_items(name: str, before: tuple[str, ...], tmp_path: Path) -> None:
    seeded = FAULTS[name]
    with FaultyDeployment() as deployment:
        deployment.seed(seeded)
        given = {option.upper(): str(value) for option, value in deployment.options.items() if option != "embedded"}
        items = [f"conformance/scenarios/{item}" for item in before]
        completed = run("run", "-n", "0", *items, *seeded.items, env=environment(**given), cwd=tmp_path)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    report = report_of(tmp_path / "reports")
    assert seeded.missed(report["failures"]) == []
