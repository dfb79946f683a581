"""Lines of a report, pasted into a shell after the run has deleted everything, show the failure again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import paths
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.run.command import environment, report_of, run
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def strict() -> Iterator[EmbeddedDeployment]:
    with start_embedded(strict=True) as deployment:
        yield deployment


def failures_of(strict: EmbeddedDeployment, folder: Path, item: str) -> dict[str, dict[str, Any]]:
    """The failures of one item by their checks."""
    completed = run("run", "-n", "0", item, env=environment(strict, SEED="1"), cwd=folder)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    failures = report_of(folder / "reports")["failures"]
    for failure in failures:
        assert failure["curl"] in completed.stdout, "the terminal must show lines as they can be pasted"
    return {failure["check"]: failure for failure in failures}


def pasted(lines: str, strict: EmbeddedDeployment) -> str:
    """What the last of ``lines`` prints."""
    completed = subprocess.run(
        ["bash", "-ec", lines], env=environment(strict), capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return "HTTP/1.1 " + completed.stdout.split("HTTP/1.1 ")[-1]


def test_failure_of_a_scenario(strict: EmbeddedDeployment, tmp_path: Path) -> None:
    item = "conformance/scenarios/test_actions.py::test_creation_time_is_set_by_the_server"
    lines = failures_of(strict, tmp_path, item)["not_put"]["curl"]
    assert [line.split(" -X ")[1].split()[0] for line in lines.splitlines()] == ["POST", "POST", "PUT", "GET"]
    answer = pasted(lines, strict)
    assert json.loads(answer.partition("\n\n")[2])["created_at"] == 5, "the target keeps what a client says"


def test_failure_of_a_fuzzed_request(strict: EmbeddedDeployment, tmp_path: Path) -> None:
    item = f"conformance/fuzz/test_operations.py::test_boundaries[PUT {paths.RULES_OF_USER}]"
    lines = failures_of(strict, tmp_path, item)["no_server_error"]["curl"]
    assert pasted(lines, strict).startswith("HTTP/1.1 500")
