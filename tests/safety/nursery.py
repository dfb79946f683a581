"""A process that has imported everything and runs the command line in forks of itself, each killed as one pleases.

``python -m tests.safety.nursery`` reads one JSON object per line from its standard input, ``{"arguments",
"environment", "folder"}``, and answers with the process id of the fork. A fork leads a process group of its own; it
writes what it prints to ``FOLDER/output`` and, unless it is killed, its exit code to ``FOLDER/exit``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from conformance.commands.cli import main
from tests.waiting import PATIENCE_S, RUN_PATIENCE_S, eventually

ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """The process, seen from a test. Use as a context manager."""

    def __enter__(self) -> Nursery:
        command = [sys.executable, "-m", "tests.safety.nursery"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)

    def start(self, *arguments: str, environment: dict[str, str], folder: Path) -> Run:
        """Start ``emqx-conformance`` with ``folder`` as its working directory."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        folder.mkdir(parents=True)
        order = {"arguments": arguments, "environment": environment, "folder": str(folder)}
        self._process.stdin.write(json.dumps(order) + "\n")
        return Run(int(self._process.stdout.readline()), folder)


class Run:
    """One run of the command."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self.folder = folder

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def wait(self) -> int | None:
        """The exit code, None if it was killed; AssertionError if it does not end."""
        eventually(lambda: not self.alive, within_s=RUN_PATIENCE_S)
        file = self.folder / "exit"
        return int(file.read_text()) if file.exists() else None

    def journal_lines(self) -> int:
        """How many lines its workers have written into their journals."""
        return sum(file.read_bytes().count(b"\n") for file in (self.folder / "reports").glob("journal-*.jsonl"))


def _child(order: dict[str, Any]) -> NoReturn:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    folder = Path(order["folder"])
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(order["environment"])
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, replacement in ((0, null), (1, output), (2, output)):
        os.dup2(replacement, descriptor)
    code = 70
    try:
        main(order["arguments"])
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        (folder / "exit").write_text(str(code))
        os._exit(code)


def _serve() -> None:
    from conformance.catalogue.registry import catalogue
    from conformance.contract import load_contract

    load_contract()
    list(catalogue())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks are reaped by nobody
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _child(json.loads(line))
        print(pid, flush=True)


if __name__ == "__main__":
    _serve()
