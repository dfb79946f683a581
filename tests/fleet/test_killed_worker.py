"""A worker that is killed in mid-run: its run begins again elsewhere, and what it left is swept by its journal."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests
from click.testing import CliRunner

from conformance.commands.fleet import fleet
from conformance.fleet.job import ATTEMPTS, Job, run_job
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.report.storage import read_run
from conformance.target.journal.journal import read_journal
from tests.faults.proxy import FaultProxy, Reply, Request
from tests.faults.seeded import EMPTY
from tests.waiting import RUN_PATIENCE_S, eventually

ITEM = "conformance/scenarios/test_rules.py::test_deleted_rule_is_gone"
REQUIREMENT = "RUL-08"


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


class Gate(FaultProxy):
    """Holds the first deletion of an item's rule, which does not reach the target, until it is opened."""

    def __init__(self, target: EmbeddedDeployment) -> None:
        super().__init__(target.base_url, self._held)
        self.reached, self.opened = threading.Event(), threading.Event()

    def _held(self, request: Request, forward: Callable[[], Reply]) -> Reply | None:
        of_item = request.is_for("DELETE /rules/{id}") and "-rule-" in request.path  # not of the preflight
        if not of_item or self.reached.is_set():
            return forward()
        self.reached.set()
        assert self.opened.wait(RUN_PATIENCE_S)
        return EMPTY


def targets_file(folder: Path, target: EmbeddedDeployment, **urls: str) -> Path:
    secret = folder / "secret"
    secret.write_text(target.api_secret)
    secret.chmod(0o600)
    file = folder / "targets.toml"
    file.write_text("".join(
        f'[targets.{name}]\nbase_url = "{url}"\napi_key = "{target.api_key}"\napi_secret_file = "secret"\n'
        for name, url in urls.items()
    ))  # fmt: skip
    return file


def rules(target: EmbeddedDeployment) -> list[str]:
    answer = requests.get(f"{target.base_url}/rules", auth=(target.api_key, target.api_secret), timeout=RUN_PATIENCE_S)
    return [rule["id"] for rule in answer.json()["data"]]


def kill(attempts: Path) -> None:
    """End the worker of the last attempt and all that it started, as a machine does that loses its power."""
    (attempt,) = [json.loads(line) for line in attempts.read_text().splitlines()]
    worker = psutil.Process(attempt["pid"])
    for process in [worker, *worker.children(recursive=True)]:
        process.send_signal(signal.SIGKILL)


def test_work_of_a_killed_worker_is_done_again_and_counted_once(
    target: EmbeddedDeployment, closed_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[list[str]] = []
    with Gate(target) as gate:
        file = targets_file(tmp_path, target, gated=gate.base_url, gone=f"http://127.0.0.1:{closed_port}/api/v5")

        def power_cut() -> None:
            assert gate.reached.wait(RUN_PATIENCE_S)
            seen.append(rules(target))
            kill(tmp_path / "fleet" / "gated" / ATTEMPTS)
            gate.opened.set()

        killer = threading.Thread(target=power_cut, daemon=True)
        killer.start()
        ended = CliRunner().invoke(fleet, [str(file), "--at-once", "2", "--requirement", REQUIREMENT])
        assert gate.reached.is_set(), ended.output
        killer.join()

    assert len(seen[0]) == 1, "there was something to sweep"
    assert rules(target) == []
    assert ended.exit_code == 3, ended.output  # of the target that is not there
    report = json.loads((tmp_path / "fleet" / "fleet.json").read_text())
    assert report["totals"] == {
        "targets": 2, "conformant": 0, "conformant_with_waivers": 0, "partial": 1, "non_conformant": 0,
        "inconclusive": 1, "not_run": 0,
    }  # fmt: skip
    gated, gone = report["targets"]
    assert (gated["name"], gated["verdict"], gated["attempts"], gated["swept"]) == ("gated", "partial", 2, True)
    assert gone["reason"].endswith("cannot be reached: the connection was refused")
    run = read_run(tmp_path / "fleet" / "gated")
    assert gated["requests"] == run.totals()["requests"], "those of the run that came to its end"
    assert {row["id"]: row["outcomes"] for row in report["requirements"]}[REQUIREMENT] == {"passed": 1, "not_run": 1}
    journals = [read_journal(journal) for journal in (tmp_path / "fleet" / "gated").glob("journal-*.jsonl")]
    assert len(journals) == 2, "of both attempts"
    assert not [resource for journal in journals for resource in journal.live]


def test_a_run_ends_in_order_when_its_fleet_does(target: EmbeddedDeployment, tmp_path: Path) -> None:
    folder = tmp_path / "target"
    with Gate(target) as gate:
        file = targets_file(tmp_path, target, gated=gate.base_url)
        job = Job("f", "gated", gate.base_url, str(file), str(folder), (ITEM, "--workers=0"))

        ended = threading.Event()

        def interrupted() -> None:
            eventually(lambda: ended.is_set() or [*folder.glob(".state-*/stopped")], within_s=RUN_PATIENCE_S)
            gate.opened.set()

        waiting = threading.Thread(target=interrupted)
        waiting.start()
        result = run_job(job, stopped=gate.reached.is_set)
        ended.set()
        waiting.join()

    assert gate.reached.is_set()
    assert (result.verdict, result.exit_code, result.attempts) == ("inconclusive", 3, 1)
    assert rules(target) == [], "it cleaned up"
