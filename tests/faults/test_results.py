"""Sessions of faults: each is run once, by whoever needs it, and what it did not reach is said."""

from __future__ import annotations

import fcntl
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest

from tests.faults import results
from tests.faults.results import SESSIONS, Results
from tests.faults.seeded import Seeded
from tests.waiting import PATIENCE_S, eventually

FAULTS = [Seeded(f"fault {number}", None, (), (f"item {number % 3}",), ("X-01",), None) for number in range(8)]


class Recorded(Results):
    """Runs sessions that only note their names; those in ``reach`` end after that many faults."""

    def __init__(self, folder: Path, selected: list[Seeded] = FAULTS, reach: int | None = None) -> None:
        super().__init__(folder, selected)
        self.ran: list[tuple[str, ...]] = []
        self.reach = reach
        self.started = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def session(self, names: list[str], number: int) -> None:
        self.ran.append(tuple(names))
        self.started.set()
        assert self.go_on.wait(PATIENCE_S)
        lines = []
        for seeded in [fault for fault in FAULTS if fault.name in names][: self.reach]:
            for name in (seeded.name, None):
                lines.append(json.dumps({"name": name, "item": seeded.items[0], "result": {"of": name}}))
        self.file(number, "jsonl").write_text("\n".join(lines), encoding="utf-8")
        self.file(number, "log").write_text("the end of the log", encoding="utf-8")


def test_every_fault_is_run_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    for seeded in FAULTS * 2:
        found = recorded.of(seeded)
        assert found.with_fault == {seeded.items[0]: {"of": seeded.name}}
        assert found.without == {seeded.items[0]: {"of": None}}
    assert sorted(name for names in recorded.ran for name in names) == [seeded.name for seeded in FAULTS]
    assert len(recorded.ran) == SESSIONS


def test_only_selected_faults_are_run(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, FAULTS[:1])
    recorded.of(FAULTS[0])
    assert recorded.ran == [("fault 0",)]


def test_second_worker_waits_for_the_sessions_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Recorded(tmp_path), Recorded(tmp_path)
    first.go_on.clear()
    at_the_lock: list[int] = []

    def flock(file: IO[str], operation: int) -> None:
        at_the_lock.append(operation)
        fcntl.flock(file, operation)

    monkeypatch.setattr(results, "fcntl", SimpleNamespace(flock=flock, LOCK_EX=fcntl.LOCK_EX))
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(first.of, FAULTS[0])
        assert first.started.wait(PATIENCE_S)
        asked_again = pool.submit(second.of, FAULTS[0])
        eventually(lambda: len(at_the_lock) == 2)
        assert not second.started.is_set()
        first.go_on.set()
        assert asked.result(PATIENCE_S) == asked_again.result(PATIENCE_S)
    assert (len(first.ran), second.ran) == (SESSIONS, [])


def test_fault_that_was_not_reached_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, reach=1)
    recorded.of(FAULTS[0])
    with pytest.raises(AssertionError, match=r"no result of \['item 1'\]:\nthe end of the log"):
        recorded.of(FAULTS[1])
