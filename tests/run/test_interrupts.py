"""A run that is interrupted, or out of time, ends cleanly: nothing left behind, a report, exit code 3."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.target.journal.journal import read_journal
from tests.faults.proxy import FaultProxy
from tests.run.command import end_of, environment, output_of, report_of, run, start, wait_for_progress, wait_until
from tests.waiting import RUN_PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "conformance.commands.cli", "run"]
PYTEST = [sys.executable, "-m", "pytest", "conformance"]
ONE_ITEM = "conformance/fuzz/test_operations.py::test_positive[GET /rules]"
PUBLISHING = "conformance/fuzz/test_operations.py::test_positive[POST /publish]"
SELECTION = ["-k", "test_positive"]


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def left_on(target: EmbeddedDeployment, folder: Path) -> str:
    """What a run left on the target, as a sweep would find it."""
    arguments = ("--prefix", "cft-", "--older-than", "0s", "--dry-run")
    completed = run("sweep", *arguments, env=environment(target), cwd=folder)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def stored_run(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "reports" / "run.json").read_text())
    return document["run"]


@pytest.mark.parametrize(
    ("command", "workers", "number"),
    [
        pytest.param(COMMAND, "0", signal.SIGTERM, marks=pytest.mark.nightly),
        (COMMAND, "2", signal.SIGTERM),
        (PYTEST, "0", signal.SIGINT),
        pytest.param(PYTEST, "2", signal.SIGTERM, marks=pytest.mark.nightly),
    ],
    ids=["alone-SIGTERM", "workers-SIGTERM", "pytest-SIGINT", "pytest-workers-SIGTERM"],
)
def test_interrupt_is_3_and_cleans_up(
    command: list[str], workers: str, number: signal.Signals, target: EmbeddedDeployment, tmp_path: Path
) -> None:
    arguments = [*command, "-n", workers, *SELECTION, "--report-dir", str(tmp_path / "reports")]
    process = start(arguments, tmp_path, environment(target), cwd=ROOT)
    wait_for_progress(process, tmp_path)
    process.send_signal(number)
    assert end_of(process) == 3, output_of(tmp_path)
    assert left_on(target, tmp_path) == "nothing to delete\n"

    report = report_of(tmp_path / "reports")
    assert report["verdict"] == "inconclusive"
    assert report["failures"] == []
    outcomes = {(item["outcome"], item["reason"]) for item in stored_run(tmp_path)["items"]}
    assert ("not_run", "interrupted") in outcomes
    assert {outcome for outcome, _ in outcomes} <= {"passed", "not_run", "skipped"}
    output = output_of(tmp_path)
    assert output.count("interrupted: cleaning up") == 1
    assert "Traceback" not in output


@pytest.mark.nightly
def test_ctrl_c_in_a_terminal_reaches_every_process(target: EmbeddedDeployment, tmp_path: Path) -> None:
    command = [*COMMAND, "-n", "2", *SELECTION, "--report-dir", "reports"]
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(
            command, env=environment(target), cwd=tmp_path, stdout=output, stderr=output, text=True, process_group=0
        )
    wait_for_progress(process, tmp_path)
    os.killpg(process.pid, signal.SIGINT)
    assert end_of(process) == 3, output_of(tmp_path)
    assert left_on(target, tmp_path) == "nothing to delete\n"
    assert "interrupted" in stored_run(tmp_path)["reasons"][1]
    assert "Traceback" not in output_of(tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("workers", ["0", "2"])
def test_second_interrupt_leaves_the_rest_to_sweep(workers: str, target: EmbeddedDeployment, tmp_path: Path) -> None:
    hangs, released = threading.Event(), threading.Event()

    def slow_deletions(request: Any, forward: Any) -> Any:
        if request.method == "DELETE" and hangs.is_set():
            released.wait(RUN_PATIENCE_S)
        return forward()

    with FaultProxy(target.base_url, slow_deletions) as proxy:
        env = environment(target) | {"EMQX_CONFORMANCE_BASE_URL": proxy.base_url}
        process = start([*COMMAND, "-n", workers, *SELECTION], tmp_path, env)
        wait_for_progress(process, tmp_path)
        hangs.set()
        process.send_signal(signal.SIGINT)
        wait_until(lambda: "interrupted: cleaning up" in output_of(tmp_path), process, tmp_path)
        process.send_signal(signal.SIGINT)
        assert end_of(process) == 3, output_of(tmp_path)
        hangs.clear()
        released.set()

        journals = {file for file in (tmp_path / "reports").glob("journal-*") if read_journal(file).live}
        assert journals
        reasons = " ".join(stored_run(tmp_path)["reasons"])
        for journal in journals:
            command = f"emqx-conformance sweep --base-url {proxy.base_url} --journal reports/{journal.name}"
            assert command in reasons
            assert run(*command.split()[1:], env=env, cwd=tmp_path).returncode == 0
    assert left_on(target, tmp_path) == "nothing to delete\n"
    assert "Warning" not in output_of(tmp_path)
    assert "Traceback" not in output_of(tmp_path)


@pytest.mark.nightly
def test_interrupt_before_the_first_item_is_3(target: EmbeddedDeployment, tmp_path: Path) -> None:
    asked, released = threading.Event(), threading.Event()

    def silent(request: Any, forward: Any) -> Any:
        asked.set()
        released.wait(RUN_PATIENCE_S)
        return forward()

    with FaultProxy(target.base_url, silent) as proxy:
        env = environment(target) | {"EMQX_CONFORMANCE_BASE_URL": proxy.base_url}
        process = start([*COMMAND], tmp_path, env)
        wait_until(asked.is_set, process, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert end_of(process) == 3, output_of(tmp_path)
        released.set()
    assert output_of(tmp_path) == "inconclusive: interrupted before the first item\n"


def test_interrupt_at_any_other_moment_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("conformance.commands.run.run_suite", interrupted)
    result = CliRunner().invoke(main, ["run"])
    assert (result.exit_code, result.output) == (3, "inconclusive: interrupted\n")


@pytest.mark.nightly
def test_time_budget_ends_with_what_was_reached(target: EmbeddedDeployment, tmp_path: Path) -> None:
    # 120 requests at most: far too few for the whole suite, on however fast a machine.
    env = environment(target, TIME_BUDGET="6s", MAX_RPS="20")
    completed = run("run", "-n", "2", env=env, cwd=tmp_path)
    assert completed.returncode == 3, completed.stdout + completed.stderr
    assert left_on(target, tmp_path) == "nothing to delete\n"
    report = report_of(tmp_path / "reports")
    assert report["verdict"] == "inconclusive"
    assert report["failures"] == []
    items = stored_run(tmp_path)["items"]
    assert {item["reason"] for item in items if item["outcome"] == "not_run"} == {"time budget of 6s used up"}
    assert "did not run: time budget of 6s used up" in completed.stdout
    assert any("time budget of 6s used up" in requirement["reason"] for requirement in report["requirements"])


@pytest.mark.nightly
def test_failure_found_before_an_interrupt_counts(target: EmbeddedDeployment, tmp_path: Path) -> None:
    started: list[subprocess.Popen[str]] = []
    published: list[bytes] = []

    def fault(request: Any, forward: Any) -> Any:
        if request.is_for("POST /publish"):
            published.append(request.body)
            if len(published) == 1:
                return forward().with_json({"code": "INTERNAL_ERROR", "message": "sick"}, 500)
            started[0].send_signal(signal.SIGTERM)
            wait_until(lambda: "interrupted: cleaning up" in output_of(tmp_path), started[0], tmp_path)
        return forward()

    with FaultProxy(target.base_url, fault) as proxy:
        env = environment(target) | {"EMQX_CONFORMANCE_BASE_URL": proxy.base_url}
        started.append(start([*COMMAND, "-n", "0", PUBLISHING], tmp_path, env))
        assert end_of(started[0]) == 1, output_of(tmp_path)
    assert len(published) == 2, "the item went on after the interrupt"
    report = report_of(tmp_path / "reports")
    assert report["verdict"] == "non_conformant"
    assert [failure["check"] for failure in report["failures"]] == ["no_server_error"]


@pytest.mark.nightly
def test_time_enough_changes_nothing(target: EmbeddedDeployment, tmp_path: Path) -> None:
    completed = run("run", "-n", "0", "--time-budget", "1h", ONE_ITEM, env=environment(target), cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
