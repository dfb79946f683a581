"""Every requirement can fail: a seeded fault is found under its name, in its place, with a usable message."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue.registry import catalogue
from conformance.reference.embedded import start_embedded
from tests.faults.catalogue import FAULTS, UNPROVEN
from tests.faults.proxy import FaultProxy
from tests.faults.results import Results
from tests.faults.seeded import Seeded
from tests.run.command import environment, report_of, run


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The results of the faults whose tests are selected."""
    selected = [
        item.callspec.params["seeded"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_fault_is_found_and_named.__name__
    ]
    folder = tmp_path_factory.getbasetemp()
    return Results(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder, selected)


EVERYWHERE = [seeded for seeded in FAULTS.values() if not seeded.settings]
AT_LEAST = 1
"""How many faults of a requirement every run of the tests seeds, beside the known defects; a night seeds all.

Those that EMQX once had come first.
"""


def _by_urgency() -> Iterator[Any]:
    proven: Counter[str] = Counter()
    for seeded in sorted(EVERYWHERE, key=lambda seeded: seeded.origin is None):
        at_once = seeded.traits or any(proven[one] < AT_LEAST for one in seeded.requirements)
        if at_once:
            proven.update(seeded.requirements)
        yield pytest.param(seeded, id=seeded.name, marks=[] if at_once else [pytest.mark.nightly])


@pytest.mark.parametrize("seeded", list(_by_urgency()))
def test_fault_is_found_and_named(seeded: Seeded, results: Results) -> None:
    found = results.of(seeded)
    for item, result in found.without.items():
        assert (result["outcome"], result["failures"]) == ("passed", []), f"{item} without the fault: {result}"
    failures = []
    for item, result in found.with_fault.items():
        # A failure of a provisional requirement is waived.
        assert result["outcome"] in ("failed", "waived"), f"{item}: {result['outcome']}: {result['reason']}"
        failures += [failure for failure in result["failures"] if failure["consequence_of"] is None]
    assert_found(seeded, failures)


def assert_found(seeded: Seeded, failures: list[dict[str, Any]]) -> None:
    """All that must fail did, nothing else did, and each failure says enough."""
    told = "".join(f"\n{failure['requirement']} {failure['operation']}: {failure['message']}" for failure in failures)
    assert not seeded.missed(failures), f"does not find {seeded.missed(failures)}, only{told or ' nothing'}"
    assert not seeded.unexpected(failures), f"also finds {seeded.unexpected(failures)}:{told}"
    for failure in failures:
        # A bare assert says nothing to somebody who does not see the test.
        assert len(failure["message"]) > 20, f"says too little: {failure['message']}"
        assert not failure["message"].startswith("assert "), f"says too little: {failure['message']}"
        assert "Traceback" not in failure["message"], failure["message"]
        assert failure["curl"] is None or failure["curl"].startswith(("curl ", "printf ")), failure["curl"]


@pytest.mark.parametrize("name", ["JSON is cut off", "a connector in use is reported deleted"])
def test_command_reports_a_fault(name: str, tmp_path: Path) -> None:
    seeded = FAULTS[name]
    assert seeded.fault is not None
    with start_embedded() as deployment, FaultProxy(deployment.base_url, seeded.fault) as proxy:
        env = environment(deployment, SEED="7", BASE_URL=proxy.base_url)
        completed = run("run", "-n", "0", *seeded.items, env=env, cwd=tmp_path)
        output = completed.stdout + completed.stderr
        assert "Traceback" not in output
        assert deployment.api_secret not in output
    report = report_of(tmp_path / "reports")
    assert (completed.returncode, report["verdict"]) == (1, "non_conformant")
    assert_found(seeded, report["failures"])


def test_every_requirement_has_a_fault() -> None:
    proven = set().union(*(seeded.requirements for seeded in FAULTS.values()))
    known = {requirement.id for requirement in catalogue()}
    # SAFE-01 and SAFE-02 judge a run, no item: tests/safety/test_left_behind.py proves them.
    assert sorted(proven - known) == [], "there is no such requirement"
    assert sorted(known - proven - UNPROVEN - {"SAFE-01", "SAFE-02"}) == [], "no seeded fault makes it fail"
    assert sorted(UNPROVEN - known | UNPROVEN & proven) == [], "does not belong into UNPROVEN any more"
