"""Lines of a report, pasted into a shell after the run has cleaned up, show the failure again, or say why not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import paths
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.result import Failure
from tests.faults.deployment import FaultyDeployment
from tests.faults.proxy import FaultProxy
from tests.faults.seeded import EMPTY, swallow
from tests.recorded import RECORDED
from tests.run.command import RUN_PATIENCE_S, environment, report_of, run
from tests.run.full_runs import run_against_recorded_server, stored_run
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.nightly, pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")]


@pytest.fixture(scope="module")
def recorded() -> Iterator[EmbeddedDeployment]:
    with start_embedded(traits=RECORDED) as deployment:
        yield deployment


def failures_of(recorded: EmbeddedDeployment, folder: Path, item: str) -> dict[str, dict[str, Any]]:
    """The failures of one item by their checks."""
    completed = run("run", "-n", "0", item, env=environment(recorded, SEED="1"), cwd=folder)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    report = report_of(folder / "reports")
    failures = report["failures"]
    leads = [cause["failures"][0] for cause in report["causes"]]
    for failure in failures:
        if failure["id"] in leads:
            assert failure["curl"] in completed.stdout, "the terminal must show lines as they can be pasted"
    return {failure["check"]: failure for failure in failures}


def pasted(lines: str, recorded: EmbeddedDeployment) -> str:
    """What the last of ``lines`` prints."""
    completed = subprocess.run(
        ["bash", "-ec", lines],
        env=environment(recorded),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return "HTTP/1.1 " + completed.stdout.split("HTTP/1.1 ")[-1]


def test_failure_of_a_scenario(recorded: EmbeddedDeployment, tmp_path: Path) -> None:
    item = "conformance/scenarios/test_actions.py::test_creation_time_is_set_by_the_server"
    lines = failures_of(recorded, tmp_path, item)["not_put"]["curl"]
    assert [line.split(" -X ")[1].split()[0] for line in lines.splitlines()] == ["POST", "POST", "PUT", "GET"]
    answer = pasted(lines, recorded)
    assert json.loads(answer.partition("\n\n")[2])["created_at"] == 5, "the target keeps what a client says"


def test_failure_of_a_fuzzed_request(recorded: EmbeddedDeployment, tmp_path: Path) -> None:
    item = f"conformance/fuzz/test_operations.py::test_boundaries[PUT {paths.RULES_OF_USER}]"
    lines = failures_of(recorded, tmp_path, item)["no_server_error"]["curl"]
    assert pasted(lines, recorded).startswith("HTTP/1.1 500")


def test_program_of_a_model_ends_in_what_showed_it(recorded: EmbeddedDeployment, tmp_path: Path) -> None:
    forgetful = swallow(f"PUT {paths.RULES_OF_USER}", EMPTY)
    with FaultProxy(recorded.base_url, forgetful) as proxy:
        env = environment(recorded, SEED="1", BASE_URL=proxy.base_url)
        completed = run("run", "-n", "0", "conformance/models/test_users.py::test_people", env=env, cwd=tmp_path)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    (lines,) = (failure["curl"] for failure in report_of(tmp_path / "reports")["failures"])
    *writes, last = lines.splitlines()
    assert any(" -X PUT " in line and line.endswith("  # 204") for line in writes)
    assert " -X GET " in last
    assert last.endswith("  # 200")


# --- all failures of a whole run --------------------------------------------------------------------------------------

SENTENCES = re.compile(
    r"# (It took \d+ requests at the same time"
    r"|It came after more than \d+ writes"
    r"|MQTT clients of the suite took part"
    r"|The list showed what these lines do not make"
    r"|What was to be deleted came from earlier requests of the run"
    r"|The suite's HTTP sink took part)\b.*\."
)
VOLATILE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)|\b[0-9A-F]{16,}\b|\d{6,}|(?<=:)\d+\.\d+")
"""Times, ids of messages, and rates."""


def told(text: str) -> tuple[str, str]:
    """Status and body of an answer, as ``curl -i`` prints it and as a report shows it."""
    head, _, body = text.replace("\r", "").partition("\n\n")
    return head.removeprefix("HTTP/1.1 ")[:3], VOLATILE.sub("_", body.strip())


def problem(failure: Failure, variables: dict[str, str]) -> str | None:
    """What is wrong with the lines of a failure, None if they show it again."""
    assert failure.curl, "a failure without lines"
    done = subprocess.run(
        ["bash", "-ec", failure.curl], env=variables, capture_output=True, text=True, errors="replace", check=False
    )
    recorded = (failure.exchange or "").partition("--- answer ---\n")[2]
    (status, body), (status_again, body_again) = told(recorded), told(done.stdout.split("HTTP/1.1 ")[-1])
    if done.returncode or status != status_again:
        return f"{status_again} instead of {status}: {done.stderr}"
    if status.startswith("2") and body != body_again:
        return f"{body_again[:300]} instead of {body[:300]}"
    return None


@pytest.mark.timeout(3 * RUN_PATIENCE_S)
def test_all_failures_of_a_run_are_shown_again_or_say_why_not(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each on a deployment without any state, as if nobody had pasted anything before."""
    failures = stored_run(tmp_path_factory, "recorded", run_against_recorded_server).failures
    assert len(failures) > 150
    excused, wrong = [], []
    with FaultyDeployment(traits=RECORDED) as deployment:
        variables = {
            f"EMQX_CONFORMANCE_{name.upper()}": str(value)
            for name, value in deployment.options.items()
            if name.endswith(("_url", "_key", "_secret", "token"))
        }
        for failure in failures:
            last = (failure.curl or "").rpartition("\n")[2]
            if last.startswith("#"):
                assert SENTENCES.fullmatch(last), last
                excused.append(failure)
            elif (why := problem(failure, environment() | variables)) is not None:
                wrong.append(f"{failure.item}: {failure.requirement} {failure.message}: {why}\n{failure.curl}")
            deployment.renew()
    assert wrong == []
    assert len(excused) < len(failures) / 5, "lines are the rule"
