"""What a run leaves behind or changes on its target fails SAFE-01 or SAFE-02; what others do there does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from conformance.checks.whole_run import Aftermath, inventory_result, waive
from conformance.contract import paths
from conformance.result import ItemResult
from conformance.run.ending import EndOfRun, inventory_before
from conformance.target.errors import TargetLost
from conformance.target.guard.sandbox import new_run_id
from conformance.target.leftovers import listing
from conformance.target.leftovers.cleanup import clean_up
from conformance.target.leftovers.inventory import Inventory
from conformance.target.timing import Timing
from conformance.waivers.file import parse_waivers
from tests.faults.proxy import FaultProxy, Reply
from tests.run.command import environment, report_of, run
from tests.safety.populated import Populated
from tests.safety.scene import CRASHED, DELETED, FORBIDDEN, Scene, refusing

PASSED = ItemResult("an item", ("RUL-01",), None, "passed")


@pytest.fixture
def open_scene(populated: Populated, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Starts a run with settings of its configuration."""
    scenes: list[Scene] = []

    def begin(**settings: Any) -> Scene:
        scenes.append(stack.enter_context(Scene(populated, tmp_path, **settings)))
        return scenes[0]

    with ExitStack() as stack:
        yield begin
        for scene in scenes:
            scene.fault = None
            clean_up(scene.api, scene.journal, scene.sandbox, scene.journal)


@pytest.fixture
def scene(open_scene: Callable[..., Scene]) -> Scene:
    return open_scene()


def end(scene: Scene, before: Inventory, *items: ItemResult) -> tuple[Aftermath, list[str]]:
    """As at the end of a run whose only worker has finished; returns what is known then, and the troubles."""
    left = clean_up(scene.api, scene.journal, scene.sandbox, scene.journal)
    ending = EndOfRun(scene.plan, ["gw0"], left)
    return ending.conclude(before, [PASSED, *items]), ending.troubles


def outcomes(aftermath: Aftermath) -> dict[str, tuple[str, str]]:
    return {item.requirements[0]: (item.outcome, item.reason) for item in aftermath.results()}


# --- SAFE-01 ----------------------------------------------------------------------------------------------------------


def test_run_that_cleans_up_passes(scene: Scene) -> None:
    before = inventory_before(scene.plan)
    scene.target.rules.create()
    scene.target.users.create()
    aftermath, troubles = end(scene, before)
    (nothing_left, kept) = aftermath.results()
    assert (nothing_left.outcome, nothing_left.evidence) == ("passed", {"SAFE-01": 2})
    assert (kept.outcome, kept.needs_mode) == ("skipped", "exclusive")
    assert troubles == []
    assert inventory_result(aftermath).late == []
    scene.assert_as_before()
    for name in ("inventory-before.json", "inventory-after.json"):
        content = (scene.plan.configuration.report_dir / name).read_text()
        assert json.loads(content)["collections"]["rules"]["entries"].keys() == {"billing", "cft-but-not-ours"}
        assert scene.populated.deployment.api_secret not in content
        assert "a-foreign-password" not in content


@pytest.mark.parametrize(
    ("reply", "problem"),
    [(DELETED, "still listed after its deletion was answered"), (CRASHED, "DELETE answered 500")],
)
def test_target_that_does_not_delete_is_at_fault(scene: Scene, reply: Reply, problem: str) -> None:
    before = inventory_before(scene.plan)
    rule = scene.target.rules.create()
    scene.fault = refusing("DELETE /rules/{id}", reply)
    aftermath, _ = end(scene, before)
    item = aftermath.results()[0]
    assert item.outcome == "failed"
    (failure,) = item.failures
    assert (failure.requirement, failure.operation, failure.check, failure.attribution) == (
        "SAFE-01", "DELETE /rules/{id}", "left_behind", "target",
    )  # fmt: skip
    assert failure.message == f"left behind: rule {rule}: {problem}"
    assert [rule] == inventory_result(aftermath).left


def test_what_may_not_be_deleted_is_undecided(scene: Scene) -> None:
    before = inventory_before(scene.plan)
    rule = scene.target.rules.create()
    scene.fault = refusing("DELETE /rules/{id}", FORBIDDEN)
    aftermath, _ = end(scene, before)
    assert outcomes(aftermath)["SAFE-01"] == ("error", f"left behind: rule {rule}: DELETE answered 403")


def test_what_a_dead_worker_left_is_deleted(scene: Scene) -> None:
    before = inventory_before(scene.plan)
    scene.target.rules.create()
    scene.journal.close()
    aftermath = EndOfRun(scene.plan, [], []).conclude(before, [PASSED])
    assert outcomes(aftermath)["SAFE-01"] == ("passed", "")
    scene.journal.gone(scene.journal)
    scene.assert_as_before()


def test_what_no_journal_knows_is_deleted_because_it_carries_the_name_of_the_run(scene: Scene) -> None:
    before = inventory_before(scene.plan)
    scene.target.users.create()
    scene.journal.gone(scene.journal)
    scene.populated.call("POST", "/publish", {"topic": scene.sandbox.topic(), "payload": "late", "retain": True})
    aftermath, _ = end(scene, before)
    assert outcomes(aftermath)["SAFE-01"] == ("passed", "")
    late = inventory_result(aftermath).late
    assert [name.partition(" ")[0] for name in late] == ["retained", "user"]
    scene.assert_as_before()


def test_lost_target_decides_nothing_and_the_user_learns_how_to_sweep(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.target.http.health.time.sleep", lambda _seconds: None)
    before = inventory_before(scene.plan)
    scene.target.rules.create()
    scene.journal.close()
    scene.fault = lambda _request, _forward: None
    ending = EndOfRun(scene.plan, [], [])
    aftermath = ending.conclude(before, [PASSED])
    assert {outcome for outcome, _ in outcomes(aftermath).values()} == {"not_run", "skipped"}
    assert [trouble for trouble in ending.troubles if f"--journal {scene.journal.file}" in trouble]
    assert [collection.after for collection in inventory_result(aftermath).collections] == [None] * 12


def test_list_that_broke_during_the_run_leaves_it_undecided(scene: Scene) -> None:
    before = inventory_before(scene.plan)
    scene.target.connectors.create()
    scene.fault = refusing("GET /connectors", CRASHED)
    aftermath, _ = end(scene, before)
    assert outcomes(aftermath)["SAFE-01"] == (
        "not_run", "what is left cannot be told: GET /connectors answered 500",
    )  # fmt: skip


def test_list_that_was_broken_before_is_replaced_by_the_answers_to_the_deletions(scene: Scene) -> None:
    scene.fault = refusing("GET /connectors", CRASHED)
    before = inventory_before(scene.plan)
    scene.target.connectors.create()
    aftermath, _ = end(scene, before)
    assert outcomes(aftermath)["SAFE-01"] == ("passed", "")
    notes = {collection.name: collection.note for collection in inventory_result(aftermath).collections}
    assert notes["connectors"] == "not compared: GET /connectors answered 500"


@pytest.mark.parametrize("reply", [CRASHED, FORBIDDEN])
def test_broken_list_does_not_hide_what_could_not_be_deleted(scene: Scene, reply: Reply) -> None:
    list_is_broken = refusing("GET /connectors", CRASHED)
    deletion_fails = refusing("DELETE /connectors/{id}", reply)
    scene.fault = list_is_broken
    before = inventory_before(scene.plan)
    scene.target.connectors.create()
    scene.fault = lambda request, forward: list_is_broken(request, lambda: deletion_fails(request, forward))  # type: ignore[arg-type,return-value]
    aftermath, _ = end(scene, before)
    assert outcomes(aftermath)["SAFE-01"][0] == ("failed" if reply is CRASHED else "error")


def test_run_that_decides_nothing_is_not_saved_by_its_cleanliness(scene: Scene) -> None:
    before = inventory_before(scene.plan)
    scene.target.rules.create()
    end(scene, before)
    aftermath = EndOfRun(scene.plan, ["gw0"], []).conclude(before, [ItemResult("x", (), None, "skipped")])
    assert {outcome for outcome, _ in outcomes(aftermath).values()} == {"skipped"}


def test_target_without_access_control_has_none_to_compare(scene: Scene) -> None:
    absent = Reply(404, {"content-type": "application/json"}, b'{"code":"NOT_FOUND","message":"none"}')
    scene.fault = lambda request, forward: absent if request.path.startswith("/auth") else forward()
    before = inventory_before(scene.plan)
    scene.target.rules.create()
    aftermath, _ = end(scene, before)
    assert outcomes(aftermath)["SAFE-01"] == ("passed", "")
    notes = {collection.name: collection.note for collection in inventory_result(aftermath).collections}
    assert notes["users"] == notes["rules of all"] == "the target has none"


def test_huge_collections_are_searched_for_what_the_run_left(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_ENTRIES", 2)
    monkeypatch.setattr(listing, "_PAGE", 2)
    others = [f"u{number}" for number in range(5)]
    for name in others:
        scene.populated.call("POST", paths.USERS, {"user_id": name, "password": "p"})
    before = inventory_before(scene.plan)
    user = scene.target.users.create()
    scene.fault = refusing(f"DELETE {paths.USER}", CRASHED)
    aftermath, _ = end(scene, before)
    users = next(entry for entry in inventory_result(aftermath).collections if entry.name == "users")
    assert (users.before, users.after, users.left) == (6, 7, [user])
    assert "too many to compare" in users.note
    assert before.collections["users"].entries == {}
    for name in others:
        scene.populated.call("DELETE", f"{paths.USERS}/{name}")


# --- SAFE-02 and what others do ---------------------------------------------------------------------------------------


def foreign_activity(populated: Populated) -> Callable[[], None]:
    """What a colleague does meanwhile; returns what undoes it."""
    populated.call("PUT", "/rules/billing", {"enable": False})
    populated.call("DELETE", "/banned/peerhost/192.0.2.250")
    populated.call("POST", paths.USERS, {"user_id": "newcomer", "password": "p"})

    def undo() -> None:
        populated.call("PUT", "/rules/billing", {"enable": True})
        populated.call("POST", "/banned", {"as": "peerhost", "who": "192.0.2.250"})
        populated.call("DELETE", f"{paths.USERS}/newcomer")

    return undo


def test_what_others_do_on_a_shared_target_is_information(scene: Scene) -> None:
    before = inventory_before(scene.plan)
    scene.target.rules.create()
    undo = foreign_activity(scene.populated)
    aftermath, _ = end(scene, before)
    undo()
    assert outcomes(aftermath)["SAFE-01"] == ("passed", "")
    assert outcomes(aftermath)["SAFE-02"][0] == "skipped"
    assert list(inventory_result(aftermath).sentences())[1] == (
        "Of what it did not create, rules: 1 changed; users: 1 appeared; bans: 1 vanished."
    )


def test_what_changes_on_an_exclusive_target_fails(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(exclusive=True)
    before = inventory_before(scene.plan)
    scene.target.rules.create()
    undo = foreign_activity(scene.populated)
    aftermath, _ = end(scene, before)
    undo()
    item = aftermath.results()[1]
    assert (item.outcome, item.evidence) == ("failed", {"SAFE-02": 2})
    assert [failure.message for failure in item.failures] == [
        "rules: billing changed, which the run did not create",
        "bans: peerhost/192.0.2.250 vanished, which the run did not create",
    ]


def test_exclusive_target_that_stays_as_it_was_passes(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(exclusive=True)
    before = inventory_before(scene.plan)
    scene.target.actions.create()
    scene.populated.call("PUT", "/rules/billing/metrics/reset")
    aftermath, _ = end(scene, before)
    passed = aftermath.results()[1]
    assert passed.outcome == "passed"
    assert passed.evidence["SAFE-02"] >= 10


@pytest.mark.parametrize(("status", "outcome"), [("204", "passed"), ("400", "failed")])
def test_what_global_operations_are_for_is_no_damage(
    status: str, outcome: str, open_scene: Callable[..., Scene]
) -> None:
    scene = open_scene(exclusive=True)
    before = inventory_before(scene.plan)
    scene.populated.call("DELETE", "/banned/peerhost/192.0.2.250")
    cleared = ItemResult("x", (), "DELETE /banned", "passed", statuses={"DELETE /banned": {status: 1}})
    aftermath, _ = end(scene, before, cleared)
    scene.populated.call("POST", "/banned", {"as": "peerhost", "who": "192.0.2.250"})
    assert outcomes(aftermath)["SAFE-02"][0] == outcome
    notes = {collection.name: collection.note for collection in inventory_result(aftermath).collections}
    assert ("on purpose" in notes["bans"]) is (status == "204")


DENY = {"rules": [{"topic": "#", "permission": "deny", "action": "all"}]}


@pytest.mark.parametrize("worker_lives", [True, False])
def test_rules_for_all_clients_are_put_back(worker_lives: bool, open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(exclusive=True)
    before = inventory_before(scene.plan)
    scene.api.call(f"POST {paths.RULES_OF_ALL}", json=DENY).expect(204)
    scene.api.call(f"DELETE {paths.RULES_OF_ALL}").expect(204)
    assert scene.populated.state() != scene.before
    scene.journal.close()
    ending = EndOfRun(scene.plan, ["gw0"] if worker_lives else [], [])
    aftermath = ending.conclude(before, [PASSED])
    assert outcomes(aftermath) == {"SAFE-01": ("passed", ""), "SAFE-02": ("passed", "")}
    scene.journal.gone(scene.journal)
    scene.assert_as_before()


def test_rules_for_all_clients_that_cannot_be_put_back_are_told(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(exclusive=True)
    before = inventory_before(scene.plan)
    scene.api.call(f"POST {paths.RULES_OF_ALL}", json=DENY).expect(204)
    scene.journal.close()
    scene.fault = refusing(f"POST {paths.RULES_OF_ALL}", CRASHED)
    aftermath = EndOfRun(scene.plan, ["gw0"], []).conclude(before, [PASSED])
    assert outcomes(aftermath)["SAFE-01"] == (
        "failed", "left behind: rules of all as they were: not put back: POST answered 500",
    )  # fmt: skip
    assert outcomes(aftermath)["SAFE-02"][0] == "failed"

    scene.fault = None
    EndOfRun(scene.plan, ["gw0"], []).conclude(before, [PASSED])
    scene.journal.gone(scene.journal)
    scene.assert_as_before()


def test_failure_can_be_waived(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(exclusive=True)
    before = inventory_before(scene.plan)
    undo = foreign_activity(scene.populated)
    aftermath, _ = end(scene, before)
    undo()
    item = aftermath.results()[1]
    waivers = parse_waivers(
        '[[waiver]]\nid = "W-1"\nrequirement = "SAFE-02"\nversions = ">=5.8"\nreason = "a colleague works here"\n'
        'link = "https://example.org/1"\nowner = "qa"\nexpires = 2099-01-01\n',
        "waivers.toml",
    )
    waive(item, waivers, scene.plan.capabilities)
    assert (item.outcome, item.reason) == ("waived", "waived by W-1")


def test_restart_of_an_exclusive_target_leaves_it_undecided(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(exclusive=True)
    before = inventory_before(scene.plan)
    undo = foreign_activity(scene.populated)
    aftermath = EndOfRun(scene.plan, ["gw0"], [], ["the target restarted in mid-run"]).conclude(before, [PASSED])
    undo()
    assert outcomes(aftermath)["SAFE-02"] == ("not_run", "the target restarted in mid-run")


def test_leftovers_of_other_runs_are_neither_foreign_nor_ours(scene: Scene) -> None:
    other = f"cft-{new_run_id()}-main-user-1"
    before = inventory_before(scene.plan)
    scene.populated.call("POST", paths.USERS, {"user_id": other, "password": "p"})
    aftermath, _ = end(scene, before)
    result = inventory_result(aftermath)
    assert outcomes(aftermath)["SAFE-01"][0] in ("passed", "skipped")
    users = next(entry for entry in result.collections if entry.name == "users")
    assert (users.left, users.other_runs, users.activity()) == ([], 1, "")
    assert scene.populated.status(f"{paths.USERS}/{other}") == 200
    scene.populated.call("DELETE", f"{paths.USERS}/{other}")


def test_ban_that_expires_has_not_been_lifted(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(exclusive=True)
    scene.populated.call("POST", "/banned", {"as": "clientid", "who": "brief", "until": "2099-01-01T00:00:00Z"})
    before = inventory_before(scene.plan)
    scene.populated.call("DELETE", "/banned/clientid/brief")
    aftermath, _ = end(scene, before)
    assert outcomes(aftermath)["SAFE-02"] == ("passed", "")


def test_slow_target_is_not_read_for_ever(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(timing=Timing(inventory=-1.0))
    before = inventory_before(scene.plan)
    assert before.requests == 0
    assert all("not read" in str(holdings.problem) for holdings in before.collections.values())


def test_inventory_of_a_dead_target_is_not_taken(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.http.health.time.sleep", lambda _seconds: None)
    scene.fault = lambda _request, _forward: None
    with pytest.raises(TargetLost):
        inventory_before(scene.plan)


# --- the command ------------------------------------------------------------------------------------------------------


def test_command_fails_when_the_target_keeps_what_it_says_to_have_deleted(populated: Populated, tmp_path: Path) -> None:
    item = "conformance/fuzz/test_operations.py::test_positive[GET /schema_registry/{name}]"
    with FaultProxy(populated.deployment.base_url, refusing("DELETE /schema_registry/{name}", DELETED)) as proxy:
        env = environment(populated.deployment, SEED="1", BASE_URL=proxy.base_url)
        completed = run("run", "-n", "0", item, env=env, cwd=tmp_path)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    assert "Traceback" not in completed.stdout + completed.stderr
    assert "1 of what the run created is still there." in completed.stdout

    report = report_of(tmp_path / "reports")
    assert report["verdict"] == "non_conformant"
    assert {failure["requirement"] for failure in report["failures"]} == {"SAFE-01"}
    cases = ElementTree.parse(tmp_path / "reports" / "junit.xml").getroot().iter("testcase")
    failed = [case.get("name") for case in cases if case.find("failure") is not None]
    assert failed == ["leaves_nothing"]
    assert '<tr data-collection="schemas">' in (tmp_path / "reports" / "index.html").read_text()
    left = scene_names(report)
    populated.call("DELETE", f"/schema_registry/{left}")


def scene_names(report: dict[str, Any]) -> str:
    """The name of the one resource that a report says is left behind."""
    (failure,) = report["failures"]
    return str(failure["message"].split("schema ")[1].partition(":")[0])
