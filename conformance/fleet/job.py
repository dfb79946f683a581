"""What a worker does for one target: sweep what an earlier attempt left, run the suite, and tell what it found.

The run is a process of its own, by the command that people use. A worker that dies takes it along; the worker that gets
the job next finds journals in the report directory of the target, and deletes by them before it begins anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance.exit_codes import FINE
from conformance.report.errors import ReportError
from conformance.report.fleet import MOST_CAUSES, TargetRun
from conformance.report.json_report import FILE_NAME, read_report
from conformance.target.journal.journal import FILE_NAME as JOURNALS
from conformance.target.journal.journal import JournalError, read_journal

LEASHED = "conformance.commands.leashed"
"""The module that runs a command for as long as this process lives."""

ATTEMPTS = "attempts.jsonl"
OUTPUT = "output.txt"

_ORPHAN_S = 180.0
"""How long the run of an attempt before may take to end, once its worker is gone."""
_LOOK_S = 2.0
"""How often a worker asks whether the fleet goes on."""
_PAUSE_S = 0.2
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Job:
    """A run against one target. ``fleet``: id of the fleet; ``folder``: report directory of the target, ``options``:
    those of `run` for it; ``sweeping``: those that `sweep` takes of them."""

    fleet: str
    target: str
    base_url: str
    targets_file: str
    folder: str
    options: tuple[str, ...] = ()
    sweeping: tuple[str, ...] = ()


@dataclass(slots=True)
class Attempt:
    """One start of a job, as the report directory remembers it."""

    fleet: str
    worker: str
    pid: int
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def run_job(
    job: Job,
    worker: str = "here",
    tell: Callable[[str], None] = lambda state: None,
    stopped: Callable[[], bool] = lambda: False,
) -> TargetRun:
    """Do ``job`` on the worker of that name and return what became of it; it does not raise for what a run may do.

    ``tell`` gets what is being done (``sweeping``, ``running``); ``stopped``: whether the fleet is to end.
    """
    folder = Path(job.folder)
    result = TargetRun(job.target, job.base_url, worker=worker, report=str(folder))
    began = time.monotonic()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_free(folder, stopped):
            result.reason = f"a run of another process still holds {folder}"
            return result
        _remember(folder, Attempt(job.fleet, worker, os.getpid()))
        result.attempts = len(_attempts(folder, job.fleet))
        if _leftovers(folder):
            tell("sweeping")
            where = ("--journal", str(folder), "--target", job.target, "--targets-file", job.targets_file)
            code = _command(("sweep", *where, *job.sweeping), folder, stopped)
            result.swept = code == FINE
            if code != FINE:
                result.reason = f"what an earlier attempt left could not be swept: {_last_words(folder)}"
                return result
        tell("running")
        with suppress(OSError):
            (folder / FILE_NAME).unlink()  # it would speak for a run that never began
        where = ("--target", job.target, "--targets-file", job.targets_file, "--report-dir", str(folder))
        result.exit_code = _command(("run", *where, "--quiet", *job.options), folder, stopped)
        _read(result, folder)
    except OSError as error:
        result.reason = f"{folder}: {error.strerror or error}"
    result.duration_s = round(time.monotonic() - began, 3)
    return result


def _read(result: TargetRun, folder: Path) -> None:
    """Add what the report of the run says."""
    try:
        report = read_report(folder)
    except ReportError:
        result.reason = _last_words(folder) or f"the run ended with {result.exit_code}, and without a report"
        return
    result.verdict = report["verdict"]
    result.complete = bool(report.get("complete"))
    result.reason = _why(report)
    result.version = report["target"]["version"]
    result.suite = report["suite"]
    result.requests = report["totals"]["requests"]
    result.requirements = {entry["id"]: entry["outcome"] for entry in report["requirements"]}
    failing = [cause for cause in report.get("causes", ()) if cause["state"] == "failed"]
    result.causes = [f"{cause['sentence']} {cause['came']}".strip() for cause in failing[:MOST_CAUSES]]


def _why(report: dict[str, Any]) -> str:
    """What a report gives as the reason that something was not decided."""
    undecided = [entry["reason"] for entry in report["requirements"] if entry["outcome"] in ("not_run", "error")]
    return undecided[0][:_LONGEST_REASON] if undecided else ""


def _is_free(folder: Path, stopped: Callable[[], bool]) -> bool:
    """Wait until no run holds the report directory: the orphan of a dead worker takes a moment to clean up."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + _ORPHAN_S
        while time.monotonic() < deadline and not stopped():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                time.sleep(_PAUSE_S)
            except OSError:  # a file system of a network that locks no directories
                return True
        return False
    finally:
        os.close(descriptor)


def _remember(folder: Path, attempt: Attempt) -> None:
    with (folder / ATTEMPTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(attempt)) + "\n")


def _attempts(folder: Path, fleet: str) -> list[dict[str, Any]]:
    """The starts of a job of this fleet; half a line, of a worker that died while it wrote, is none."""
    found = []
    for line in (folder / ATTEMPTS).read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("fleet") == fleet:
                found.append(entry)
    return found


def _leftovers(folder: Path) -> bool:
    """Whether a journal tells of something that was created and not deleted again."""
    return any(_live(folder))


def _live(folder: Path) -> Iterator[bool]:
    for file in sorted(folder.glob(JOURNALS.format(worker="*"))):
        try:
            yield bool(read_journal(file).live)
        except JournalError:
            yield True  # the sweep tells what is wrong with it


def _command(arguments: Sequence[str], folder: Path, stopped: Callable[[], bool]) -> int:
    """Run a command of the suite to its end, or until the fleet is to end, and return its exit code."""
    with (folder / OUTPUT).open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the suite's own command
            [sys.executable, "-m", LEASHED, *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is the fleet's, which ends its runs in order
        )
        assert process.stdin is not None
        with process.stdin:  # whatever happens here, the run does not go on alone
            while True:
                try:
                    return process.wait(timeout=_LOOK_S)
                except subprocess.TimeoutExpired:
                    if not process.stdin.closed and stopped():
                        process.stdin.close()


def _last_words(folder: Path) -> str:
    """The last line of what the command printed."""
    lines = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:_LONGEST_REASON] for line in reversed(lines) if line.strip()), "")
