"""Whole runs of the suite that several tests look at, each made once however many processes run the tests."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.reference.embedded import start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from conformance.report.storage import read_run
from conformance.result import RunResult
from tests.recorded import RECORDED
from tests.run.command import environment, run


def stored_run(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> RunResult:
    """The run called ``name``, made by ``make`` in a folder all workers share unless one of them has made it."""
    base = factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder = shared / f"full-run-{name}"
    with (shared / f"full-run-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            make(folder)
    return read_run(folder / "reports")


def run_against_reference(folder: Path) -> None:
    """What a new user runs: the embedded deployment, everything at its default."""
    completed = run("run", "--seed", "5", env=environment(), cwd=folder)
    (folder / "output.txt").write_text(completed.stdout + completed.stderr, encoding="utf-8")
    (folder / "exit-code").write_text(str(completed.returncode), encoding="utf-8")


def run_against_recorded_server(folder: Path) -> None:
    """Against the recorded defects of EMQX 5.8.9, with the waivers that ship for them."""
    with start_embedded(traits=RECORDED, configuration=NodeConfiguration(authentication_enable=True)) as target:
        assert target.mqtt is not None
        keys = {f"{role.upper()}_KEY": key for role, (key, _) in target.role_keys.items()}
        secrets = {f"{role.upper()}_SECRET": secret for role, (_, secret) in target.role_keys.items()}
        env = environment(target, MQTT=target.mqtt, TOKEN=target.bearer_token, SEED="5", **keys, **secrets)
        # Its server shares the processors with others, unlike one that is worth more of them.
        options = ("-n", "2", "--disposable", "--waivers", "emqx-5.8", "--strict-waivers")
        completed = run("run", *options, env=env, cwd=folder)
    (folder / "output.txt").write_text(completed.stdout + completed.stderr, encoding="utf-8")
    (folder / "exit-code").write_text(str(completed.returncode), encoding="utf-8")
