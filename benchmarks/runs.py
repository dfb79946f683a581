"""Runs of the suite as a user starts them, with what they cost: wall clock, processor time, memory, files."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.distance import far_away
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.reference.node_configuration import NodeConfiguration


@dataclass(frozen=True, slots=True)
class Cost:
    """``seconds`` on the wall, ``cpu_s`` of the run and its workers, without the deployment; its ``report``."""

    seconds: float
    cpu_s: float
    report: dict[str, Any]

    @property
    def requests(self) -> int:
        return int(self.report["totals"]["requests"])

    @property
    def writes(self) -> int:
        """Accepted configuration writes, with those of the clean-up."""
        return int(self.report["totals"]["config_writes"]["accepted"])


@contextlib.contextmanager
def target(round_trip_s: float = 0.0, write_s: float = 0.0) -> Iterator[dict[str, str]]:
    """A reference deployment ``round_trip_s`` away, each of whose configuration writes takes ``write_s`` seconds.

    Gives the environment of a run against it.
    """
    configuration = NodeConfiguration(authentication_enable=True)
    with start_embedded(configuration=configuration, config_write_latency=write_s) as deployment:
        if not round_trip_s:
            yield _environment(deployment, deployment.base_url, deployment.mqtt or "")
            return
        base = deployment.base_url.removeprefix("http://").removesuffix("/api/v5")
        with far_away([base, deployment.mqtt or ""], round_trip_s) as (http, mqtt):
            yield _environment(deployment, f"http://{http}/api/v5", mqtt)


def run(environment: dict[str, str], folder: Path, *options: str) -> Cost:
    """One run of ``emqx-conformance`` with these options, which reports into ``folder``."""
    command = [sys.executable, "-m", "conformance.commands.cli", "run", "-q", "--report-dir", str(folder), *options]
    seconds, cpu_s = timed(command, env=environment)
    return Cost(seconds, cpu_s, json.loads((folder / "report.json").read_text(encoding="utf-8")))


def timed(command: list[str], **options: Any) -> tuple[float, float]:
    """Seconds on the wall and of processor that a command takes; ``options`` as of `subprocess.run`."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False, **options)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment(deployment: EmbeddedDeployment, base_url: str, mqtt: str) -> dict[str, str]:
    # An installed suite is compiled once, not by every worker.
    ours = ("EMQX_CONFORMANCE_", "PYTHONDONTWRITEBYTECODE")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    given = {
        "BASE_URL": base_url,
        "API_KEY": deployment.api_key,
        "API_SECRET": deployment.api_secret,
        "TOKEN": deployment.bearer_token,
        "MQTT": mqtt,
        "DISPOSABLE": "1",
        **{f"{role.upper()}_KEY": key for role, (key, _) in deployment.role_keys.items()},
        **{f"{role.upper()}_SECRET": secret for role, (_, secret) in deployment.role_keys.items()},
    }
    return clean | {f"EMQX_CONFORMANCE_{name}": value for name, value in given.items()}
