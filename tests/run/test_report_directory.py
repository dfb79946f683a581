"""A report directory belongs to one run at a time, tells of no other, and also of a run that could not start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.run.report_directory import ReportDirectory
from conformance.target.errors import ConfigurationError
from conformance.target.settings.config import report_directory
from tests.run.command import end_of, environment, output_of, report_of, run, start, wait_for_progress

ITEM = "conformance/fuzz/test_operations.py::test_positive[GET /rules]"
COMMAND = [sys.executable, "-m", "conformance.commands.cli", "run", "-n", "0"]
BUSY = "--report-dir: another run that is still going on reports into reports, name another directory"


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def assert_told(folder: Path, reason: str) -> None:
    """All reports tell why there was no run."""
    report = report_of(folder / "reports")
    assert report["verdict"] == "inconclusive"
    assert len(report["requirements"]) > 200
    assert {(entry["outcome"], entry["reason"]) for entry in report["requirements"]} == {("not_run", reason)}
    assert (report["totals"]["errors"], report["failures"]) == (1, [])
    (case,) = ElementTree.parse(folder / "reports" / "junit.xml").getroot().iter("testcase")
    (error,) = case.iter("error")
    assert error.attrib["message"] == reason
    assert f"The run could not start: {reason}" in unescape((folder / "reports" / "index.html").read_text())
    assert json.loads((folder / "reports" / "run.json").read_text())["run"]["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("options", "variables", "code", "reason"),
    [
        ([], {"BASE_URL": "ftp://x"}, 2, "EMQX_CONFORMANCE_BASE_URL: 'ftp://x' is not an http(s) URL"),
        (["--seed", "many"], {}, 2, "--seed: 'many' is neither a number from 0 to 2^63-1 nor random"),
        ([], {"PROFIL": "deep"}, 2, "unknown environment variable EMQX_CONFORMANCE_PROFIL"),
        (["--waivers", "absent.toml"], {}, 2, "--waivers: there is no file absent.toml"),
        (["--target", "staging"], {}, 2, "--target staging: there is no FOLDER/targets.toml"),
        ([], {"API_SECRET": "wrong-secret"}, 2, "TARGET refuses the credentials (401 BAD_API_KEY_OR_SECRET)"),
        (
            [],
            {"BASE_URL": "CLOSED"},
            3,
            "CLOSED cannot be reached: the connection was refused",
        ),
    ],
)
@pytest.mark.parametrize("command", [COMMAND[:-2], [sys.executable, "-m", "pytest", "--pyargs", "conformance"]])
def test_run_that_cannot_start_leaves_a_report(
    command: list[str],
    options: list[str],
    variables: dict[str, str],
    code: int,
    reason: str,
    target: EmbeddedDeployment,
    closed_port: int,
    tmp_path: Path,
) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "report.json").write_text('{"verdict": "conformant"}')
    closed = f"http://127.0.0.1:{closed_port}/api/v5"
    settings = {name: value.replace("CLOSED", closed) for name, value in variables.items()}
    completed = subprocess.run(
        [*command, *options],
        env=environment(target, **settings),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    reason = reason.replace("CLOSED", closed).replace("TARGET", target.base_url).replace("FOLDER", str(tmp_path))
    assert completed.returncode == code, completed.stdout + completed.stderr
    assert reason in completed.stdout + completed.stderr
    assert_told(tmp_path, reason)


def test_waiver_of_something_that_does_not_exist_is_told_as_well(target: EmbeddedDeployment, tmp_path: Path) -> None:
    """It is noticed late: the run has begun by then."""
    keys = {"id": "W", "requirement": "GEN-99", "versions": ">=5", "reason": "r", "link": "https://x.invalid"}
    keys |= {"owner": "qa", "expires": "2099-01-01"}
    lines = [f'{key} = "{value}"' for key, value in keys.items()]
    (tmp_path / "w.toml").write_text("\n".join(["[[waiver]]", *lines]))
    completed = run("run", "-n", "0", "--waivers", "w.toml", ITEM, env=environment(target), cwd=tmp_path)
    reason = "w.toml: waiver W: there is no requirement 'GEN-99'"
    assert completed.returncode == 2
    assert reason in completed.stdout + completed.stderr
    assert_told(tmp_path, reason)
    assert not list((tmp_path / "reports").glob(".state-*"))


def test_second_run_in_a_busy_directory_is_refused(target: EmbeddedDeployment, tmp_path: Path) -> None:
    first = start([*COMMAND, "-k", "test_positive"], tmp_path, environment(target))
    wait_for_progress(first, tmp_path)
    first.send_signal(signal.SIGSTOP)  # whatever is written now is not its own
    files = sorted(file.name for file in (tmp_path / "reports").iterdir() if file.suffix != ".jsonl")
    second = run("run", "-n", "0", ITEM, env=environment(target), cwd=tmp_path)
    assert (second.returncode, second.stdout, second.stderr) == (2, "", f"{BUSY}\n")
    assert sorted(file.name for file in (tmp_path / "reports").iterdir() if file.suffix != ".jsonl") == files
    elsewhere = run("run", "-n", "0", ITEM, "--report-dir", "other", env=environment(target), cwd=tmp_path)
    assert elsewhere.returncode == 0
    first.send_signal(signal.SIGTERM)
    first.send_signal(signal.SIGCONT)
    assert end_of(first) == 3, output_of(tmp_path)
    assert report_of(tmp_path / "reports")["verdict"] == "inconclusive"


def test_killed_run_keeps_nobody_out(target: EmbeddedDeployment, tmp_path: Path) -> None:
    killed = start([*COMMAND[:-1], "2", "-k", "test_positive"], tmp_path, environment(target))
    wait_for_progress(killed, tmp_path)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "reports" / "report.json").exists(), "nothing speaks for a run that did not end"
    assert list((tmp_path / "reports").glob(".state-*"))
    completed = run("run", "-n", "0", ITEM, env=environment(target), cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert report_of(tmp_path / "reports")["verdict"] == "partial"


def test_directory_is_free_again_after_its_run(tmp_path: Path) -> None:
    first = ReportDirectory(tmp_path)
    with pytest.raises(ConfigurationError, match="another run that is still going on"):
        ReportDirectory(tmp_path)
    first.release()
    first.release()
    ReportDirectory(tmp_path).release()


def test_journals_of_earlier_runs_stay(tmp_path: Path) -> None:
    for name in ("journal-x-main.jsonl", "report.json", "inventory-after.json", "internal-error.txt", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / ".state-x").mkdir()
    ReportDirectory(tmp_path).release()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal-x-main.jsonl", "notes.txt"]


def test_file_in_place_of_the_directory_is_wrong_usage(target: EmbeddedDeployment, tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    completed = run("run", ITEM, env=environment(target), cwd=tmp_path)
    assert (completed.returncode, completed.stderr) == (2, "--report-dir: cannot write to reports: File exists\n")


def test_directory_is_known_whatever_else_is_wrong() -> None:
    assert report_directory({}, {}) == Path("reports")
    assert report_directory({}, {"EMQX_CONFORMANCE_REPORT_DIR": "a"}) == Path("a")
    assert report_directory({"report_dir": "b", "seed": "x"}, {"EMQX_CONFORMANCE_REPORT_DIR": "a"}) == Path("b")
