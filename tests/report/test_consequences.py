"""What follows from a failure that is told, and what does not: on plain data, whichever worker it came from."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from conformance.checks.consequences import IN_CONSEQUENCE, cause_of, settle
from conformance.report.html import render_html
from conformance.report.json_report import build_report
from conformance.report.junit import render_junit
from conformance.report.storage import read_run, write_run
from conformance.report.terminal import summary
from conformance.report.verdict import decide
from conformance.report.waiver_proposal import propose
from conformance.result import Damage, Failure, ItemResult, Sighting
from tests.report.samples import SELECTION, failure, good_items, item, run_of

PULSAR = "connector pulsar:cft-1"
READ = "GET /rules"


def cause(**fields: Any) -> ItemResult:
    """The item that sent the invalid request, and its damage."""
    told = failure(
        "GEN-15", "POST /rules", id="gw1-2", check="refuses_invalid", message="an invalid request was answered 200"
    )
    damage = Damage("gw1-2", 10.0, 20.0, PULSAR, ["connect_timeout"])
    return item(
        "test_negative", "POST /rules", "GEN-15", outcome="failed", failures=[told], damages=[replace(damage, **fields)]
    )  # fmt: skip


def sighting(**fields: Any) -> Sighting:
    return replace(Sighting(12.0, 12.5, PULSAR, ["connect_timeout"]), **fields)


def victim(*sightings: Sighting, seen: int = 1, **fields: Any) -> ItemResult:
    """An item of another worker that met the damage in a list, and decided what it is about all the same."""
    met = failure("GEN-14", READ, id="gw0-7", seen=seen, sightings=list(sightings))
    evidence = {"RUL-01": 1, "GEN-14": 3}
    return item(
        "test_positive", READ, "RUL-01", outcome="failed", failures=[met], evidence=evidence, worker="gw0", **fields
    )


def settled(*items: ItemResult) -> tuple[ItemResult, ...]:
    settle(items)
    return items


def test_consequence_in_another_worker_is_no_failure_of_its_item() -> None:
    told, met = settled(cause(), victim(sighting()))
    assert met.failures[0].consequence_of == "gw1-2"
    assert (met.outcome, met.reason) == ("passed", "")
    assert met.evidence == {"RUL-01": 1, "GEN-14": 2}
    assert told.outcome == "failed"


def test_order_of_the_items_does_not_matter() -> None:
    met, _ = settled(victim(sighting()), cause())
    assert met.outcome == "passed"


@pytest.mark.parametrize(
    "other",
    [
        sighting(resource="connector pulsar:cft-2"),
        sighting(fields=["status"]),
        sighting(fields=["connect_timeout", "status"]),
        sighting(began=20.1, ended=20.2),
        sighting(began=9.0, ended=9.9),
        Sighting(12.0, 12.5, read=READ),
    ],
    ids=["another resource", "another field", "one more field", "undone before", "sent later", "a refused read"],
)
def test_what_the_damage_does_not_explain_stays_a_failure(other: Sighting) -> None:
    _, met = settled(cause(), victim(other))
    assert (met.failures[0].consequence_of, met.outcome) == (None, "failed")


def test_one_sighting_that_is_not_explained_is_enough() -> None:
    """The same failure is kept once, however often and wherever it is seen."""
    for sightings in ([sighting(), sighting(resource="connector pulsar:cft-2")], [sighting()]):
        _, met = settled(cause(), victim(*sightings, seen=2))
        assert (met.failures[0].consequence_of, met.outcome) == (None, "failed")


def test_damage_of_the_whole_explains_every_field_of_its_resource_alone() -> None:
    _, met = settled(cause(fields=[]), victim(sighting(fields=["status"])))
    assert met.outcome == "passed"
    _, met = settled(cause(fields=[]), victim(sighting(resource="connector pulsar:cft-2")))
    assert met.outcome == "failed"


@pytest.mark.parametrize(
    ("query", "read", "follows"),
    [
        (["like_user_id"], Sighting(12.0, 12.5, read=READ, query=["like_user_id", "page"]), True),
        ([], Sighting(12.0, 12.5, read=READ, query=["page"]), True),
        (["like_user_id"], Sighting(12.0, 12.5, read=READ, query=["page"]), False),
        (["like_user_id"], Sighting(12.0, 12.5, read="GET /connectors", query=["like_user_id"]), False),
        (["like_user_id"], sighting(), False),
    ],
    ids=["with the parameter", "the list as a whole", "without the parameter", "another list", "a wrong field"],
)
def test_refused_read(query: list[str], read: Sighting, follows: bool) -> None:
    _, met = settled(cause(resource="", fields=[], read=READ, query=query, until=None), victim(read))
    assert (met.failures[0].consequence_of is not None) == follows


def test_other_failures_of_the_item_still_count() -> None:
    met = victim(sighting())
    met.failures.append(failure("GEN-15", READ, check="no_server_error", message="answered 500"))
    settle([cause(), met])
    assert [one.counts for one in met.failures] == [False, True]
    assert met.outcome == "failed"


def test_item_that_could_decide_nothing_is_undecided() -> None:
    met = victim(sighting())
    met.requirements, met.evidence = ("RUL-01", "GEN-14"), {"GEN-14": 1, "RUL-01": 1}
    settle([cause(), met])
    assert (met.outcome, met.reason) == ("not_run", f"{IN_CONSEQUENCE}an invalid request was answered 200")


def test_waiver_of_the_cause_is_one_of_its_consequences() -> None:
    told, met = cause(), victim(sighting())
    told.failures[0].waived_by, told.outcome = "W-1", "waived"
    undecided = victim(sighting())
    undecided.requirements, undecided.evidence = ("GEN-14",), {"GEN-14": 1}
    settle([told, met, undecided])
    assert met.failures[0].waived_by == "W-1"
    assert (met.outcome, undecided.outcome) == ("passed", "waived")


def test_consequence_of_nothing_that_is_told_is_a_failure() -> None:
    told = cause()
    told.failures.clear()
    _, met = settled(told, victim(sighting()))
    assert (met.failures[0].consequence_of, met.outcome) == (None, "failed")
    left = victim(sighting())
    left.failures[0].consequence_of, left.outcome = "gw9-1", "passed"  # its worker found that, and died
    settle([left])
    undecided: ItemResult = left
    assert (undecided.failures[0].consequence_of, undecided.outcome) == (None, "failed")


def test_failure_is_no_consequence_of_itself() -> None:
    told = cause()
    told.failures[0].sightings = [sighting()]
    settle([told])
    assert (told.failures[0].consequence_of, told.outcome) == (None, "failed")


_sightings = st.builds(
    Sighting,
    began=st.floats(0, 30),
    ended=st.floats(0, 30),
    resource=st.sampled_from(["", PULSAR]),
    fields=st.lists(st.sampled_from(["connect_timeout", "status"]), max_size=2),
    read=st.sampled_from(["", READ]),
)


@given(st.lists(_sightings, max_size=3), st.integers(1, 3))
def test_settling_twice_changes_nothing_and_never_hides_a_cause(sightings: list[Sighting], seen: int) -> None:
    items = [cause(), victim(*sightings, seen=seen)]
    settle(items)
    once = deepcopy(items)
    settle(items)
    assert items == once
    assert decide(items, SELECTION).verdict == "non_conformant"
    assert items[0].failures[0].counts


def test_cause_is_the_only_failure_of_the_run(tmp_path: Path) -> None:
    """In the verdict, the account, and every report."""
    items = [*good_items(), cause(), victim(sighting())]
    settle(items)
    run = run_of(items)
    assert run.verdict == "non_conformant"
    assert {one.id: one.outcome for one in run.requirements}["GEN-14"] == "passed"
    assert (run.totals()["failed"], len(run.failures)) == (1, 2)

    report = build_report(run)
    assert [(one["id"], one["consequence_of"]) for one in report["failures"]] == [("gw1-2", None), ("gw0-7", "gw1-2")]
    write_run(run, tmp_path)
    assert read_run(tmp_path) == run
    assert propose(run, date(2027, 1, 1)).count("[[waiver]]") == 1
    assert 'In consequence of <a href="#failure-1">' in render_html(run)
    assert 'failures="1"' in render_junit(run)
    assert "in consequence of gw1-2: GET /rules" in render_junit(run)
    console = Console(record=True, width=300, file=StringIO())
    summary(run, console)
    text = console.export_text()
    assert "in consequence: GET /rules [response_schema]" in text
    assert text.count("[response_schema]") == 1


def test_failure_without_sightings_follows_from_nothing() -> None:
    assert cause_of(Failure("GEN-14", READ, "x", "y", id="a"), cause().damages) is None
