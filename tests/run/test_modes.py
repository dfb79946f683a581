"""Modes of a run: what is sent in each, and how the report names what one left out."""

from __future__ import annotations

import fcntl
import re
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.catalogue.needs import Needs, of_requirement
from conformance.catalogue.registry import catalogue
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.run.node_ids import PACKAGE
from conformance.run.skips import DELIVERING_TYPES, MORE_SMOKE_TYPES, smoke_types
from conformance.target.guard.mode import Mode
from tests.faults.proxy import FaultProxy, Reply
from tests.faults.seeded import error_reply, json_reply
from tests.run.command import environment, report_of, run

GLOBAL_ITEM = "conformance/fuzz/test_operations.py::test_positive[DELETE /banned]"
HARMLESS_ITEM = "conformance/fuzz/test_operations.py::test_positive[GET /rules]"
FLAGSHIP = "conformance/scenarios/test_flagship.py::test_message_reaches_the_sink"


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def test_read_only_run_sends_nothing_but_reads_and_is_partial(target: EmbeddedDeployment, tmp_path: Path) -> None:
    sent: Counter[str] = Counter()

    def record(request, forward) -> Reply:
        sent[request.method] += 1
        return forward()

    assert target.mqtt is not None
    with FaultProxy(target.base_url, record) as proxy:
        env = environment(target, MQTT=target.mqtt) | {"EMQX_CONFORMANCE_BASE_URL": proxy.base_url}
        completed = run("run", "--read-only", "-n", "2", env=env, cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert set(sent) == {"GET"}
    assert sent["GET"] > 100
    assert not list((tmp_path / "reports").glob("journal-*"))

    report = report_of(tmp_path / "reports")
    assert (report["verdict"], report["mode"], report["selection"]) == ("partial", "read-only", None)
    assert {entry["why"] for entry in report["left_out"]} == {"chosen", "not_demanded"}
    outcomes = Counter(requirement["outcome"] for requirement in report["requirements"])
    assert outcomes.keys() == {"passed", "skipped"}
    for requirement in report["requirements"]:
        assert requirement["outcome"] == "passed" or "--read-only" in requirement["reason"], requirement
    least = {entry.id: of_requirement(entry)[0] for entry in catalogue()}
    possible = {identifier for identifier, needs in least.items() if needs == Needs(Mode.READ_ONLY, frozenset())}
    assert {entry["id"] for entry in report["requirements"] if entry["outcome"] == "passed"} == possible
    answered = {entry["operation"] for entry in report["operations"] if entry["requests"]}
    assert {operation for operation in answered if not operation.startswith("GET ")} == set()
    looked_at = f"Verdict: PARTIAL, {outcomes['passed']} of {len(report['requirements'])} requirements, "
    assert looked_at in completed.stdout
    assert "keeps the contract" not in completed.stdout
    page = (tmp_path / "reports" / "index.html").read_text()
    assert "left out by --read-only" in page
    assert "keeps the contract" not in page


@pytest.mark.parametrize(("flag", "runs"), [((), False), (("--exclusive",), True), (("--disposable",), True)])
def test_operation_on_global_state_runs_only_if_allowed(
    flag: tuple[str, ...], runs: bool, target: EmbeddedDeployment, tmp_path: Path
) -> None:
    completed = run("run", "-n", "0", GLOBAL_ITEM, HARMLESS_ITEM, *flag, env=environment(target), cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    operations = {entry["operation"]: entry["requests"] for entry in report_of(tmp_path / "reports")["operations"]}
    assert (operations["DELETE /banned"] > 0) is runs
    assert ("needs --exclusive: 2 items; not looked at: DELETE /banned and SAFE-02; in part: " in completed.stdout) is (
        not runs
    )


def test_smoke_looks_at_some_types_only(target: EmbeddedDeployment, tmp_path: Path) -> None:
    items = "conformance/scenarios/test_type_secrets.py::test_connector"
    completed = run("run", "-n", "0", "--profile", "smoke", items, env=environment(target, SEED="1"), cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "the profile smoke looks at some of the" in completed.stdout
    totals = report_of(tmp_path / "reports")["totals"]
    assert 2 <= totals["passed"] - 1 <= len(DELIVERING_TYPES) + MORE_SMOKE_TYPES, "SAFE-01 passes as well"
    assert totals["skipped"] > 20


def test_smoke_types_follow_the_seed() -> None:
    types = ["http", "mqtt", *(f"type-{number}" for number in range(30))]
    chosen = [smoke_types(types, seed) for seed in range(40)]
    assert {len(some) for some in chosen} == {len(DELIVERING_TYPES) + MORE_SMOKE_TYPES}
    assert all(some.issuperset(DELIVERING_TYPES) for some in chosen)
    assert set().union(*chosen) == set(types), "no type is left out for ever"
    assert smoke_types(types, 7) == smoke_types(types, 7)
    assert smoke_types(["http", "mqtt", "mysql"], 7) == {"http", "mqtt", "mysql"}


def test_target_that_cannot_reach_the_sink_lacks_it(target: EmbeddedDeployment, tmp_path: Path) -> None:
    """As a deployment in a container, whose loopback is another, behind a port on this machine."""

    def unreachable(request, forward) -> Reply:
        if request.is_for("POST /connectors_probe"):
            return error_reply(400, "TEST_FAILED", "econnrefused")
        if request.is_for("POST /connectors") and "preflight" in request.json["name"]:
            return json_reply(201, {**request.json, "status": "connecting"})
        return forward()

    with FaultProxy(target.base_url, unreachable) as proxy:
        env = environment(target) | {"EMQX_CONFORMANCE_BASE_URL": proxy.base_url}
        skipped = run("run", "-n", "0", FLAGSHIP, HARMLESS_ITEM, env=env, cwd=tmp_path)
        named = run("run", "-n", "0", FLAGSHIP, "--sink", "127.0.0.1", env=env, cwd=tmp_path)
    assert skipped.returncode == 0, skipped.stdout + skipped.stderr
    assert "the target does not reach the suite's HTTP sink at 127.0.0.1 (name another with --sink)" in skipped.stdout
    assert named.returncode == 0, named.stdout + named.stderr
    assert "1 passed" in named.stdout


def test_port_of_the_sink_that_is_taken_is_one_sentence(target: EmbeddedDeployment, tmp_path: Path) -> None:
    taken = target.base_url.split("/")[2]
    completed = run("run", "-n", "0", FLAGSHIP, "--sink", taken, env=environment(target), cwd=tmp_path)
    assert completed.returncode == 2
    assert completed.stderr.strip() == f"--sink: cannot listen on port {taken.rpartition(':')[2]} of 127.0.0.1: " + (
        "Address already in use"
    )


def test_workers_together_keep_to_the_rate(target: EmbeddedDeployment, tmp_path: Path) -> None:
    """Counted where the requests arrive: the rate is that of the run, not of each worker."""
    rate = 25
    arrived: list[float] = []
    next_slots: list[float] = []

    def record(_request, forward) -> Reply:
        arrived.append(time.monotonic())
        next_slots.append(next_slot(tmp_path / "reports"))
        return forward()

    with FaultProxy(target.base_url, record) as proxy:
        env = environment(target, MAX_RPS=str(rate)) | {"EMQX_CONFORMANCE_BASE_URL": proxy.base_url}
        completed = run("run", "--read-only", "-n", "2", "-k", "test_no_credentials", env=env, cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert len(arrived) > 50
    # The first request comes alone. It may be late at the proxy, and others not, so its slot counts.
    first_slot = next_slots[0] - 1 / rate
    following = (len(arrived) - 1) / rate - 0.001
    assert max(next_slots) - next_slots[0] >= following, "every request has a slot of its own"
    assert max(arrived) - first_slot >= following, "and does not leave before it"


def next_slot(reports: Path) -> float:
    """When the next request of a run may leave."""
    (file,) = reports.glob(".state-*/rate")
    with file.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        return float(struct.unpack("d", stream.read())[0])


@pytest.mark.parametrize("workers", ["0", "2"], ids=["one process", "xdist"])
def test_pytest_tells_of_what_is_left_out_as_of_any_skipped_item(
    target: EmbeddedDeployment, tmp_path: Path, workers: str
) -> None:
    other = "conformance/fuzz/test_access.py::test_no_credentials"
    # The last one is left out where pytest has a module to end.
    others = [HARMLESS_ITEM.replace("rules]", "schema_registry]"), f"{other}[GET /rules]", f"{other}[DELETE /banned]"]
    items = [HARMLESS_ITEM, GLOBAL_ITEM, *others]
    command = [sys.executable, "-m", "pytest", *items, "-n", workers, "-rs", "--junitxml", str(tmp_path / "theirs.xml")]
    env = environment(target, REPORT_DIR=str(tmp_path / "reports"))
    completed = subprocess.run(command, env=env, cwd=PACKAGE.parent, text=True, capture_output=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    totals = report_of(tmp_path / "reports")["totals"]
    assert (totals["passed"], totals["skipped"], totals["errors"]) == (3 + 1, 2 + 1, 0), "with SAFE-01 and SAFE-02"
    assert "3 passed, 2 skipped" in completed.stdout
    told = re.findall(r"SKIPPED \[1\] (?:\S*/)?(\w+\.py):\d+: .*needs --exclusive", completed.stdout)
    assert "test_operations.py" in told
    assert len(told) == 2
    suite = ElementTree.parse(tmp_path / "theirs.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.attrib["tests"], suite.attrib["skipped"], suite.attrib["errors"]) == ("5", "2", "0")
