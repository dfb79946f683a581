"""Run the real command line in a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.reference.embedded import EmbeddedDeployment
from tests import forked
from tests.waiting import RUN_PATIENCE_S, eventually


def environment(target: EmbeddedDeployment | None = None, **variables: str) -> dict[str, str]:
    """A process environment without settings of the caller, with those of ``target`` and a seed of every day."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EMQX_CONFORMANCE", "PYTEST", "PYTHONDONTWRITE"))
    }
    if target is not None:
        clean |= {
            "EMQX_CONFORMANCE_BASE_URL": target.base_url,
            "EMQX_CONFORMANCE_API_KEY": target.api_key,
            "EMQX_CONFORMANCE_API_SECRET": target.api_secret,
            "EMQX_CONFORMANCE_SEED": "1",
        }
    return clean | {f"EMQX_CONFORMANCE_{name}": value for name, value in variables.items()}


def run(*arguments: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``emqx-conformance`` with ``arguments`` in ``cwd`` to its end, with nothing to read on standard input."""
    with tempfile.TemporaryDirectory(prefix="command-") as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        process = forked.start(arguments, env=env, folder=cwd, output=output, errors=errors)
        process.join(RUN_PATIENCE_S)
        texts = [file.read_text(encoding="utf-8") for file in (output, errors)]
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired([*arguments], RUN_PATIENCE_S, *texts)
        return subprocess.CompletedProcess([*arguments], process.exitcode, *texts)


def start(command: list[str], folder: Path, env: dict[str, str], cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start a command that reports into ``folder``; its output goes to a file there, see `output_of`."""
    with (folder / "output").open("w") as output:
        return subprocess.Popen(command, env=env, cwd=cwd or folder, stdout=output, stderr=subprocess.STDOUT, text=True)


def output_of(folder: Path) -> str:
    return (folder / "output").read_text()


def wait_for_progress(process: subprocess.Popen[str], folder: Path) -> None:
    """Return once the run has created something on the target."""

    def has_created() -> bool:
        return any(file.stat().st_size > 1000 for file in (folder / "reports").glob("journal-*.jsonl"))

    wait_until(has_created, process, folder)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], folder: Path) -> None:
    """Return once ``condition`` holds; fails if the process ends before."""

    def holds() -> bool:
        # In this order: what holds at the end of the process is not missed.
        ended = process.poll() is not None
        if condition():
            return True
        assert not ended, output_of(folder)
        return False

    eventually(holds, within_s=RUN_PATIENCE_S, pause_s=0.05)


def end_of(process: subprocess.Popen[str]) -> int:
    """The exit code of a process that was started, once it has ended."""
    return process.wait(RUN_PATIENCE_S)


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report
