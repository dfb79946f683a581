"""Requests per second of a run beside a bare `requests.Session` that sends the same ones, and beside ``st run``.

A run in one process keeps its exchanges (--har), which the bare session then sends to another deployment of the same
kind, in the same order and on one connection. What reports hide (secrets, all but the first 16 KB of a body) is sent as
they show it. ``st run`` is that of the pinned schemathesis, on the same corrected contract, for the same deployment.
Processor seconds are those of the client alone. Without a selection the generated items of smoke are run.

Run: python -m benchmarks.throughput [TIMES [ITEM...]]
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import requests

from benchmarks.runs import run, target

ITEMS = ("conformance/fuzz/test_operations.py", "conformance/fuzz/test_requests.py", "conformance/fuzz/test_access.py")
ST_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_s``: requests per second on the wall; ``cpu_ms``: processor milliseconds for each."""

    requests: int
    per_s: float
    cpu_ms: float


def measured_run(environment: dict[str, str], folder: Path, items: list[str]) -> tuple[Rate, list[dict[str, Any]]]:
    """The rate of a run from its first request to its last, and its exchanges."""
    cost = run(environment, folder, "-n", "0", "--profile", "smoke", "--har", *items)
    exchanges = [json.loads(line) for line in (folder / "exchanges.jsonl").read_text(encoding="utf-8").splitlines()]
    times = [datetime.fromisoformat(exchange["started_at"]).timestamp() for exchange in exchanges]
    seconds = max(times) - min(times)
    return Rate(len(exchanges), len(exchanges) / seconds, 1000 * cost.cpu_s / cost.requests), exchanges


def replayed(environment: dict[str, str], exchanges: list[dict[str, Any]]) -> Rate:
    """The rate at which a bare session sends the requests of a run."""
    session = requests.Session()
    session.trust_env = False
    session.auth = (environment["EMQX_CONFORMANCE_API_KEY"], environment["EMQX_CONFORMANCE_API_SECRET"])
    base = environment["EMQX_CONFORMANCE_BASE_URL"]
    began, cpu = time.perf_counter(), time.process_time()
    for exchange in exchanges:
        sent = exchange["request"]
        headers = {name: value for name, value in sent["headers"].items() if name not in _OWN_HEADERS}
        response = session.request(
            sent["method"], base + sent["path"], headers=headers, data=sent["body"].encode("utf-8", "surrogatepass")
        )
        _ = response.content
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return Rate(len(exchanges), len(exchanges) / seconds, 1000 * cpu_s / len(exchanges))


_OWN_HEADERS = ("Authorization", "Content-Length", "Host")


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
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, check=False)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    sent = len(json.loads(report.read_text(encoding="utf-8"))["log"]["entries"])
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Rate(sent, sent / seconds, 1000 * cpu_s / max(sent, 1))


def main(arguments: list[str]) -> None:
    times = int(arguments[0]) if arguments else 5
    items = arguments[1:] or list(ITEMS)
    runs, bare = [], []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            with target() as environment:
                rate, exchanges = measured_run(environment, Path(folder), items)
                runs.append(rate)
            with target() as environment:
                bare.append(replayed(environment, exchanges))
    with tempfile.TemporaryDirectory() as folder, target() as environment:
        generated = schemathesis(environment, Path(folder))
    for name, rates in (("run", runs), ("bare session", bare), ("st run", [generated])):
        per_s, cpu_ms = median(rate.per_s for rate in rates), median(rate.cpu_ms for rate in rates)
        print(f"{name:13} {rates[0].requests:6} requests, {per_s:6.0f}/s, {cpu_ms:6.2f} ms of processor each")
    ratio = median(one.per_s / other.per_s for one, other in zip(runs, bare, strict=True))
    print(f"a run sends {ratio:.2f} of what the bare session does in the same time")


if __name__ == "__main__":
    main(sys.argv[1:])
