"""However a run dies, a sweep brings the target back to what it was: kill -9 at random moments, then compare.

A moment is a request, of which the target has heard or not. A gate in front of the target holds the run there, so that
it is killed then and not when the machine gets round to it.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conformance.commands.sweep import sweep_target
from conformance.contract import paths
from conformance.reference.embedded import start_embedded
from conformance.target.errors import ConfigurationError
from tests.faults.proxy import FaultProxy, Reply, Request
from tests.run.command import environment, report_of
from tests.safety.nursery import Nursery, Run
from tests.safety.populated import Populated
from tests.waiting import RUN_PATIENCE_S, eventually

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


class Scene:
    """A run in front of a gate: its requests pass up to the first that ``shuts`` the gate.

    That one and all after it stay unanswered, those after it also unheard, until `go_on`. ``delivering``: whether the
    target hears that one. Use as a context manager.
    """

    def __init__(
        self,
        nursery: Nursery,
        populated: Populated,
        folder: Path,
        workers: int,
        shuts: Callable[[Run, Request], bool],
        *,
        delivering: bool,
    ) -> None:
        self._populated = populated
        self._shuts = shuts
        self._delivering = delivering
        self._one_by_one = threading.Lock()
        self._reached, self._over = threading.Event(), threading.Event()
        self._runs_on = False
        self.before = populated.state()
        self._proxy = FaultProxy(populated.deployment.base_url, self._pass)
        self._open = ExitStack()
        assert populated.deployment.mqtt is not None
        variables = {"BASE_URL": self._proxy.base_url, "MQTT": populated.deployment.mqtt, "PROFILE": "smoke"}
        settings = environment(populated.deployment, **variables)
        items = FEW_ITEMS if workers else ITEMS
        self.run = nursery.start("run", "-n", str(workers), *items, environment=settings, folder=folder)

    def _pass(self, request: Request, forward: Callable[[], Reply]) -> Reply | None:
        reply: Reply | None = None
        with self._one_by_one:
            if not self._reached.is_set():
                shuts = self._shuts(self.run, request)
                reply = forward() if self._delivering or not shuts else None
                if not shuts:
                    return reply
                self._reached.set()
        self._over.wait(RUN_PATIENCE_S)
        return (reply or forward()) if self._runs_on else None

    def __enter__(self) -> Scene:
        self._open.enter_context(self._proxy)
        eventually(lambda: self._reached.is_set() or not self.run.alive, within_s=RUN_PATIENCE_S)
        assert self.run.alive, f"it ended before: {self.run.output}"
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._open.close()

    def go_on(self) -> None:
        """Open the gate to a run that still lives."""
        self._runs_on = True
        self._over.set()

    def sweep(self) -> None:
        """Sweep past the gate by all journals of the run, as soon as the last of its processes is gone."""
        secret = self.run.folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text(self._populated.deployment.api_secret)
        options = {
            "base_url": self._populated.deployment.base_url,
            "api_key": self._populated.deployment.api_key,
            "api_secret_file": str(secret),
        }

        def swept() -> bool:
            try:
                return sweep_target(options, self.run.folder / "reports", None, "2h", any_target=True) == 0
            except ConfigurationError as error:
                if "still going on" in str(error):
                    return False
                raise

        eventually(swept)

    def assert_as_before(self) -> None:
        """The broker notices a dead client in a moment."""
        eventually(self._populated.state, lambda state: state == self.before)


def has_written(lines: int) -> Callable[[Run, Request], bool]:
    """Whether the journals of a run have so many lines."""
    return lambda run, _request: run.journal_lines() >= lines


def test_killed_run_leaves_something(nursery: Nursery, populated: Populated, tmp_path: Path) -> None:
    """The positive control: there is something to sweep, and the comparison sees it."""

    def creates_a_rule(_run: Run, request: Request) -> bool:
        return request.is_for("POST /rules")

    with Scene(nursery, populated, tmp_path / "run", 0, creates_a_rule, delivering=True) as scene:
        os.kill(scene.run.pid, signal.SIGKILL)
        assert scene.run.wait() is None
        # Rules stay, whereas clients go with the connections of a run.
        assert populated.state()["/rules?limit=10000"] != scene.before["/rules?limit=10000"]
        scene.sweep()
        scene.assert_as_before()


@pytest.mark.parametrize("number", range(KILLS_OF_THE_RUN))
def test_run_that_is_killed_can_be_swept(number: int, nursery: Nursery, populated: Populated, tmp_path: Path) -> None:
    moment = random.Random(SEED + number)
    shuts = has_written(moment.randint(2, MOST_LINES))
    with Scene(nursery, populated, tmp_path / "run", 0, shuts, delivering=moment.random() < 0.5) as scene:
        os.kill(scene.run.pid, signal.SIGKILL)
        assert scene.run.wait() is None, "it ended before it was killed"
        scene.sweep()
        scene.assert_as_before()


@pytest.mark.parametrize("number", range(KILLS_OF_ALL_WORKERS))
def test_run_that_is_killed_with_its_workers_can_be_swept(
    number: int, nursery: Nursery, populated: Populated, tmp_path: Path
) -> None:
    moment = random.Random(SEED + 100 + number)
    shuts = has_written(moment.randint(5, MOST_LINES // 2))
    with Scene(nursery, populated, tmp_path / "run", 2, shuts, delivering=moment.random() < 0.5) as scene:
        os.killpg(scene.run.pid, signal.SIGKILL)
        assert scene.run.wait() is None, "it ended before it was killed"
        scene.sweep()
        scene.assert_as_before()


@pytest.mark.parametrize("number", range(KILLS_OF_A_WORKER))
def test_run_whose_worker_is_killed_cleans_up_itself(
    number: int, nursery: Nursery, populated: Populated, tmp_path: Path
) -> None:
    moment = random.Random(SEED + 200 + number)
    shuts = has_written(moment.randint(5, MOST_LINES // 2))
    with Scene(nursery, populated, tmp_path / "run", 2, shuts, delivering=True) as scene:
        run = scene.run
        os.kill(moment.choice(workers_of(run.pid)), signal.SIGKILL)
        scene.go_on()
        assert run.wait() == 3, run.output
        scene.assert_as_before()
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
