"""A fleet with 1, 2 and 4 workers: targets whose configuration writes take 0.2 s each, as those of EMQX do.

Run: python benchmarks/fleet.py [TARGETS] [EXPRESSION]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

WRITE_S = "0.2"
ITEMS = "test_connector and (http or kafka or mongodb or mqtt or mysql or pgsql or redis)"
WORKERS = (1, 2, 4)
CLI = [sys.executable, "-m", "conformance.commands.cli"]


def serve(stack: ExitStack, folder: Path) -> str:
    """Start a target; returns its base URL."""
    secret = folder / "secret"
    secret.write_text("s" * 16)
    secret.chmod(0o600)
    options = ["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--api-key", "k", "--api-secret-file", str(secret)]
    process = subprocess.Popen(
        [*CLI, "serve", *options, "--config-write-latency", WRITE_S], stdout=subprocess.PIPE, text=True
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    assert process.stdout is not None
    for line in process.stdout:
        if "/api/v5" in line:
            return next(word for word in line.split() if word.startswith("http")).rstrip(",.")
    raise SystemExit("the target did not start")


class Memory:
    """The most that one process of a run held, in MB."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            for process in psutil.Process().children(recursive=True):
                try:
                    if "conformance.commands.leashed" in process.cmdline():
                        self.peak = max(self.peak, process.memory_info().rss / 1e6)
                except psutil.Error:
                    continue


def main(number: int = 4, expression: str = ITEMS) -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        file = folder / "targets.toml"
        tables = [
            f'[targets.t{index}]\nbase_url = "{serve(stack, folder)}"\napi_key = "k"\napi_secret_file = "secret"\n'
            for index in range(number)
        ]
        file.write_text("\n".join(tables))
        alone = 0.0
        for workers in WORKERS:
            reports = folder / f"fleet-{workers}"
            options = ["--at-once", str(workers), "-k", expression, "--report-dir", str(reports), "--quiet"]
            began = time.perf_counter()
            with Memory() as memory:
                subprocess.run([*CLI, "fleet", str(file), *options], check=False, stdout=subprocess.DEVNULL)
            took = time.perf_counter() - began
            alone = alone or took
            report = json.loads((reports / "fleet.json").read_text())
            runs = [target["duration_s"] for target in report["targets"]]
            print(
                f"{workers} at once: {took:6.1f} s, {alone / took:4.2f} of one; {memory.peak:.0f} MB; a run "
                f"{min(runs):.0f} to {max(runs):.0f} s; {report['totals']['partial']} of {number} decided"
            )


if __name__ == "__main__":
    main(*(int(argument) if argument.isdecimal() else argument for argument in sys.argv[1:]))  # type: ignore[arg-type]
