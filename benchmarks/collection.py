"""What a process of a run pays before its first item, and the memory of a worker at its most.

Collection: processor seconds and resident memory of a process that collects every item, from the start of the
interpreter; the second figure is without that start. Memory of workers: the most that any held during a smoke run.

Run: python -m benchmarks.collection [TIMES]
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median

from benchmarks.runs import run, target

_ROOT = Path(__file__).resolve().parent.parent
_WORKER = b"exec(eval(sys.stdin.readline()))"
"""In the command line of a process that execnet started."""

_COLLECT = (
    "import pytest, sys; sys.stdout = open('/dev/null', 'w');"
    "pytest.main(['conformance', '--collect-only', '-q', '-c', 'conformance/suite.ini', '--rootdir', '.',"
    " '--confcutdir', 'conformance', '-p', 'conformance.plugin', '-p', 'xdist.plugin', '-p', 'allure_pytest.plugin'])"
)


def measured(code: str) -> tuple[float, float]:
    """Processor seconds and resident megabytes of a fresh interpreter that runs ``code``."""
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=_ROOT, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class WorkersMemory:
    """Watches the workers below this process; ``most`` is in megabytes."""

    def __init__(self) -> None:
        self.most = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> WorkersMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            for status in Path("/proc").glob("[0-9]*/status"):
                with contextlib.suppress(OSError):
                    if _WORKER in status.with_name("cmdline").read_bytes():
                        high = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
                        self.most = max(self.most, int(high.split()[1]) / 1024)


def main(arguments: list[str]) -> None:
    times = int(arguments[0]) if arguments else 5
    measured(_COLLECT)  # the first time compiles
    empty = median(measured("pass")[0] for _ in range(times))
    costs = [measured(_COLLECT) for _ in range(times)]
    cpu_s, memory = (median(values) for values in zip(*costs, strict=True))
    print(f"collection: {cpu_s:.2f} s of processor, {cpu_s - empty:.2f} s after the start of Python, {memory:.0f} MB")
    with target() as environment, tempfile.TemporaryDirectory() as folder, WorkersMemory() as memory_of_workers:
        run(environment, Path(folder), "--profile", "smoke", "-n", "2")
    own = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"a worker of smoke: {memory_of_workers.most:.0f} MB at most; the largest process of all: {own:.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
