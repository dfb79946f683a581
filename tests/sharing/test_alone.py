"""Items share what they make, and none needs another one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.run.node_ids import PACKAGE
from tests.run.command import environment, report_of

SOME = [
    "conformance/scenarios/test_lists.py::test_hasnext_is_exact[GET /rules]",
    "conformance/fuzz/test_operations.py::test_positive[GET /actions/{id}/metrics]",
    "conformance/fuzz/test_operations.py::test_positive[PUT /connectors/{id}-mqtt]",
]


def report_of_each_alone(folder: Path, *items: str) -> dict[str, object]:
    command = [sys.executable, "-m", "tests.sharing.alone", str(folder), *items]
    completed = subprocess.run(
        command, env=environment(), cwd=PACKAGE.parent, text=True, capture_output=True, check=False
    )
    assert completed.returncode == 0, completed.stdout[-4000:] + completed.stderr[-2000:]
    return report_of(folder)


def test_each_item_makes_what_it_needs(tmp_path: Path) -> None:
    totals = report_of_each_alone(tmp_path, *SOME)["totals"]
    assert isinstance(totals, dict)
    assert totals["passed"] >= len(SOME)
    wrote = totals["config_writes"]["by_item"]
    assert [item for item in SOME if not wrote.get(item)] == [], "each has made something"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_every_item_makes_what_it_needs(tmp_path: Path) -> None:
    assert report_of_each_alone(tmp_path)["verdict"] == "conformant"
