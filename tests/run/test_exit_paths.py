"""Every way a run can end, through the real command line: no false green, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.faults.proxy import FaultProxy, Reply, Request
from tests.run.command import end_of, environment, output_of, report_of, run, start, wait_for_progress

ROOT = Path(__file__).resolve().parents[2]
ONE_ITEM = "conformance/fuzz/test_operations.py::test_positive[GET /rules]"


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def assert_one_sentence(completed: subprocess.CompletedProcess[str], code: int, expected: str) -> None:
    assert completed.returncode == code, completed.stdout + completed.stderr
    assert expected in completed.stderr
    assert "Traceback" not in completed.stdout + completed.stderr


def test_nothing_failed_of_what_was_selected_is_partial_and_0(target: EmbeddedDeployment, tmp_path: Path) -> None:
    completed = run("run", "-n", "0", ONE_ITEM, "--report-dir", "out", env=environment(target), cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    report = report_of(tmp_path / "out")
    assert (report["verdict"], report["complete"]) == ("partial", False)
    assert report["selection"]["items"] == [ONE_ITEM]
    outcomes = {entry["id"]: entry["outcome"] for entry in report["requirements"]}
    assert (outcomes["GEN-28"], outcomes["SAFE-01"], outcomes["SAFE-02"]) == ("passed", "passed", "skipped")
    assert target.api_secret not in completed.stdout + completed.stderr


def test_seed_is_the_same_every_day_unless_it_is_random(target: EmbeddedDeployment, tmp_path: Path) -> None:
    seeds = []
    for number, options in enumerate([[], [], ["--seed", "random"]]):
        arguments = ("run", "-n", "0", ONE_ITEM, "--report-dir", str(number), *options)
        completed = run(*arguments, env=environment(target), cwd=tmp_path)
        seeds.append(report_of(tmp_path / str(number))["seed"])
        assert f"seed {seeds[-1]}, " in completed.stdout
    assert seeds[0] == seeds[1] != seeds[2]


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        (["--base-url", "ftp://x"], {}, "--base-url"),
        (["--no-such-option"], {}, "No such option"),
        (["--profile", "huge"], {}, "'huge' is not one of"),
        (["--waivers", "absent.toml"], {}, "absent.toml"),
        (["--report-dir", "/proc/nowhere"], {}, "--report-dir: cannot write"),
        (["--workers", "many"], {}, "'many' is neither a number"),
        (["-k", "one two"], {}, "'one two' is no expression"),
        ([], {"PROFIL": "deep"}, "unknown environment variable EMQX_CONFORMANCE_PROFIL"),
        ([], {"SEED": "x"}, "EMQX_CONFORMANCE_SEED"),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], variables: dict[str, Any], expected: str, tmp_path: Path) -> None:
    assert_one_sentence(run("run", *arguments, env=environment(**variables), cwd=tmp_path), 2, expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-k", "nothing_is_called_this"], "the selection matches no item"),
        (["--requirement", "RUL-99"], "--requirement: there is no requirement 'RUL-99'; did you mean RUL-"),
        (
            ["conformance/scenarios/test_rules.py::test_of_yesterday"],
            "not found: conformance/scenarios/test_rules.py::",
        ),
        (["conformance/scenarios/test_ruler.py", "-n", "2"], "not found: conformance/scenarios/test_ruler.py"),
        (["conformance/fuzz/test_operations.py::test_positive[GET /rule]"], "not found: conformance/fuzz/"),
    ],
)
def test_what_does_not_exist_is_2_before_anything_is_sent(
    arguments: list[str], expected: str, target: EmbeddedDeployment, tmp_path: Path
) -> None:
    sent: list[str] = []
    report = tmp_path / "reports" / "report.json"
    report.parent.mkdir()
    report.write_text("what the run before found")

    def note(request: Request, forward: Callable[[], Reply]) -> Reply:
        sent.append(request.path)
        return forward()

    with FaultProxy(target.base_url, note) as proxy:
        completed = run("run", *arguments, env=environment(target, BASE_URL=proxy.base_url), cwd=tmp_path)
    assert_one_sentence(completed, 2, expected)
    assert (sent, report.read_text()) == ([], "what the run before found")


def test_wrong_secret_is_2(target: EmbeddedDeployment, tmp_path: Path) -> None:
    completed = run("run", env=environment(target) | {"EMQX_CONFORMANCE_API_SECRET": "wrong-secret"}, cwd=tmp_path)
    assert_one_sentence(completed, 2, "refuses the credentials (401 BAD_API_KEY_OR_SECRET)")


def test_unreachable_target_is_3(target: EmbeddedDeployment, closed_port: int, tmp_path: Path) -> None:
    elsewhere = {"EMQX_CONFORMANCE_BASE_URL": f"http://127.0.0.1:{closed_port}/api/v5"}
    completed = run("run", env=environment(target) | elsewhere, cwd=tmp_path)
    assert_one_sentence(completed, 3, "cannot be reached")


def test_something_that_is_no_emqx_is_2(target: EmbeddedDeployment, tmp_path: Path) -> None:
    elsewhere = {"EMQX_CONFORMANCE_BASE_URL": target.base_url.replace("/api/v5", "/other/api/v5")}
    completed = run("run", env=environment(target) | elsewhere, cwd=tmp_path)
    assert_one_sentence(completed, 2, "is no EMQX API")


@pytest.mark.parametrize("workers", [pytest.param("0", marks=pytest.mark.nightly), "2"])
def test_target_that_dies_in_mid_run_is_3(workers: str, tmp_path: Path) -> None:
    with start_embedded() as doomed:
        process = start_run(tmp_path, environment(doomed), workers)
        wait_for_progress(process, tmp_path)
        os.kill(doomed.pid, signal.SIGKILL)
        assert end_of(process) == 3, output_of(tmp_path)
    report = report_of(tmp_path / "reports")
    assert report["verdict"] == "inconclusive"
    assert report["failures"] == []
    assert any("stopped answering" in requirement["reason"] for requirement in report["requirements"])
    assert "Traceback" not in output_of(tmp_path)


def test_crash_of_a_worker_is_3(target: EmbeddedDeployment, tmp_path: Path) -> None:
    process = start_run(tmp_path, environment(target), "2")
    wait_for_progress(process, tmp_path)
    os.kill(worker_of(process.pid), signal.SIGKILL)
    assert end_of(process) == 3, output_of(tmp_path)
    report = report_of(tmp_path / "reports")
    assert report["verdict"] == "inconclusive"
    assert report["totals"]["errors"] >= 1


def start_run(folder: Path, env: dict[str, str], workers: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "conformance.commands.cli", "run", "-n", workers, "-k", "test_positive"]
    return start(command, folder, env)


def worker_of(pid: int) -> int:
    """The process id of a worker of xdist: a child that execnet started."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            status, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if status.rpartition(")")[2].split()[1] == str(pid) and b"exec(eval(" in command:
            return int(entry.name)
    pytest.fail("the run has no worker process")
