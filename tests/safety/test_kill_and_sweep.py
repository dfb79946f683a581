"""However a run dies, a sweep brings the target back to what it was: kill -9 at random moments, then compare."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.contract import paths
from conformance.reference.embedded import start_embedded
from conformance.sweep import sweep_target
from conformance.target.errors import ConfigurationError
from conformance.target.polling import eventually
from tests.run.command import environment, report_of
from tests.safety.nursery import Nursery, Run
from tests.safety.populated import Populated

SEED = 20261123
# Twenty in all; workers take longer to start than to be killed.
KILLS_OF_THE_RUN = 17
KILLS_OF_ALL_WORKERS = 2
KILLS_OF_A_WORKER = 1

OPERATIONS = "conformance/fuzz/test_operations.py::test_positive"
ITEMS = (
    "conformance/scenarios/test_flagship.py",
    "conformance/scenarios/test_rules.py",
    "conformance/scenarios/test_schema_registry.py",
    "conformance/scenarios/test_retainer.py",
    f"{OPERATIONS}[DELETE /banned/{{as}}/{{who}}]",
    f"{OPERATIONS}[DELETE {paths.USER}]",
    f"{OPERATIONS}[PUT {paths.RULES_OF_USER}]",
    f"{OPERATIONS}[DELETE {paths.RULES_OF_CLIENT}]",
    f"{OPERATIONS}[POST /clients/{{clientid}}/subscribe]",
)
FEW_ITEMS = ITEMS[:2]
MOST_LINES = 120


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture(scope="module")
def populated() -> Iterator[Populated]:
    with start_embedded() as deployment, Populated(deployment) as populated:
        yield populated


def start(nursery: Nursery, populated: Populated, folder: Path, workers: int) -> Run:
    assert populated.deployment.mqtt is not None
    settings = environment(populated.deployment, MQTT=populated.deployment.mqtt, PROFILE="smoke")
    items = FEW_ITEMS if workers else ITEMS
    return nursery.start("run", "-n", str(workers), *items, environment=settings, folder=folder)


def wait_until_written(run: Run, lines: int) -> None:
    """Return when the journals have that many lines, or the run has ended before."""
    deadline = time.monotonic() + 120
    while run.alive and run.journal_lines() < lines:
        assert time.monotonic() < deadline, run.output
        time.sleep(0.001)


def sweep_until_done(populated: Populated, folder: Path) -> None:
    """Sweep by all journals of a run, as soon as the last of its processes is gone."""
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(populated.deployment.api_secret)
    options = {
        "base_url": populated.deployment.base_url,
        "api_key": populated.deployment.api_key,
        "api_secret_file": str(secret),
    }

    def swept() -> bool:
        try:
            return sweep_target(options, folder / "reports", None, "2h") == 0
        except ConfigurationError as error:
            if "still going on" in str(error):
                return False
            raise

    assert eventually(swept, 30.0)


def assert_as_before(populated: Populated, before: dict[str, object]) -> None:
    eventually(lambda: populated.state() == before, 10.0)  # the broker notices a dead client in a moment
    assert populated.state() == before


def test_killed_run_leaves_something(nursery: Nursery, populated: Populated, tmp_path: Path) -> None:
    """The positive control: there is something to sweep, and the comparison sees it."""
    before = populated.state()
    rules = populated.call("GET", "/rules").json()
    run = start(nursery, populated, tmp_path / "run", workers=0)
    while populated.call("GET", "/rules").json() == rules:
        os.kill(run.pid, signal.SIGCONT)
        time.sleep(0.01)
        os.kill(run.pid, signal.SIGSTOP)
        time.sleep(0.02)  # what it has sent is applied
        assert run.alive, run.output
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait(30) is None
    # Rules stay, whereas clients go with the connections of a run.
    assert populated.state() != before
    sweep_until_done(populated, run.folder)
    assert_as_before(populated, before)


@pytest.mark.parametrize("number", range(KILLS_OF_THE_RUN))
def test_run_that_is_killed_can_be_swept(number: int, nursery: Nursery, populated: Populated, tmp_path: Path) -> None:
    moment = random.Random(SEED + number)
    before = populated.state()
    run = start(nursery, populated, tmp_path / "run", workers=0)
    wait_until_written(run, moment.randint(2, MOST_LINES))
    time.sleep(moment.uniform(0, 0.02))
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait(30) is None, "it ended before it was killed"
    sweep_until_done(populated, run.folder)
    assert_as_before(populated, before)


@pytest.mark.parametrize("number", range(KILLS_OF_ALL_WORKERS))
def test_run_that_is_killed_with_its_workers_can_be_swept(
    number: int, nursery: Nursery, populated: Populated, tmp_path: Path
) -> None:
    moment = random.Random(SEED + 100 + number)
    before = populated.state()
    run = start(nursery, populated, tmp_path / "run", workers=2)
    wait_until_written(run, moment.randint(5, MOST_LINES // 2))
    os.killpg(run.pid, signal.SIGKILL)
    assert run.wait(30) is None, "it ended before it was killed"
    sweep_until_done(populated, run.folder)
    assert_as_before(populated, before)


@pytest.mark.parametrize("number", range(KILLS_OF_A_WORKER))
def test_run_whose_worker_is_killed_cleans_up_itself(
    number: int, nursery: Nursery, populated: Populated, tmp_path: Path
) -> None:
    moment = random.Random(SEED + 200 + number)
    before = populated.state()
    run = start(nursery, populated, tmp_path / "run", workers=2)
    wait_until_written(run, moment.randint(5, MOST_LINES // 2))
    os.kill(moment.choice(workers_of(run.pid)), signal.SIGKILL)
    assert run.wait(300) == 3, run.output
    assert_as_before(populated, before)
    report = report_of(run.folder / "reports")
    assert report["verdict"] == "inconclusive"
    (nothing_left,) = (entry for entry in report["requirements"] if entry["id"] == "SAFE-01")
    assert nothing_left["outcome"] == "passed"
    assert "Traceback" not in run.output


def workers_of(pid: int) -> list[int]:
    """The processes of xdist's workers: children that execnet started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            status, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if status.rpartition(")")[2].split()[1] == str(pid) and b"exec(eval(" in command:
            found.append(int(entry.name))
    assert found, "the run has no worker process"
    return sorted(found)
