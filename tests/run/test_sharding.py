"""Parts of a run: who takes what, and one report of all that says what one run would have said."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from conformance import __version__
from conformance.catalogue.coverage import account_values
from conformance.catalogue.registry import catalogue
from conformance.commands.merge import merge as merge_command
from conformance.commands.verify import verify
from conformance.contract import load_contract
from conformance.report.errors import ReportError
from conformance.report.json_report import build_report
from conformance.report.storage import read_run, write_run
from conformance.requirements import REQUIREMENTS
from conformance.result import Damage, Failure, ItemResult, PartSelected, RunResult, Shard, WaiverUse
from conformance.run.costs import shipped_costs
from conformance.run.merging import merge
from conformance.run.node_ids import requirements_of
from conformance.run.shard_checks import Part
from conformance.run.sharding import MOST_SHARDS, check_whole, costs_given, parse_shard, partition, share
from conformance.target.errors import ConfigurationError
from conformance.target.guard.sandbox import new_run_id
from conformance.target.settings.config import Configuration
from tests.report.samples import run_of
from tests.report.shards import cut_up, decided

COUNTS = (1, 2, 3, 7)
WHOLE_RUN = "conformance/checks/whole_run.py"
CONTRACT = load_contract()

costs_of_items = st.dictionaries(st.text(min_size=1, max_size=6), st.floats(0, 60), max_size=40)


@given(costs_of_items, st.sampled_from(COUNTS), st.randoms())
def test_every_item_is_in_one_part_whatever_the_order(
    costs: dict[str, float], count: int, chance: random.Random
) -> None:
    parts = partition(costs, count)
    assert parts.keys() == costs.keys()
    assert set(parts.values()) <= set(range(1, count + 1))

    shuffled = list(costs.items())
    chance.shuffle(shuffled)
    assert partition(dict(shuffled), count) == parts


@given(costs_of_items, st.sampled_from(COUNTS))
def test_no_part_is_longer_than_a_fair_share_and_one_item(costs: dict[str, float], count: int) -> None:
    loads: Counter[int] = Counter()
    for identifier, number in partition(costs, count).items():
        loads[number] += costs[identifier]  # type: ignore[assignment]
    longest = max(loads.values(), default=0)
    assert longest <= sum(costs.values()) / count + max(costs.values(), default=0) + 1e-6


@pytest.mark.parametrize("count", [2, 3, 7, 20])
@pytest.mark.parametrize("price_s", [0.0, 0.2])
def test_the_suite_falls_into_parts_that_cost_the_same(count: int, price_s: float) -> None:
    costs = {name: cost.at(price_s) for name, cost in shipped_costs().items.items()}
    costs |= {name: cost.at(price_s) for name, cost in shipped_costs().functions.items()}
    loads: Counter[int] = Counter()
    for identifier, number in partition(costs, count).items():
        loads[number] += costs[identifier]  # type: ignore[assignment]
    assert max(loads.values()) < 1.05 * sum(loads.values()) / count + max(costs.values())
    assert len(loads) == count


@pytest.mark.parametrize("count", [2, 7, MOST_SHARDS])
def test_shards_that_begin_at_once_never_have_the_same_names(count: int) -> None:
    identifiers = {new_run_id(now=1.0, part=(number, count)) for number in range(count)}
    assert len(identifiers) == count
    assert {len(identifier) for identifier in identifiers} == {11}


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/", "a/b", "1/0", "-1/3", "1/1001", "1/3/5", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--shard: .* is not I/N"):
        parse_shard({"shard": text})


def test_options_that_go_with_shards_and_those_that_do_not(tmp_path: Path) -> None:
    assert parse_shard({"shard": "2/3"}) == (2, 3)
    assert parse_shard({}) is None
    assert costs_given({}) is None
    assert (share(range(10), (1, 3)), share(range(10), None)) == (4, 10)
    with pytest.raises(ConfigurationError, match="--shard-costs needs --shard"):
        parse_shard({"shard_costs": "reports"})
    with pytest.raises(ConfigurationError, match="--shard contradicts --last-failed"):
        parse_shard({"shard": "1/2", "last_failed": True})
    with pytest.raises(ConfigurationError, match="--shard-costs: there is no "):
        costs_given({"shard": "1/2", "shard_costs": str(tmp_path)})
    for field, value in (("seed", "random"), ("baseline", tmp_path), ("strict_waivers", True)):
        with pytest.raises(ConfigurationError, match=f"--shard.* --{field.replace('_', '-')}"):
            check_whole(Configuration(**{field: value}))
    check_whole(Configuration(seed=7))


# --- the merge


def an_item(index: int, function: str, operation: str) -> ItemResult:
    """An item of a test, named as in the registry of requirements, that passed."""
    module, _, name = function.rpartition(".")
    identifier = f"{module.replace('.', '/')}.py::{name}[{operation}-{index}]"
    requirements = requirements_of(identifier)
    return ItemResult(
        identifier,
        requirements,
        operation,
        "passed",
        duration_s=0.1 + index % 5,
        statuses={operation: {"200": 1 + index % 3}},
        evidence={**dict.fromkeys(requirements, 1), "GEN-14": 2},
        decided={operation: {"response_schema": 1}},
        worker=f"gw{index % 2}",
    )


def a_run(*, healthy: bool, selection: PartSelected | None = None) -> RunResult:
    """A run about every requirement and every operation, with items of each outcome unless it is ``healthy``."""
    entries = [entry for _, entry in sorted(REQUIREMENTS.items()) if not entry.universal and entry.id[:4] != "SAFE"]
    tests = [next(name for name in entry.verified_by if ".test_" in name) for entry in entries]
    labels = list(CONTRACT.operations)
    items = [an_item(index, tests[index % len(tests)], labels[index % len(labels)]) for index in range(len(tests) + 30)]
    items[0].evidence |= {entry.id: 1 for entry in REQUIREMENTS.values() if entry.universal}
    items[1].values = {"POST /rules": ["value: enable = false"]}
    items[2].outcome, items[2].omission, items[2].reason = "skipped", "not_demanded", "no such case"
    if not healthy:
        names = [entry.id for entry in entries]
        deviation = Failure(names[3], labels[3], "gone", "200: it is still there", attribution="target", id="gw0-1")
        follows = Failure(names[4], labels[4], "listed", "it is listed", id="gw0-2", consequence_of="gw0-1")
        items[3].outcome, items[3].failures = "failed", [deviation, follows]
        items[3].damages = [Damage("gw0-1", 1.0)]
        waived = Failure(names[5], labels[5], "code", "400: no code", id="gw1-1", waived_by="W-1")
        items[5].outcome, items[5].failures = "waived", [waived]
        items[6].outcome, items[6].reason, items[6].omission = "skipped", "no listener", "undecided"
        items[7].outcome, items[7].reason, items[7].omission = "skipped", "it disturbs others", "chosen"
        items[7].needs_mode = "exclusive"
        items[8].outcome, items[8].reason = "error", "KeyError: 'x'"
    of_run = [
        ItemResult(f"{WHOLE_RUN}::leaves_nothing", ("SAFE-01",), None, "passed", evidence={"SAFE-01": 5}),
        ItemResult(f"{WHOLE_RUN}::keeps_what_it_found", ("SAFE-02",), None, "passed", evidence={"SAFE-02": 2}),
    ]
    base = run_of(
        [],
        suite=f"emqx-conformance {__version__}",
        contract_digest=CONTRACT.digest,
        described_version=CONTRACT.version,
        mode="disposable",
    )
    run = decided(base, [*items, *of_run], selection)
    return replace(run, values=account_values(CONTRACT, items))


@pytest.fixture(scope="module", params=["healthy", "every outcome", "selected"])
def whole(request: pytest.FixtureRequest, known: None) -> RunResult:
    selection = PartSelected(expression="banned") if request.param == "selected" else None
    return a_run(healthy=request.param != "every outcome", selection=selection)


@pytest.fixture(scope="module")
def known() -> None:
    list(catalogue())


@pytest.fixture(scope="module")
def healthy(known: None) -> RunResult:
    return a_run(healthy=True)


@pytest.mark.parametrize("count", COUNTS)
def test_merged_report_says_what_one_run_would_have_said(whole: RunResult, count: int) -> None:
    merged = merge(list(reversed(cut_up(whole, count))))

    assert merged.verdict == whole.verdict
    assert merged.reasons == whole.reasons
    assert merged.requirements == whole.requirements
    assert merged.operations == whole.operations
    assert merged.left_out == whole.left_out
    assert merged.values == whole.values
    assert merged.totals() == whole.totals()
    assert merged.complete == whole.complete
    assert [item.id for item in merged.items] == [item.id for item in whole.items]
    assert merged.selection == whole.selection
    assert [shard.index for shard in merged.shards] == list(range(1, count + 1))
    theirs, ours = build_report(whole), build_report(merged)
    assert [cause["sentence"] for cause in ours["causes"]] == [cause["sentence"] for cause in theirs["causes"]]
    assert ours["shard"] is None


def test_failures_of_shards_keep_what_they_follow_from(known: None) -> None:
    merged = merge(cut_up(a_run(healthy=False), 3))
    ids = {failure.id for failure in merged.failures}
    (follows,) = [failure for failure in merged.failures if failure.consequence_of]
    assert len(ids) == len(merged.failures) == 3
    assert follows.consequence_of in ids
    (damage,) = [damage for item in merged.items for damage in item.damages]
    assert damage.cause == follows.consequence_of


@pytest.mark.parametrize("count", [2, 7])
def test_what_a_missing_shard_had_to_look_at_is_never_green(healthy: RunResult, count: int) -> None:
    parts = cut_up(healthy, count)
    lost = parts.pop()
    merged = merge(parts)

    assert healthy.verdict == "conformant"
    assert merged.verdict == "inconclusive"
    assert f"1 shard of {count} is missing: number {count}." in merged.reasons
    unseen = {item.id for item in lost.run.items if "::test_" in item.id}
    assert {item.id for item in merged.items if item.outcome == "not_run"} >= unseen
    outcomes = {requirement.id: requirement.outcome for requirement in merged.requirements}
    touched = {identifier for item in lost.run.items for identifier in item.requirements}
    assert "passed" not in {outcomes[identifier] for identifier in touched}
    assert outcomes["SAFE-01"] == "not_run", "nobody knows what the missing one left"
    assert not merged.complete


def test_a_shard_that_could_not_start_makes_the_whole_inconclusive(healthy: RunResult) -> None:
    parts = cut_up(healthy, 3)
    begin = ItemResult("conformance/run/beginning.py::begin", (), None, "error", "no answer")
    unstarted = replace(
        parts[1].run, items=[begin], shard=Shard(2, 3), troubles=["the run could not start: no answer"],
        target_version=None, embedded=False, base_url="", seed=1, waivers=[],
    )  # fmt: skip
    merged = merge([parts[0], Part(Path("2"), unstarted), parts[2]])

    assert merged.verdict == "inconclusive"
    assert "shard 2 of 3: the run could not start: no answer." in merged.reasons


def test_trouble_of_a_shard_is_that_of_the_whole(healthy: RunResult) -> None:
    parts = cut_up(healthy, 2)
    spoiled = replace(parts[0].run, troubles=["the target restarted"])
    merged = merge([Part(Path("1"), spoiled), parts[1]])

    assert merged.verdict == "inconclusive"
    assert any("shard 1 of 2: the target restarted" in reason for reason in merged.reasons)


def test_what_one_shard_left_is_left_by_the_whole(healthy: RunResult) -> None:
    parts = cut_up(healthy, 3)
    left = Failure("SAFE-01", "DELETE /rules/{id}", "left_behind", "left behind: rule x", id="run-SAFE-01-1")
    of_run = next(item for item in parts[1].run.items if item.id.endswith("leaves_nothing"))
    of_run.outcome, of_run.failures, of_run.reason = "failed", [left], left.message
    merged = merge(parts)

    assert merged.verdict == "non_conformant"
    assert [failure.id for failure in merged.failures] == ["s2-run-SAFE-01-1"]
    inventory = merged.inventory
    assert inventory is not None
    assert len(inventory.left) == sum(len(part.run.inventory.left) for part in parts if part.run.inventory)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"seed": 43}, "they differ in the seeds, 42 and 43"),
        ({"profile": "smoke"}, "they differ in the profile, standard and smoke"),
        ({"mode": "exclusive"}, "they differ in the mode, disposable and exclusive"),
        ({"contract_digest": "sha256:00"}, "they differ in the contract, "),
        (
            {"base_url": "http://other/api/v5"},
            "they differ in the target, http://127.0.0.1:18083/api/v5 and http://other",
        ),
        ({"target_version": "5.8.1"}, "they differ in the version of the target, 5.8.9 and 5.8.1"),
        ({"waivers": []}, "they differ in the waivers, W-1, W-2 and none"),
        ({"suite": "emqx-conformance 9.9"}, "shards/2 was run by emqx-conformance 9.9, and this is emqx-conformance "),
        ({"extensions": ["acme 1"]}, " with acme 1, and this is emqx-conformance "),
        ({"shard": None}, "shards/2 is no shard: its run was not told --shard"),
    ],
)
def test_what_does_not_belong_together_is_refused(healthy: RunResult, changed: dict[str, Any], sentence: str) -> None:
    one, other = cut_up(healthy, 2)
    with pytest.raises(ReportError) as caught:
        merge([one, Part(other.directory, replace(other.run, **changed))])
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_shards_of_another_cut_are_refused(healthy: RunResult) -> None:
    one, other = cut_up(healthy, 2)
    shard = other.shard
    for changed in (
        replace(shard, digest="sha256:00"),
        replace(shard, items=shard.items[1:]),
        replace(shard, selection=PartSelected(expression="banned")),
    ):
        with pytest.raises(ReportError, match="cut out of other items, or with other --shard-costs"):
            merge([one, Part(other.directory, replace(other.run, shard=changed))])
    with pytest.raises(ReportError, match=r"shards/1 and again are both shard 1 of 2"):
        merge([one, Part(Path("again"), one.run)])
    with pytest.raises(ReportError, match="they differ in the number of shards, 2 and 3"):
        merge([one, cut_up(healthy, 3)[1]])
    with pytest.raises(ReportError, match="both have the item"):
        merge([one, Part(other.directory, replace(one.run, shard=replace(shard)))])
    with pytest.raises(ReportError, match="there is no shard to merge"):
        merge([])


def test_an_empty_shard_is_no_surprise_to_the_merge(healthy: RunResult) -> None:
    few = decided(healthy, [*healthy.items[:2], *healthy.items[-2:]], PartSelected(expression="few"))
    merged = merge(cut_up(few, 3))
    assert merged.verdict == few.verdict
    assert merged.requirements == few.requirements


def test_a_shard_is_stored_and_read_again(healthy: RunResult, tmp_path: Path) -> None:
    (part, _) = cut_up(healthy, 2)
    write_run(part.run, tmp_path)
    assert read_run(tmp_path) == part.run
    shard = build_report(part.run)["shard"]
    own = len([item for item in part.run.items if item.id in part.shard.items])
    assert (shard["index"], shard["count"], shard["items"], shard["own"]) == (1, 2, len(part.shard.items), own)


# --- the command


def stored(parts: list[Part], folder: Path) -> list[str]:
    for part in parts:
        (folder / part.directory).mkdir(parents=True)
        write_run(part.run, folder / part.directory)
    return [str(folder / part.directory) for part in parts]


def called(*arguments: str) -> Result:
    return CliRunner().invoke(merge_command, list(arguments))


def test_command_merges_and_ends_as_the_verdict_says(healthy: RunResult, tmp_path: Path) -> None:
    first, second, third = stored(cut_up(replace(healthy, waivers=[]), 3), tmp_path)
    for folder in (first, third):
        (Path(folder) / "exchanges.jsonl").write_text("")
    whole = called(second, first, third, "--report-dir", str(tmp_path / "all"), "--format", "badge")
    assert (whole.exit_code, whole.stderr) == (0, "")
    assert "Verdict: CONFORMANT" in whole.stdout
    names = {"run.json", "report.json", "junit.xml", "index.html", "badge.svg", "exchanges.jsonl", "exchanges.har"}
    names |= {"statement.json", "allure-results"}
    assert {file.name for file in (tmp_path / "all").iterdir()} == names

    (tmp_path / "killed").mkdir()
    out = str(tmp_path / "some")
    partly = called(first, third, str(tmp_path / "killed"), "--report-dir", out, "--baseline", str(tmp_path / "all"))
    assert partly.exit_code == 3
    assert partly.stderr == f"warning: {tmp_path / 'killed'} holds no run: its shard counts as missing\n"
    assert "Verdict: INCONCLUSIVE" in partly.stdout


def test_command_measures_against_a_baseline_and_waivers(healthy: RunResult, tmp_path: Path) -> None:
    old = WaiverUse("OLD", "unobserved", 0, "it left a rule behind", "https://example.org/1", "qa", "2099-01-01")
    names = stored(cut_up(replace(healthy, waivers=[old]), 2), tmp_path)
    before = called(*names, "--report-dir", str(tmp_path / "before"))
    assert before.exit_code == 0
    assert before.stderr == "warning: there is no statement.json without --waivers, which the shards had\n"
    waiver = """[[waiver]]
id = "OLD"
requirement = "SAFE-01"
versions = ">=5.8.0"
reason = "it left a rule behind"
link = "https://example.org/1"
owner = "qa"
expires = 2099-01-01
"""
    (tmp_path / "waivers.toml").write_text(waiver)
    options = ["--strict-waivers", "--waivers", str(tmp_path / "waivers.toml"), "--baseline", str(tmp_path / "before")]
    strict = called(*names, *options, "--report-dir", str(tmp_path / "after"))
    assert strict.exit_code == 2
    assert "Waiver OLD is not needed any more" in strict.stdout, strict.stderr
    assert "Since the baseline of 2026-11-23: nothing changed." in strict.stdout
    holds = CliRunner().invoke(verify, [str(tmp_path / "after"), "--waivers", str(tmp_path / "waivers.toml")])
    assert holds.exit_code == 0, holds.stdout


def test_command_refuses_in_one_sentence(healthy: RunResult, tmp_path: Path) -> None:
    first, second = stored(cut_up(healthy, 2), tmp_path)
    for arguments, sentence in (
        ((first, first), f"{first} and {first} are both shard 1 of 2"),
        ((first, str(tmp_path / "nothing")), f"there is no {tmp_path / 'nothing' / 'run.json'}"),
        ((first, second, "--report-dir", first), f"--report-dir: {first} holds a shard, name another directory"),
        ((first, second, "--strict-waivers"), "--strict-waivers needs --waivers"),
        ((first, second, "--waivers", "emqx-5.8"), "--waivers: the shards had others"),
        ((first, second, "--baseline", second), f"--baseline: there is no {Path(second) / 'report.json'}"),
    ):
        refused = called(*arguments)
        assert (refused.exit_code, refused.stderr) == (2, f"Error: {sentence}\n")
