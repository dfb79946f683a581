"""Run the suite against a configured deployment and read what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import conformance
from conformance.reference.embedded import start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from conformance.report.storage import read_run
from conformance.result import RunResult
from tests.run.command import environment, run

DATA_PLANE = tuple(
    f"conformance/scenarios/test_{name}"
    for name in (
        "login.py",
        "permissions.py",
        "publish.py",
        "retainer.py",
        "clients.py",
        "client_subscriptions.py",
        "ban_effects.py",
        "connector_secrets.py",
        "session_ends.py::test_denied_message[mqtt5-kept]",
        "session_ends.py::test_ban[user-name-mqtt5-kept]",
    )
)
"""Items that nearly every setting concerns: some seconds for a deployment."""

EVERYTHING = ("conformance/fuzz", "conformance/models", "conformance/scenarios")

_LONG = ("connectors", "identifiers", "sql_statements", "sql_table", "texts", "type_secrets", "types", "wrong_bodies")
_REST_ALONE = frozenset(f"test_{name}.py" for name in _LONG)
"""Scenarios that arrange nothing at the broker, and that take long."""

SCENARIOS = tuple(
    f"conformance/{folder}/{file.name}"
    for folder in ("scenarios", "models")
    for file in sorted(Path(conformance.__file__).parent.joinpath(folder).glob("test_*.py"))
    if file.name not in _REST_ALONE
)
"""Every scenario and model at whose outcome a setting could have a hand."""


def run_on(settings: Sequence[str], folder: Path, *items: str, workers: int = 0) -> RunResult:
    """A run on a deployment with ``settings``, of the named items or all, but some types; not a sample of them."""
    with start_embedded(configuration=NodeConfiguration.parse(settings)) as deployment:
        assert deployment.mqtt is not None
        env = environment(deployment, MQTT=deployment.mqtt, SEED="1", PROFILE="smoke")
        completed = run("run", "-n", str(workers), *(items or EVERYTHING), env=env, cwd=folder)
    assert completed.returncode in (0, 1, 3), completed.stdout + completed.stderr
    return read_run(folder / "reports")


def told(run: RunResult) -> str:
    """The failures of a run, for the message of a test."""
    return "".join(f"\n{failure.requirement} {failure.operation}: {failure.message}" for failure in run.failures)
