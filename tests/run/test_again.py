"""A part of a run again: what failed, what is about one thing, or one failure alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.catalogue.registry import catalogue
from conformance.contract import load_contract
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.report.storage import write_run
from conformance.result import Failure
from conformance.run.choice import Choice, check_choice, make_choice, tags_of
from conformance.run.replay import judge, options_of, stored_failure
from conformance.target.errors import ConfigurationError
from conformance.target.settings.config import names_target
from tests.faults.proxy import FaultProxy
from tests.faults.seeded import EMPTY, swallow
from tests.report.samples import failing_items, failure, good_items, item, run_of
from tests.run.command import environment, report_of, run

GONE = "conformance/scenarios/test_rules.py::test_deleted_rule_is_gone"

BANNED = "conformance/fuzz/test_operations.py::test_positive[GET /banned]"
LISTED = "conformance/scenarios/test_banned.py::test_filters_exclude_each_other"
SAFE = "conformance/checks/whole_run.py::leaves_nothing"


@pytest.fixture(scope="module", autouse=True)
def _known() -> None:
    list(catalogue())


@pytest.fixture(scope="module")
def healthy() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def test_what_failed_runs_again_and_one_failure_is_repeated(healthy: EmbeddedDeployment, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    with FaultProxy(healthy.base_url, swallow("DELETE /rules/{id}", EMPTY)) as proxy:
        faulty = environment(healthy, SEED="1", BASE_URL=proxy.base_url)
        first = run("run", GONE, BANNED, "--max-failures", "9", env=faulty, cwd=tmp_path)
        assert first.returncode == 1, first.stdout + first.stderr
        assert "failing: A deleted rule answers 404" in first.stdout
        assert "Again: emqx-conformance run --last-failed" in first.stdout

        again = run("run", "--last-failed", "--quiet", env=faulty, cwd=tmp_path)
        assert again.returncode == 1, again.stdout + again.stderr
        assert again.stdout.startswith("\nVerdict: NON CONFORMANT")
        report = report_of(reports)
        assert report["selection"]["options"] == ["--last-failed"]
        assert {entry["item"] for entry in report["failures"] if "::test_" in entry["item"]} == {GONE}
        assert report["totals"]["passed"] == 0

        hidden = [file.name for folder in (tmp_path, reports) for file in folder.glob(".*")]
        assert hidden == [], "neither Hypothesis nor the run leaves anything of its own"
        # Beside what the run left: a rule that it made to learn what a write takes is not gone either.
        (cause,) = [one for one in report["causes"] if one["sentence"].startswith("A deleted rule answers 404")]
        before = (reports / "run.json").read_bytes()
        still = run("run", "--replay", cause["failures"][0], env=faulty, cwd=tmp_path)
        assert still.returncode == 1, still.stdout + still.stderr
        assert "\nStill there: " in still.stdout
        assert "\ncurl -sS -i " in still.stdout

    gone = run("run", "--replay", cause["id"], "reports", env=environment(healthy), cwd=tmp_path)
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert "\nGone: " in gone.stdout
    assert (reports / "run.json").read_bytes() == before, "the report that is asked is not written over"

    nobody = run("run", "--replay", "gw9-1", env=environment(healthy), cwd=tmp_path)
    assert (nobody.returncode, nobody.stderr) == (2, "--replay: the run in reports has no failure 'gw9-1'\n")


def test_nothing_new_begins_after_so_many_failures(healthy: EmbeddedDeployment, tmp_path: Path) -> None:
    with FaultProxy(healthy.base_url, swallow("DELETE /rules/{id}", EMPTY)) as proxy:
        env = environment(healthy, SEED="1", BASE_URL=proxy.base_url)
        ended = run("run", "-n", "0", GONE, BANNED, "--max-failures", "1", env=env, cwd=tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "1 item did not run: ended after 1 failed item (--max-failures)" in ended.stdout


def test_names_that_do_not_exist_are_wrong_usage(healthy: EmbeddedDeployment, tmp_path: Path) -> None:
    before = tmp_path / "reports" / "report.json"
    before.parent.mkdir()
    before.write_text("what the run before found")
    for option, name, meant in (
        ("--operation", "GET /baned", "GET /banned"),
        ("--tag", "Bands", "Banned"),
        ("--requirement", "BAN-99", "BAN-"),
    ):
        ended = run("run", "-n", "0", option, name, env=environment(healthy), cwd=tmp_path)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith(f"{option}: there is no {option[2:]} {name!r}; did you mean {meant}")
    assert before.read_text() == "what the run before found"


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        (Choice(), {GONE, BANNED, LISTED}),
        (Choice(requirements=("RUL-08",)), {GONE}),
        (Choice(requirements=("RUL-08", "BAN-08")), {GONE, LISTED}),
        (Choice(requirements=("GEN-15",)), {GONE, BANNED, LISTED}),
        (Choice(operations=("GET /banned",)), {BANNED, LISTED}),
        (Choice(tags=("Rules",)), {GONE}),
        (Choice(tags=("Rules", "Banned"), requirements=("BAN-08",)), {LISTED}),
        (Choice(only=(GONE, "another")), {GONE}),
        (Choice(only=()), set()),
    ],
)
def test_what_a_choice_keeps(choice: Choice, kept: set[str]) -> None:
    tags = tags_of(load_contract())
    assert {identifier for identifier in (GONE, BANNED, LISTED) if choice.keeps(identifier, tags)} == kept
    assert choice.narrows is (choice != Choice())
    assert Choice.from_json(choice.as_json()) == choice


class Item:
    def __init__(self, nodeid: str) -> None:
        self.nodeid = nodeid


def test_failed_ones_come_first() -> None:
    items = [Item(GONE), Item(BANNED), Item(LISTED)]
    kept, others = Choice(first=(LISTED,), only=(GONE, LISTED)).of(items, {})  # type: ignore[arg-type]
    assert [one.nodeid for one in kept] == [LISTED, GONE]
    assert [one.nodeid for one in others] == [BANNED]


def test_choice_is_made_of_the_run_before(tmp_path: Path) -> None:
    items = [item("test_x", "GET /rules", outcome="failed"), *good_items()]
    items[0].id = GONE
    whole = item("test_y", None, outcome="failed")
    whole.id = SAFE
    write_run(run_of([*items, whole]), tmp_path)
    last = make_choice({"last_failed": True, "requirement": ["rul-08"], "operation": ["get /banned"]}, tmp_path)
    assert (last.only, last.first, last.requirements, last.operations) == ((GONE,), (), ("RUL-08",), ("GET /banned",))
    assert last.told == ("--last-failed", "--requirement rul-08", "--operation get /banned")
    assert make_choice({"failed_first": True, "max_failures": "3"}, tmp_path) == Choice(
        first=(GONE,), max_failures=3, told=("--failed-first", "--max-failures 3")
    )
    assert make_choice({}, tmp_path / "nothing") == Choice()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"last_failed": True}, "--last-failed needs the report of an earlier run: there is no "),
        ({"failed_first": True}, "--failed-first needs the report of an earlier run: there is no "),
        ({"max_failures": "0"}, "--max-failures: '0' is no positive number"),
        ({"max_failures": "-1"}, "--max-failures: '-1' is no positive number"),
    ],
)
def test_choices_that_cannot_be_made(given: dict[str, object], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        make_choice(given, tmp_path)


@pytest.mark.parametrize("flag", ["last_failed", "failed_first"])
def test_what_failed_elsewhere_does_not_run_again_on_the_embedded_deployment(flag: str, tmp_path: Path) -> None:
    failing = item("test_x", "GET /rules", outcome="failed")
    failing.id = GONE
    write_run(run_of([failing]), tmp_path)
    with pytest.raises(ConfigurationError, match="name that target again, with --base-url or --target"):
        make_choice({flag: True}, tmp_path, elsewhere=False)
    write_run(run_of([failing], embedded=True), tmp_path)
    make_choice({flag: True}, tmp_path, elsewhere=False)


def test_target_that_is_named() -> None:
    assert not names_target({"base_url": None, "report_dir": "x"}, {"EMQX_CONFORMANCE_API_KEY": "k"})
    assert names_target({"base_url": "http://x/api/v5"}, {})
    assert names_target({"target": "staging"}, {})
    assert names_target({}, {"EMQX_CONFORMANCE_TARGET": "staging"})


def test_nothing_failed_is_nothing_to_run_again(tmp_path: Path) -> None:
    write_run(run_of(good_items()), tmp_path)
    with pytest.raises(ConfigurationError, match="--last-failed: nothing failed in the run that"):
        make_choice({"last_failed": True}, tmp_path)


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (Choice(operations=("GET /rule",)), "--operation: there is no operation 'GET /rule'; did you mean GET /rules"),
        (Choice(tags=("Bands",)), "--tag: there is no tag 'Bands'; did you mean Banned"),
        (Choice(tags=("?",)), "--tag: there is no tag '?'"),
    ],
)
def test_names_are_checked(choice: Choice, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_choice(choice, load_contract())
    assert str(caught.value).startswith(sentence)


def found(**fields: object) -> Failure:
    return failure("RUL-08", "GET /rules/{id}", check="gone", item=GONE, id="gw0-1", **fields)


@pytest.mark.parametrize(
    ("outcome", "fields", "still"),
    [
        ("failed", {"failures": [found(message="another")]}, "still there"),
        ("waived", {"failures": [found(waived_by="W")]}, "still there"),
        ("passed", {"decided": {"GET /rules/{id}": {"gone": 2}}}, "gone"),
        ("failed", {"decided": {"GET /rules/{id}": {"gone": 1}}, "failures": [failure()]}, "gone"),
        ("passed", {"decided": {}, "evidence": {"RUL-08": 1}}, "gone"),
        ("failed", {"decided": {}, "evidence": {}, "failures": [failure()]}, "undecided"),
        ("not_run", {"reason": "interrupted"}, "undecided"),
        ("skipped", {"reason": "no listener"}, "undecided"),
    ],
)
def test_judgment_of_a_replay(outcome: str, fields: dict[str, object], still: str) -> None:
    one = item("test_x", "GET /rules/{id}", "RUL-08", outcome=outcome, **fields)  # type: ignore[arg-type]
    finding = judge(found(), {GONE: one})
    assert finding.still == still
    assert (finding.failure is not None) is (still == "still there")
    assert finding.why


def test_replay_of_an_item_that_did_not_run_is_undecided() -> None:
    assert judge(found(), {}).still == "undecided"


def test_replay_takes_over_what_the_run_was(tmp_path: Path) -> None:
    items = failing_items()
    items[5].failures[0].id = "gw0-3"
    write_run(run_of(items, mode="exclusive", profile="smoke"), tmp_path)
    stored, lead = stored_failure(tmp_path, "gw0-3")
    assert stored_failure(tmp_path, "gen-14-get-rules")[1] == lead
    given = {"seed": None, "base_url": None, "exclusive": False, "profile": "deep", "report_dir": None, "contract": ""}
    assert options_of(stored, given, tmp_path, {}) == {
        "seed": "42",
        "profile": "deep",
        "contract": "corrected",
        "report_dir": str(tmp_path / "replay"),
        "base_url": "http://127.0.0.1:18083/api/v5",
        "exclusive": True,
    }
    named = {"EMQX_CONFORMANCE_BASE_URL": "http://x/api/v5", "EMQX_CONFORMANCE_REPORT_DIR": str(tmp_path)}
    elsewhere = options_of(stored, given, tmp_path, named)
    assert (elsewhere["base_url"], elsewhere["report_dir"]) == (None, str(tmp_path / "replay"))
    stored.embedded = True
    assert options_of(stored, {"base_url": None}, tmp_path, {})["base_url"] is None
    with pytest.raises(ConfigurationError, match="has no failure 'gw7-1'"):
        stored_failure(tmp_path, "gw7-1")
