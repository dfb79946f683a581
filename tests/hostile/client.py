"""The suite's own session, with every check on every answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conformance.checks.answers import AnswerChecks
from conformance.checks.recorder import Recorder
from conformance.contract import load_contract
from conformance.target.http.answer import Answer
from conformance.target.settings.config import Configuration
from conformance.target.timing import Timing
from conformance.worker.context import Worker
from tests.waiting import PATIENCE_S

IMPATIENT = Timing(connected=PATIENCE_S, silence=PATIENCE_S, heartbeat=PATIENCE_S, recovered=0.05)
"""A sick target is given up soon, a healthy one that is slow is not."""


class Client:
    """Use as a context manager."""

    def __init__(self, base_url: str, folder: Path, **options: Any) -> None:
        key = {"api_key": "key", "api_secret": "the-api-secret"}
        configuration = Configuration(base_url=base_url, report_dir=folder, timing=IMPATIENT, **{**key, **options})
        self.worker = Worker(configuration, "0abcdef1234", "gw0", load_contract())
        self.recorder = Recorder(self.worker.redact, "gw0")
        self.api = self.worker.api
        self.api.observers.append(AnswerChecks(self.worker.contract, self.recorder))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.close()

    def call(self, label: str = "GET /rules", **arguments: Any) -> Answer:
        return self.api.call(label, **arguments)

    def create(self) -> Answer:
        """A POST, which must never be sent twice."""
        name = self.worker.sandbox.name("schema")
        return self.call("POST /schema_registry", json={"name": name, "type": "avro", "source": "{}"})

    @property
    def found(self) -> str:
        """What the checks found wrong, one failure per line."""
        return "\n".join(f"{failure.requirement} {failure.message}" for failure in self.recorder.failures)
