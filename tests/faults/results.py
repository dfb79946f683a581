"""What the sessions found: every selected fault is run once, whichever test and worker asks first."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.run.node_ids import PACKAGE
from tests.faults.seeded import Seeded
from tests.run.command import environment
from tests.waiting import PATIENCE_S

SESSIONS = 3
"""More than the workers of the tests: many faults show by something that never comes, which takes time but no CPU."""
START_S = PATIENCE_S
PER_FAULT_S = PATIENCE_S


@dataclass(frozen=True)
class Found:
    """Results of the items of one fault by node id, as in the report: under the fault, and without any."""

    with_fault: dict[str, dict[str, Any]]
    without: dict[str, dict[str, Any]]


class Results:
    """Runs the selected faults in a few sessions side by side.

    ``folder`` is common to the workers: the first that asks runs all sessions, others wait for them.
    """

    def __init__(self, folder: Path, selected: Sequence[Seeded]) -> None:
        self._folder = folder
        # One item after the other, so that faults of like cost are spread evenly.
        names = [seeded.name for seeded in sorted(selected, key=lambda seeded: (seeded.items, seeded.name))]
        self._sessions = [names[start::SESSIONS] for start in range(min(SESSIONS, len(names)))]

    def of(self, seeded: Seeded) -> Found:
        """What was found of a fault; AssertionError if its session ended before."""
        number = next(number for number, names in enumerate(self._sessions) if seeded.name in names)
        self._ensure()
        found: dict[str | None, dict[str, Any]] = {seeded.name: {}, None: {}}
        with self.file(number, "jsonl").open(encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                if line["name"] in found and line["item"] in seeded.items:
                    found[line["name"]][line["item"]] = line["result"]
        for results in found.values():
            missing = set(seeded.items) - set(results)
            assert not missing, f"no result of {sorted(missing)}:\n{self.file(number, 'log').read_text()[-3000:]}"
        return Found(found[seeded.name], found[None])

    def _ensure(self) -> None:
        done = self._folder / "faults.done"
        with (self._folder / "faults.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                for number in range(len(self._sessions)):
                    self.file(number, "jsonl").touch()
                with ThreadPoolExecutor(SESSIONS) as pool:
                    list(pool.map(self.session, self._sessions, range(len(self._sessions))))
                done.touch()

    def session(self, names: list[str], number: int) -> None:
        """Run a session to its end, whatever that is."""
        with self.file(number, "log").open("w", encoding="utf-8") as log, suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-m", "tests.faults.session", self.file(number, "jsonl")],
                input=json.dumps(names),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=PACKAGE.parent,
                env=environment(),
                timeout=START_S + PER_FAULT_S * len(names),
                check=False,
            )

    def file(self, number: int, kind: str) -> Path:
        """``jsonl`` has the results of a session, ``log`` what it said."""
        return self._folder / f"faults-{number}.{kind}"
