"""What the sessions found: every selected fault is run once, whichever test and worker asks for it first."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.seeded import Seeded
from tests.faults.session import ROOT
from tests.run.command import environment

START_S = 60
PER_FAULT_S = 20


@dataclass(frozen=True)
class Found:
    """Results of the items of one fault by node id, as in the report: under the fault, and without any."""

    with_fault: dict[str, dict[str, Any]]
    without: dict[str, dict[str, Any]]


class Results:
    """Runs the selected faults in as many sessions as there are workers.

    ``folder`` is common to the workers. A worker that needs a session somebody else is running meanwhile runs another.
    """

    def __init__(self, folder: Path, selected: Sequence[Seeded], workers: int) -> None:
        self._folder = folder
        # One item after the other, so that faults of like cost are spread evenly.
        names = [seeded.name for seeded in sorted(selected, key=lambda seeded: (seeded.items, seeded.name))]
        self._sessions = [names[start::workers] for start in range(min(workers, len(names)))]

    def of(self, seeded: Seeded) -> Found:
        """What was found of a fault; AssertionError if its session ended before."""
        number = next(number for number, names in enumerate(self._sessions) if seeded.name in names)
        self._ensure(number)
        found: dict[str | None, dict[str, Any]] = {seeded.name: {}, None: {}}
        with self.file(number, "jsonl").open(encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                if line["name"] in found and line["item"] in seeded.items:
                    found[line["name"]][line["item"]] = line["result"]
        for results in found.values():
            missing = set(seeded.items) - set(results)
            assert not missing, f"no result of {sorted(missing)}:\n{self.file(number, 'log').read_text()[-3000:]}"
        return Found(found[seeded.name], found[None])

    def _ensure(self, number: int) -> None:
        for other in [number, *range(len(self._sessions))]:
            if self.file(number, "done").exists():
                return
            with self._lock(other, wait=False) as held:
                if held and not self.file(other, "done").exists():
                    self._run(other)
        with self._lock(number, wait=True):
            if not self.file(number, "done").exists():
                self._run(number)

    def _run(self, number: int) -> None:
        self.file(number, "jsonl").touch()
        self.session(self._sessions[number], number)
        self.file(number, "done").touch()

    def session(self, names: list[str], number: int) -> None:
        """Run a session to its end, whatever that is."""
        with self.file(number, "log").open("w", encoding="utf-8") as log, suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-m", "tests.faults.session", self.file(number, "jsonl")],
                input=json.dumps(names),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=ROOT,
                # Without pytest's plugins of the libraries: rewriting their modules takes longer than many faults.
                env=environment() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
                timeout=START_S + PER_FAULT_S * len(names),
                check=False,
            )

    @contextmanager
    def _lock(self, number: int, *, wait: bool) -> Generator[bool]:
        """The exclusive lock of a session, or False if another worker has it and we do not wait."""
        with self.file(number, "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def file(self, number: int, kind: str) -> Path:
        """``jsonl`` has the results of a session, ``log`` what it said, ``done`` exists when it ended."""
        return self._folder / f"faults-{number}.{kind}"
