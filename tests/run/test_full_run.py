"""The whole suite against the reference deployment: conformant, complete, and honest about the recorded server."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from conformance.catalogue.coverage import account, unreachable_values
from conformance.catalogue.registry import catalogue
from conformance.contract import load_contract
from conformance.contract.kinds import KINDS
from conformance.report.verdict import Selection, decide
from conformance.result import RunResult
from conformance.run.merging import merge
from conformance.target.settings.config import WAIVERS_FOLDER
from conformance.waivers import Waiver, WaiverFile, load_waivers
from tests.report.shards import cut_up
from tests.run.full_runs import run_against_recorded_server, run_against_reference, stored_run
from tests.waiting import RUN_PATIENCE_S

# Two runs, and whoever waits for the worker that makes them.
pytestmark = pytest.mark.timeout(3 * RUN_PATIENCE_S)

CONTRACT = load_contract()
_SCENARIOS = (
    ("sql_table",),
    ("sql_statements",),
    ("action_deliveries", "action_retries", "connector_secrets", "connectors", "flagship"),
    ("schema_codecs", "schema_registry"),
    ("rules",),
    ("secret_headers",),
)
SHARING = (
    *(tuple(f"conformance/scenarios/test_{name}.py" for name in names) for names in _SCENARIOS),
    ("conformance/scenarios/test_types.py", "conformance/fuzz/test_operations.py", "conformance/fuzz/test_values.py"),
)
"""Items of the modules in a row share a rule, an action, its changes or the story of a type, which the first begins."""


MADE_ONCE = {label for kind in KINDS if kind.configured for label in kind.created_by}
"""Creations of what serves all items of a worker: each makes it where it is the first, or alone."""

SHARING_WITH = {module: row for row in SHARING for module in row}


def of_target(file: WaiverFile, run: RunResult) -> list[Waiver]:
    """The waivers that are for the version of the target of a run, and for how it is configured."""
    return [waiver for waiver in file.waivers if waiver.is_for(run.target_version, run.deployment)]


def told(run: RunResult) -> str:
    """Every unwaived failure in a line, then the reasons of the verdict: pytest cuts what is no text."""
    found = [f"{one.requirement} {one.operation}: {one.message}" for one in run.failures if one.waived_by is None]
    return "\n".join([*found, *run.reasons])


@pytest.fixture(scope="module")
def reference_run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return stored_run(tmp_path_factory, "reference", run_against_reference)


@pytest.fixture(scope="module")
def recorded_run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return stored_run(tmp_path_factory, "recorded", run_against_recorded_server)


def test_reference_is_conformant(reference_run: RunResult) -> None:
    assert reference_run.verdict == "conformant", told(reference_run)
    assert reference_run.failures == []
    others = {item.reason for item in reference_run.items if item.outcome != "passed"}
    assert others == {
        "the target lets no MQTT client in that has no user name",
        "the target held nothing that the run could have changed",
    }
    skipped = [entry.id for entry in reference_run.requirements if entry.outcome != "passed"]
    assert skipped == ["SAFE-02"]


def test_reference_is_left_as_it_was_by_the_journals_alone(reference_run: RunResult) -> None:
    assert reference_run.inventory is not None
    assert reference_run.inventory.left == []
    assert reference_run.inventory.late == [], "no journal knew of it"


def test_every_documented_status_is_reached_or_listed(reference_run: RunResult) -> None:
    coverage = account(CONTRACT, {entry.operation: entry.statuses for entry in reference_run.operations})
    assert coverage.missed == [], "neither reached nor listed in conformance/catalogue/unreachable.toml"
    assert coverage.reached == [], "listed as unreachable, and yet reached"


def test_every_value_class_is_reached_or_listed(reference_run: RunResult) -> None:
    missed = {entry.subject: entry.missed for entry in reference_run.values if entry.missed}
    assert missed == {}, "neither reached nor listed in conformance/catalogue/unreachable.toml"
    excused = {(entry.subject, one) for entry in reference_run.values for one in entry.excused}
    unneeded = [entry for entry in unreachable_values() if not any(entry.covers(*one) for one in excused)]
    assert unneeded == [], "listed as unreachable, and yet reached"


def test_requirements_are_about_operations_their_tests_really_call(reference_run: RunResult) -> None:
    together: defaultdict[str, set[str]] = defaultdict(set)
    for item in reference_run.items:
        for module in SHARING_WITH.get(item.id.partition("::")[0], ()):
            together[module] |= set(item.statuses)
    called: defaultdict[str, set[str]] = defaultdict(set)
    for item in reference_run.items:
        for identifier in item.requirements:
            called[identifier] |= set(item.statuses) | together[item.id.partition("::")[0]]
    uncalled = {
        entry.id: sorted(set(entry.operations) - called[entry.id] - MADE_ONCE)
        for entry in catalogue()
        if not entry.random and set(entry.operations) - called[entry.id] - MADE_ONCE
    }
    assert uncalled == {}


def test_every_shipped_waiver_would_be_noticed_if_its_defect_were_gone(reference_run: RunResult) -> None:
    shipped = load_waivers(WAIVERS_FOLDER / "emqx-5.8.toml")
    assert shipped is not None
    unneeded = shipped.unneeded(reference_run, random=())
    assert [waiver.id for waiver in of_target(shipped, reference_run) if waiver.id not in unneeded] == []


def test_recorded_server_is_conformant_with_waivers(recorded_run: RunResult) -> None:
    unwaived = [(found.requirement, found.operation, found.check, found.message) for found in recorded_run.failures
                if found.waived_by is None]  # fmt: skip
    assert unwaived == [], told(recorded_run)
    assert recorded_run.verdict == "conformant_with_waivers", recorded_run.reasons


def test_every_shipped_waiver_is_needed(recorded_run: RunResult) -> None:
    assert [reason for reason in recorded_run.reasons if "not needed any more" in reason] == []
    shipped = load_waivers(WAIVERS_FOLDER / "emqx-5.8.toml")
    assert shipped is not None
    needed = {use.id for use in recorded_run.waivers if use.state == "reproduced"}
    due = of_target(shipped, recorded_run)
    unneeded = [waiver for waiver in due if waiver.id not in needed]
    # Whether random data meet a defect is luck; that the defect is there, another waiver of it shows.
    drawn = {entry.id for entry in catalogue() if entry.random and not entry.universal}
    shown = {waiver.defect for waiver in shipped.waivers if waiver.id in needed}
    assert shown == {waiver.defect for waiver in due}
    assert [
        waiver.id for waiver in unneeded if not drawn.issuperset(waiver.requirements) or waiver.defect not in shown
    ] == []


def test_recorded_server_is_non_conformant_without_waivers(recorded_run: RunResult) -> None:
    items = [
        replace(
            item,
            failures=[replace(found, waived_by=None) for found in item.failures],
            outcome="failed" if item.failures else item.outcome,
        )
        for item in recorded_run.items
    ]
    decision = decide(items, Selection(list(catalogue()), list(CONTRACT.operations)))
    assert decision.verdict == "non_conformant"
    failing = {entry.id for entry in decision.requirements if entry.outcome == "failed"}
    shipped = load_waivers(WAIVERS_FOLDER / "emqx-5.8.toml")
    assert shipped is not None
    reproduced = {use.id for use in recorded_run.waivers if use.state == "reproduced"}
    assert failing == {one for waiver in shipped.waivers if waiver.id in reproduced for one in waiver.requirements}


def test_cut_into_shards_and_merged_it_is_the_same(recorded_run: RunResult) -> None:
    merged = merge(cut_up(recorded_run, 7))

    assert merged.verdict == recorded_run.verdict
    assert merged.requirements == recorded_run.requirements
    assert merged.operations == recorded_run.operations
    assert merged.values == recorded_run.values
    assert merged.left_out == recorded_run.left_out
    assert merged.totals() == recorded_run.totals()
