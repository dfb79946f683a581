"""What a target stores under ids that carry no name is known by journal and time, and told; others are not touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conformance.checks.whole_run import Aftermath, inventory_result
from conformance.commands.sweep import sweep_target
from conformance.contract import paths
from conformance.reference.embedded import start_embedded
from conformance.result import ItemResult
from conformance.run.ending import EndOfRun, inventory_before
from conformance.target.errors import SafetyViolation
from conformance.target.journal.journal import read_journal
from conformance.target.leftovers.cleanup import clean_up
from conformance.target.leftovers.inventory import Inventory
from tests.recorded import RECORDED
from tests.safety.populated import Populated
from tests.safety.scene import FORBIDDEN, Scene, refusing

PASSED = ItemResult("an item", ("RUL-01",), None, "passed")
IMPORT = f"POST {paths.IMPORT_USERS}"
ODD: list[Any] = [{"a": 1}, [{"x": 1}], 7]
STAYS = "only deleting the authenticator and creating it anew removes it, with all other users"


@pytest.fixture(scope="module")
def recorded() -> Iterator[Populated]:
    """A deployment with the recorded defects of EMQX 5.8.9, and foreign resources of every kind."""
    with start_embedded(traits=RECORDED) as deployment, Populated(deployment) as populated:
        yield populated


@pytest.fixture
def open_scene(recorded: Populated, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Starts a run with settings of its configuration; afterwards the users are as they were before the test."""
    scenes: list[Scene] = []

    def begin(**settings: Any) -> Scene:
        scenes.append(stack.enter_context(Scene(recorded, tmp_path, **settings)))
        return scenes[0]

    with ExitStack() as stack:
        yield begin
        for scene in scenes:
            scene.fault = None
            clean_up(scene.api, scene.journal, scene.sandbox, [item for item in scene.journal if not item.nameless])
    renew_authenticator(recorded)


def renew_authenticator(populated: Populated) -> None:
    """What alone removes users that nobody can delete."""
    authenticator = populated.call("GET", paths.AUTHENTICATOR).json()
    populated.call("DELETE", paths.AUTHENTICATOR)
    populated.call("POST", "/authentication", {name: value for name, value in authenticator.items() if name != "id"})
    populated.call("POST", paths.USERS, {"user_id": "operator", "password": "a-foreign-password"})


def take_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hole in the guard."""
    monkeypatch.setattr("conformance.target.guard.identities.Judge.deletable", lambda *_values: iter(()))


def import_users(scene: Scene, *ids: Any) -> None:
    rows = [{"user_id": user_id, "password": "p"} for user_id in ids]
    scene.api.call(IMPORT, query={"type": "plain"}, json=rows).expect(200)


def end(scene: Scene, before: Inventory) -> Aftermath:
    """As at the end of a run whose only worker has finished."""
    own = [item for item in scene.journal if not item.nameless]
    left = clean_up(scene.api, scene.journal, scene.sandbox, own)
    scene.journal.close()
    return EndOfRun(scene.plan, ["gw0"], left).conclude(before, [PASSED])


def outcomes(aftermath: Aftermath) -> tuple[str, str]:
    nothing_left, kept = aftermath.results()
    return nothing_left.outcome, kept.outcome


def told(aftermath: Aftermath) -> list[str]:
    return [failure.message for failure in aftermath.results()[0].failures]


def test_run_below_disposable_cannot_even_ask_for_it(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(exclusive=True)
    for user_id in ODD:
        with pytest.raises(SafetyViolation, match="needs --disposable"):
            import_users(scene, user_id)
    assert not any(line.startswith("POST") for line in scene.seen)


@pytest.mark.parametrize("mode", ["default", "exclusive", "disposable"])
def test_what_nobody_can_delete_is_told_as_left_behind(
    mode: str, open_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_anything(monkeypatch)
    scene = open_scene(**({} if mode == "default" else {mode: True}))
    before = inventory_before(scene.plan)
    scene.target.users.create()
    ids = ODD if mode == "disposable" else ODD[:2]  # a number is outside of every sandbox
    import_users(scene, *ids)
    scene.seen.clear()

    aftermath = end(scene, before)
    assert outcomes(aftermath) == ("failed", "skipped" if mode == "default" else "passed")
    shown = {'user {"a":1} (no text)', 'user [{"x":1}] (no text)', "user 7 (no text)"} - (
        set() if mode == "disposable" else {"user 7 (no text)"}
    )
    problem = f"DELETE answered 404, and it is still listed; {STAYS}"
    assert set(told(aftermath)) == {f"left behind: {user}: {problem}" for user in shown}
    assert {failure.check for failure in aftermath.results()[0].failures} == {
        "unreachable_id" if mode == "disposable" else "left_behind"
    }
    path = f"{paths.USERS}/%7B%22a%22%3A1%7D"
    assert f"DELETE {path}" in scene.seen, "there was one way that could have worked"

    (users,) = [entry for entry in inventory_result(aftermath).collections if entry.name == "users"]
    assert (len(users.left), users.appeared) == (len(ids), 0)
    assert "Of what it did not create" not in " ".join(inventory_result(aftermath).sentences())


def test_what_was_there_before_is_nobody_s(open_scene: Callable[..., Scene], recorded: Populated) -> None:
    recorded.call("POST", f"{paths.IMPORT_USERS}?type=plain", [{"user_id": {"a": 1}, "password": "p"}])
    scene = open_scene(disposable=True)
    before = inventory_before(scene.plan)
    assert '{"a":1} (no text)' in before.collections["users"].entries
    import_users(scene, {"a": 1})

    aftermath = end(scene, before)
    assert outcomes(aftermath) == ("passed", "passed")
    assert inventory_result(aftermath).left == []
    assert (
        "users: 1 that was there before cannot be deleted one by one, for an id that is no text; EMQX then refuses to "
        "filter the list."
    ) in list(inventory_result(aftermath).sentences())


def test_what_a_stranger_may_have_made_is_told_and_left_alone(
    open_scene: Callable[..., Scene], recorded: Populated
) -> None:
    scene = open_scene()
    before = inventory_before(scene.plan)
    scene.target.users.create()
    recorded.call("POST", f"{paths.IMPORT_USERS}?type=plain", [{"user_id": ["theirs"], "password": "p"}])
    scene.seen.clear()

    aftermath = end(scene, before)
    item = aftermath.results()[0]
    problem = "it appeared during the run, and its id is no text that could tell whose it is"
    assert (item.outcome, item.reason) == ("error", f'left behind: user ["theirs"] (no text): {problem}')
    assert [line for line in scene.seen if line.startswith("DELETE") and "theirs" in line] == []


def test_run_that_creates_no_users_is_not_held_to_account_for_some(
    open_scene: Callable[..., Scene], recorded: Populated
) -> None:
    scene = open_scene()
    before = inventory_before(scene.plan)
    scene.target.rules.create()
    recorded.call("POST", f"{paths.IMPORT_USERS}?type=plain", [{"user_id": ["theirs"], "password": "p"}])
    aftermath = end(scene, before)
    assert outcomes(aftermath) == ("passed", "skipped")
    assert "Of what it did not create, users: 1 appeared." in list(inventory_result(aftermath).sentences())


def test_user_whose_id_is_spelled_alike_is_left_alone(open_scene: Callable[..., Scene], recorded: Populated) -> None:
    for name in ('{"a":1}', "7"):
        recorded.call("POST", paths.USERS, {"user_id": name, "password": "p"})
    scene = open_scene(disposable=True)
    before = inventory_before(scene.plan)
    import_users(scene, {"a": 1}, 7)
    scene.seen.clear()

    aftermath = end(scene, before)
    problem = f"no path leads to it, and it is still listed; {STAYS}"
    assert set(told(aftermath)) == {
        f'left behind: user {{"a":1}} (no text): {problem}', f"left behind: user 7 (no text): {problem}",
    }  # fmt: skip
    assert not any(line.startswith("DELETE") for line in scene.seen)
    assert outcomes(aftermath)[1] == "passed"


def test_target_that_takes_numbers_for_texts_is_cleaned_up(open_scene: Callable[..., Scene]) -> None:
    """Bans do: the journal knows of a number, and the text that the list shows is new."""
    scene = open_scene(disposable=True)
    before = inventory_before(scene.plan)
    scene.api.call("POST /banned", json={"as": "clientid", "who": 4_242_000_001}).expect(200)
    aftermath = end(scene, before)
    assert outcomes(aftermath)[0] == "passed"
    assert inventory_result(aftermath).late == ["ban clientid/4242000001"]


def test_empty_id_is_told_as_well(open_scene: Callable[..., Scene], recorded: Populated) -> None:
    scene = open_scene(disposable=True)
    before = inventory_before(scene.plan)
    scene.api.call("POST /banned", json={"as": "clientid", "who": ""}).expect(200)
    aftermath = end(scene, before)
    assert told(aftermath) == [
        "left behind: ban clientid/: no path leads to it, and it is still listed; only DELETE /banned lifts it, with "
        "all other bans"
    ]  # fmt: skip
    bans = recorded.call("GET", "/banned").json()["data"]
    recorded.call("DELETE", "/banned")
    for ban in bans:
        if ban["who"]:
            recorded.call("POST", "/banned", ban)


def test_refused_creation_that_was_stored_is_known_all_the_same(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(disposable=True)
    before = inventory_before(scene.plan)

    def pretend(request: Any, forward: Callable[[], Any]) -> Any:
        reply = forward()
        return FORBIDDEN if request.is_for(IMPORT) else reply

    scene.fault = pretend
    scene.api.call(IMPORT, query={"type": "plain"}, json=[{"user_id": {"a": 1}, "password": "p"}]).expect(403)
    scene.fault = None
    assert scene.journal.file is not None
    assert [str(resource) for resource in read_journal(scene.journal.file).nameless] == ['user {"a":1} (no text)']
    assert outcomes(end(scene, before))[0] == "failed"


def test_list_that_cannot_be_read_leaves_it_undecided(open_scene: Callable[..., Scene]) -> None:
    scene = open_scene(disposable=True)
    before = inventory_before(scene.plan)
    import_users(scene, {"a": 1})
    scene.fault = refusing(f"GET {paths.USERS}", FORBIDDEN)
    assert outcomes(end(scene, before))[0] == "not_run"


def test_messages_of_the_target_itself_are_nobody_s_change(
    open_scene: Callable[..., Scene], recorded: Populated
) -> None:
    """EMQX retains messages below $SYS that come, change and go as it likes."""
    scene = open_scene(exclusive=True)
    before = inventory_before(scene.plan)
    scene.target.users.create()
    for topic in ("$SYS/brokers", "$SYS/brokers/emqx@127.0.0.1/uptime"):
        recorded.call("POST", "/publish", {"topic": topic, "payload": "emqx@127.0.0.1", "retain": True})
    aftermath = end(scene, before)
    assert outcomes(aftermath) == ("passed", "passed")
    (messages,) = [entry for entry in inventory_result(aftermath).collections if entry.name == "retained messages"]
    assert messages.activity() == ""

    assert aftermath.after is not None
    before = aftermath.after
    for topic in ("$SYS/brokers", "$SYS/brokers/emqx@127.0.0.1/uptime"):
        recorded.call("DELETE", f"/mqtt/retainer/message/{quote(topic, safe='')}")
    assert inventory_result(end(scene, before)).sentences() is not None
    assert "did not create" not in " ".join(inventory_result(end(scene, before)).sentences())


# --- after a crash ----------------------------------------------------------------------------------------------------


def sweep(scene: Scene, capsys: pytest.CaptureFixture[str], **options: bool) -> tuple[int, str, str]:
    """Exit code and output of a sweep by the journal of a run that did not live to clean up."""
    scene.journal.close()
    deployment = scene.populated.deployment
    secret = scene.plan.configuration.report_dir / "secret"
    secret.touch(mode=0o600)
    secret.write_text(deployment.api_secret)
    base = {"base_url": deployment.base_url, "api_key": deployment.api_key, "api_secret_file": str(secret)}
    code = sweep_target(base, scene.journal.file, None, "2h", any_target=True, **options)
    output = capsys.readouterr()
    return code, output.out, output.err


def test_sweep_says_what_it_cannot_delete(open_scene: Callable[..., Scene], capsys: pytest.CaptureFixture[str]) -> None:
    scene = open_scene(disposable=True)
    scene.target.users.create()
    import_users(scene, {"a": 1})
    code, shown, _ = sweep(scene, capsys, dry_run=True)
    assert (code, shown.splitlines()[0]) == (0, 'would delete user {"a":1} (no text)')
    code, shown, complaint = sweep(scene, capsys)
    assert (code, shown) == (3, "deleted 1 of 2\n")
    assert complaint == (
        f'could not delete user {{"a":1}} (no text): DELETE answered 404, and it is still listed; {STAYS}\n'
    )


def test_sweep_finds_that_nothing_is_left(open_scene: Callable[..., Scene], capsys: pytest.CaptureFixture[str]) -> None:
    scene = open_scene(disposable=True)
    import_users(scene, {"a": 1})
    renew_authenticator(scene.populated)
    assert sweep(scene, capsys) == (0, "deleted 1 of 1\n", "")
    assert scene.journal.file is not None
    assert not read_journal(scene.journal.file).live
