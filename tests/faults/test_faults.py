"""Every requirement can fail: a seeded fault is found under its name, in its place, with a usable message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.requirements import catalogue
from tests.faults.catalogue import FAULTS, UNPROVEN
from tests.faults.proxy import FaultProxy
from tests.faults.seeded import Seeded
from tests.run.command import environment, report_of, run


@pytest.fixture(scope="module")
def deployment() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def run_items(base_url: str, deployment: EmbeddedDeployment, items: tuple[str, ...], folder: Path) -> int:
    env = environment(deployment, SEED="7") | {"EMQX_CONFORMANCE_BASE_URL": base_url}
    completed = run("run", "-n", "0", *items, env=env, cwd=folder)
    output = completed.stdout + completed.stderr
    assert "Traceback" not in output
    assert deployment.api_secret not in output
    return completed.returncode


@pytest.mark.parametrize("seeded", FAULTS.values(), ids=lambda seeded: seeded.name)
def test_fault_is_found_and_named(seeded: Seeded, deployment: EmbeddedDeployment, tmp_path: Path) -> None:
    with FaultProxy(deployment.base_url, seeded.fault) as proxy:
        code = run_items(proxy.base_url, deployment, seeded.items, tmp_path)
    report = report_of(tmp_path / "reports")
    found = {(failure["requirement"], failure["operation"], failure["check"]) for failure in report["failures"]}
    assert found == set(seeded.kills), [failure["message"] for failure in report["failures"]]
    assert (code, report["verdict"]) == (1, "non_conformant")
    for failure in report["failures"]:
        assert len(failure["message"]) > 20
        assert failure["curl"] is None or failure["curl"].startswith(("curl ", "printf "))


def test_the_same_items_pass_without_a_fault(deployment: EmbeddedDeployment, tmp_path: Path) -> None:
    items = tuple(dict.fromkeys(item for seeded in FAULTS.values() for item in seeded.items))
    with FaultProxy(deployment.base_url, lambda _request, forward: forward()) as proxy:
        code = run_items(proxy.base_url, deployment, items, tmp_path)
    report = report_of(tmp_path / "reports")
    assert (code, report["verdict"]) == (0, "conformant"), report["failures"]


def test_every_requirement_has_a_fault() -> None:
    proven = set().union(*(seeded.requirements for seeded in FAULTS.values()))
    known = {requirement.id for requirement in catalogue()} | {"GEN-31"}  # GEN-31 is checked by the session
    assert proven <= known
    assert known - proven == UNPROVEN
