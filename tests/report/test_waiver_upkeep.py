"""Waivers that nothing needs any more are noticed, and waivers that a run asks for are proposed."""

from __future__ import annotations

import json
import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.report.waiver_proposal import propose
from conformance.result import Failure, RunResult
from conformance.waivers import WaiverError, WaiverFile, parse_waivers
from tests.report.samples import failing_items, failure, good_items, run_of

TODAY = date(2026, 11, 23)


def waiver_for(**selectors: str) -> WaiverFile:
    entry = {**selectors, "id": "w", "versions": ">=5.8.0,<5.9", "reason": "r", "link": "https://x.example/1"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in entry.items()]
    return parse_waivers("\n".join(["[[waiver]]", *lines, 'owner = "o"', "expires = 2027-06-30"]), "w.toml")


def run_that_checked(requirement: str, *failures: Failure) -> RunResult:
    run = run_of(good_items())
    run.items[0].evidence = {requirement: 1}
    run.items[0].statuses = {"GET /rules": {"200": 1}}
    run.failures = list(failures)
    return run


def test_waiver_whose_deviation_is_gone_is_unneeded() -> None:
    run = run_that_checked("RUL-01")
    assert waiver_for(requirement="RUL-01").unneeded(run, random=()) == ["w"]
    assert waiver_for(requirement="RUL-01", operation="GET /rules").unneeded(run, random=()) == ["w"]
    assert waiver_for(requirement="RUL-01", check="response_schema").unneeded(run, random=()) == ["w"]


@pytest.mark.parametrize(
    ("selectors", "random"),
    [
        ({"requirement": "RUL-99"}, ()),  # never put to the test
        ({"requirement": "RUL-01"}, ("RUL-01",)),  # random data may have missed it
        ({"requirement": "RUL-01", "operation": "PUT /rules/{id}"}, ()),
        ({"requirement": "RUL-01", "check": "of_another_test"}, ()),
        ({"operation": "GET /rules", "check": "x"}, ()),
    ],
)
def test_waiver_that_the_run_proves_nothing_about_may_stay(selectors: dict[str, str], random: tuple[str, ...]) -> None:
    assert waiver_for(**selectors).unneeded(run_that_checked("RUL-01"), random) == []


def test_waiver_for_a_setting_is_unneeded_only_where_that_is_set() -> None:
    run = run_that_checked("RUL-01")
    assert waiver_for(requirement="RUL-01", deployment="sessions are kept on disk").unneeded(run, random=()) == []
    run.deployment = ["MQTT: QoS up to 1, sessions are kept on disk"]
    assert waiver_for(requirement="RUL-01", deployment="sessions are kept on disk").unneeded(run, random=()) == ["w"]


def test_waiver_that_waived_something_is_needed() -> None:
    file = waiver_for(requirement="RUL-01")
    run = run_that_checked("RUL-01", failure(requirement="RUL-01"))
    file.apply(run.failures, run.target_version, today=TODAY)
    assert file.unneeded(run, random=(), today=TODAY) == []


def test_proposed_waivers_fit_the_failures_once_they_are_completed() -> None:
    run = run_of(failing_items())
    run.failures = [found for found in run.failures if found.waived_by is None]
    proposed = propose(run, TODAY)
    with pytest.raises(WaiverError, match="reason: expected a text"):
        parse_waivers(proposed, "proposed.toml")
    for key, value in (("reason", "why"), ("link", "https://x.example/1"), ("owner", "me")):
        proposed = proposed.replace(f'{key} = ""', f'{key} = "{value}"')
    file = parse_waivers(proposed, "proposed.toml")
    file.apply(run.failures, run.target_version, today=TODAY)
    assert run.failures
    assert all(found.waived_by for found in run.failures)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("e5.8.9-rc.1", "==5.8.9"), ("5.10.3-g1234", "==5.10.3"), ("banana", ">=0"), (None, ">=0")],
)
def test_proposals_are_for_the_release_of_the_target(version: str | None, expected: str) -> None:
    run = run_of(failing_items(), target_version=version)
    assert tomllib.loads(propose(run, TODAY))["waiver"][0]["versions"] == expected


@given(st.text(), st.text(), st.text())
def test_proposals_are_toml_whatever_a_failure_says(requirement: str, check: str, message: str) -> None:
    run = run_of(failing_items())
    run.failures = [failure(requirement=requirement, check=check, message=message)]
    entry = tomllib.loads(propose(run, TODAY))["waiver"][0]
    (deviation,) = entry["deviations"]
    assert (deviation["requirement"], deviation["check"]) == (requirement, check)
