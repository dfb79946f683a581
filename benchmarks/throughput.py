"""Requests per second of a run beside a bare `requests.Session` that sends the same ones, and beside ``st run``.

A run in one process writes down what it sends between its first item and its last one (`benchmarks.recorded`), and the
bare session then sends the same to the same deployment, which the run has left as it was, in the same order and on one
connection. The seed is fixed, so that from the second run on cases are drawn already. ``st run`` is that of the pinned
schemathesis, on the same corrected contract, for the same deployment. Processor seconds are those of the client alone.
Without a selection all generated items are run.

Run: python -m benchmarks.throughput [TIMES [ITEM...]]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import requests

from benchmarks.runs import target, timed

ITEMS = ["conformance/fuzz"]
SEED = "1"
ST_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_s``: requests per second on the wall; ``cpu_ms``: processor milliseconds for each."""

    requests: int
    per_s: float
    cpu_ms: float


def measured_run(environment: dict[str, str], folder: Path, items: list[str]) -> tuple[Rate, list[dict[str, Any]]]:
    """The rate of a run from its first request to its last, and its requests."""
    record = folder / "requests.json"
    options = ("--report-dir", str(folder / "report"), "-q", "-n", "0", "--seed", SEED)
    command = [sys.executable, "-m", "benchmarks.recorded", str(record), *options, *items]
    _, cpu_s = timed(command, env=environment)
    told = json.loads(record.read_text(encoding="utf-8"))
    sent = told["requests"]
    return Rate(len(sent), len(sent) / told["seconds"], 1000 * cpu_s / len(sent)), sent


def replayed(environment: dict[str, str], requests_sent: list[dict[str, Any]]) -> Rate:
    """The rate at which a bare session sends the requests of a run."""
    session = requests.Session()
    session.trust_env = False
    base = environment["EMQX_CONFORMANCE_BASE_URL"]
    began, cpu = time.perf_counter(), time.process_time()
    for sent in requests_sent:
        response = session.request(
            sent["method"], base + sent["path"], headers=sent["headers"], data=sent["body"].encode("latin-1")
        )
        _ = response.content
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return Rate(len(requests_sent), len(requests_sent) / seconds, 1000 * cpu_s / len(requests_sent))


def schemathesis(environment: dict[str, str], folder: Path) -> Rate:
    """The rate of ``st run`` for half a minute, by what its own report holds."""
    contract = folder / "contract.json"
    bundle = [sys.executable, "-m", "conformance.commands.cli", "spec", "bundle", "-o", str(contract)]
    subprocess.run(bundle, check=True, stdout=subprocess.DEVNULL)
    report = folder / "st.har"
    key, secret = environment["EMQX_CONFORMANCE_API_KEY"], environment["EMQX_CONFORMANCE_API_SECRET"]
    url = environment["EMQX_CONFORMANCE_BASE_URL"]
    command = [
        str(Path(sys.executable).with_name("st")), "run", str(contract), "--url", url, "--auth", f"{key}:{secret}",
        "--phases", "fuzzing", "--max-time", str(ST_SECONDS), "--seed", "1", "-w", "1",
        "--continue-on-failure", "--report", "har", "--report-har-path", str(report),
    ]  # fmt: skip
    seconds, cpu_s = timed(command, stderr=subprocess.DEVNULL, cwd=folder)
    sent = len(json.loads(report.read_text(encoding="utf-8"))["log"]["entries"])
    return Rate(sent, sent / seconds, 1000 * cpu_s / max(sent, 1))


def main(arguments: list[str]) -> None:
    times = int(arguments[0]) if arguments else 5
    items = arguments[1:] or ITEMS
    runs, bare = [], []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder, target() as environment:
            rate, sent = measured_run(environment, Path(folder), items)
            runs.append(rate)
            bare.append(replayed(environment, sent))
    with tempfile.TemporaryDirectory() as folder, target() as environment:
        generated = schemathesis(environment, Path(folder))
    for name, rates in (("run", runs), ("bare session", bare), ("st run", [generated])):
        per_s, cpu_ms = median(rate.per_s for rate in rates), median(rate.cpu_ms for rate in rates)
        print(f"{name:13} {rates[0].requests:6} requests, {per_s:6.0f}/s, {cpu_ms:6.2f} ms of processor each")
    ratio = median(one.per_s / other.per_s for one, other in zip(runs, bare, strict=True))
    print(f"a run sends {ratio:.2f} of what the bare session does in the same time")


if __name__ == "__main__":
    main(sys.argv[1:])
