"""A disk that is full, or becomes so: exit code 3, one sentence, and no file is named that is not there."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.recorded import RECORDED
from tests.run.command import environment, report_of, run
from tests.waiting import RUN_PATIENCE_S

ITEMS = ["conformance/scenarios/test_rules.py::test_deleted_rule_is_gone",
         "conformance/fuzz/test_operations.py::test_positive[POST /rules]"]  # fmt: skip
FAILING = (
    "conformance/fuzz/test_operations.py::test_boundaries[POST /authorization/sources/built_in_database/rules/all]"
)
TOO_LARGE = "the report directory reports cannot be written: File too large"
FULL = "cannot be written: No space left on device"


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def bounded(size: int) -> Callable[[], None]:
    """Let a process write no file of more than ``size`` bytes: as if there were room for no more."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def run_bounded(size: int, *arguments: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance.commands.cli", "run", *arguments],
        # Python itself would write half a file of bytecode, and never get over it.
        env={**env, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=cwd, preexec_fn=bounded(size), capture_output=True, text=True, timeout=RUN_PATIENCE_S, check=False,
    )  # fmt: skip


def assert_honest(completed: subprocess.CompletedProcess[str], folder: Path) -> str:
    """No verdict, no traceback, and every report that is named exists; returns the output."""
    output = completed.stdout + completed.stderr
    assert completed.returncode == 3, output
    assert "Traceback" not in output
    assert "CONFORMANT" not in output
    for name in re.findall(r"Report: (\S+)", output):
        assert (folder / name).is_file()
    if (folder / "reports" / "report.json").exists():
        assert report_of(folder / "reports")["verdict"] == "inconclusive"
    return output


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("size", [100, 600, 3000])
def test_disk_that_becomes_full_is_3(size: int, workers: str, target: EmbeddedDeployment, tmp_path: Path) -> None:
    """In order of the sizes: before the first request, before the first item, and in mid-run."""
    completed = run_bounded(size, "-n", workers, *ITEMS, env=environment(target), cwd=tmp_path)
    output = assert_honest(completed, tmp_path)
    assert TOO_LARGE in output
    arguments = ("--prefix", "cft-", "--older-than", "0s", "--dry-run")
    assert run("sweep", *arguments, env=environment(target), cwd=tmp_path).stdout == "nothing to delete\n"


def test_disk_without_room_for_the_report_is_3_even_if_a_failure_was_found(tmp_path: Path) -> None:
    """What an earlier run reported there does not stay to be taken for this one's."""
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in ("report.json", "index.html"):
        (reports / name).write_text("of an earlier run")
    with start_embedded(traits=RECORDED) as recorded:
        completed = run_bounded(
            20_000, "-n", "0", "--exclusive", FAILING, env=environment(recorded, SEED="1"), cwd=tmp_path
        )
    output = assert_honest(completed, tmp_path)
    assert TOO_LARGE in output
    assert "1 failed" in output, "what was found is told all the same"
    assert not (reports / "index.html").exists()


def test_standard_output_on_a_full_disk_is_3(target: EmbeddedDeployment, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.commands.cli", "run", "-n", "0", ITEMS[0]]
    with Path("/dev/full").open("w") as full:
        completed = subprocess.run(
            command, env=environment(target), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (completed.returncode, completed.stderr) == (3, f"standard output {FULL}\n")
    assert report_of(tmp_path / "reports")["verdict"] == "inconclusive"


def test_reader_that_has_seen_enough_changes_nothing(target: EmbeddedDeployment, tmp_path: Path) -> None:
    line = f"{sys.executable} -m conformance.commands.cli run -n 0 '{ITEMS[0]}' | head -n 1; exit ${{PIPESTATUS[0]}}"
    completed = subprocess.run(
        ["bash", "-c", line], env=environment(target), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (completed.returncode, completed.stderr) == (0, "")
    assert report_of(tmp_path / "reports")["verdict"] == "partial"


@pytest.mark.parametrize("arguments", [["requirements"], ["--help"], ["run", "--no-such-option"]])
def test_no_command_ends_in_1_or_a_traceback_because_nobody_can_read_it(arguments: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "conformance.commands.cli", *arguments]
        alone = subprocess.run(command, env=environment(), cwd=tmp_path, stdout=full, stderr=full, check=False)
    assert alone.returncode == 3


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("room", [0, 4096, 16384, 40960])
def test_file_system_without_room_is_3(room: int, target: EmbeddedDeployment, tiny: Path, tmp_path: Path) -> None:
    (tiny / "others").write_bytes(b"x" * (65536 - room))
    arguments = ("run", "-n", "0", *ITEMS, "--report-dir", str(tiny / "reports"))
    output = assert_honest(run(*arguments, env=environment(target), cwd=tmp_path), tmp_path)
    assert f"the report directory {tiny / 'reports'} {FULL}" in output
    assert [file.name for file in (tiny / "reports").glob("*.json") if not file.stat().st_size] == []


def test_file_system_for_reading_only_is_3(target: EmbeddedDeployment, tiny: Path, tmp_path: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny], check=True)
    completed = run("run", "-n", "0", *ITEMS, "--report-dir", str(tiny), env=environment(target), cwd=tmp_path)
    output = assert_honest(completed, tmp_path)
    assert output == f"inconclusive: the report directory {tiny} cannot be written: Read-only file system\n"
