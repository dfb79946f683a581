"""What the guard, the journal and the checks cost: the suite's session beside a bare one, same target, same request.

Run: python benchmarks/session.py [SECONDS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests

from conformance.checks.answers import AnswerChecks
from conformance.checks.recorder import Recorder
from conformance.contract import load_contract
from conformance.reference.embedded import start_embedded
from conformance.target.settings.config import Configuration
from conformance.worker.context import Worker


def rate(call: Callable[[], object], seconds: float) -> float:
    call()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        call()
        count += 1
    return count / (time.perf_counter() - started)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    with start_embedded() as target, tempfile.TemporaryDirectory() as folder:
        configuration = Configuration(
            base_url=target.base_url, api_key=target.api_key, api_secret=target.api_secret, report_dir=Path(folder)
        )
        bare = requests.Session()
        bare.trust_env = False
        bare.auth = (target.api_key, target.api_secret)
        with Worker(configuration, "0benchmark1", "main", load_contract()) as worker:
            plain = rate(lambda: bare.get(target.base_url + "/rules").json(), seconds)
            guarded = rate(lambda: worker.api.call("GET /rules").json, seconds)
            worker.api.observers.append(AnswerChecks(worker.contract, Recorder(worker.redact, "main")))
            checked = rate(lambda: worker.api.call("GET /rules"), seconds)
    print(f"{'bare requests.Session':28}{plain:8.0f}/s  1.00")
    print(f"{'guard, journal, rate':28}{guarded:8.0f}/s  {guarded / plain:.2f}")
    print(f"{'and every check':28}{checked:8.0f}/s  {checked / plain:.2f}")


if __name__ == "__main__":
    main()
