"""``emqx-conformance sweep`` deletes leftovers of runs, and only those."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.commands.cli import main
from conformance.contract import paths
from conformance.reference.embedded import start_embedded
from conformance.target.guard.sandbox import new_run_id
from conformance.target.journal.journal import Header, Journal, read_journal
from conformance.target.journal.resource import Resource
from conformance.target.mqtt import MqttClient
from tests.faults.proxy import FaultProxy
from tests.safety.populated import AVRO, Populated
from tests.safety.scene import CRASHED, refusing

YESTERDAY = time.time() - 86_400
RUN = new_run_id(YESTERDAY)
OWN = f"cft-{RUN}-gw0-"

Sweep = Callable[..., Result]


@pytest.fixture(scope="module")
def populated() -> Iterator[Populated]:
    with start_embedded() as deployment, Populated(deployment) as populated:
        yield populated


@pytest.fixture
def sweep(populated: Populated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sweep:
    """Runs the command against the deployment, or against another base URL; what it cannot delete it tells at once."""
    (tmp_path / "targets.toml").write_text("[targets.here.timing]\ncleaned = 0.001\n")
    monkeypatch.chdir(tmp_path)
    deployment = populated.deployment

    def run(*arguments: object, base_url: str = deployment.base_url) -> Result:
        environment = {
            "EMQX_CONFORMANCE_BASE_URL": base_url,
            "EMQX_CONFORMANCE_API_KEY": deployment.api_key,
            "EMQX_CONFORMANCE_API_SECRET": deployment.api_secret,
        }
        return CliRunner().invoke(main, ["sweep", "--target", "here", *map(str, arguments)], env=environment)

    return run


@pytest.fixture
def before(populated: Populated) -> Iterator[dict[str, object]]:
    """What the deployment holds before a test, and has to hold again after it."""
    state = populated.state()
    yield state
    assert populated.state() == state


def leave_something_of_every_kind(populated: Populated, own: str = OWN) -> list[Resource]:
    """What a crashed run could leave, created past the suite."""
    topic = f"{own[:-1]}/kept"
    rule = {"sql": f'SELECT * FROM "{topic}"', "actions": [f"http:{own}act"]}
    populated.call("POST", "/connectors", {"type": "http", "name": f"{own}con", "url": "http://127.0.0.1:9",
                                           "enable": False})  # fmt: skip
    populated.call("POST", "/actions", {"type": "http", "name": f"{own}act", "connector": f"{own}con", "enable": False,
                                        "parameters": {"path": "/", "method": "post"}})  # fmt: skip
    populated.call("POST", "/rules", {"id": f"{own}rule", "name": "", **rule})
    invented = populated.call("POST", "/rules", {"name": f"{own}nameless", **rule}).json()["id"]
    populated.call("POST", "/schema_registry", {"name": f"{own}schema", "type": "avro", "source": AVRO})
    populated.call("POST", paths.USERS, {"user_id": f"{own}user:a", "password": "p"})
    populated.call("POST", paths.USER_RULES, [{"username": f"{own}u", "rules": []}])
    populated.call("POST", paths.CLIENT_RULES, [{"clientid": f"{own}c", "rules": []}])
    populated.call("POST", "/banned", {"as": "clientid", "who": f"{own}banned"})
    populated.call("POST", "/banned", {"as": "username_re", "who": f"^{own}b$"})
    populated.call("POST", "/banned", {"as": "peerhost", "who": "203.0.113.9", "reason": own})
    populated.call("POST", "/publish", {"topic": topic, "payload": "kept", "retain": True})
    assert populated.deployment.mqtt is not None
    MqttClient(populated.deployment.mqtt, f"{own}client", session_expiry_s=3600).connect().close()
    return [
        Resource("connector", f"http:{own}con"), Resource("action", f"http:{own}act"), Resource("rule", f"{own}rule"),
        Resource("rule", invented, f"{own}nameless"), Resource("schema", f"{own}schema"),
        Resource("user", f"{own}user:a"), Resource("user_rules", f"{own}u"), Resource("client_rules", f"{own}c"),
        Resource("ban", f"clientid/{own}banned"), Resource("ban", f"username_re/^{own}b$"),
        Resource("ban", "peerhost/203.0.113.9"), Resource("retained", topic), Resource("client", f"{own}client"),
    ]  # fmt: skip


def journal_of(
    folder: Path, populated: Populated, resources: list[Resource], run: str = RUN, worker: str = "gw0"
) -> Path:
    """The journal of a run that crashed after it created ``resources``."""
    header = Header(run, worker, populated.deployment.base_url, "0.1.0", "2026-11-23T03:00:00+00:00")
    journal = Journal(folder / f"journal-{run}-{worker}.jsonl", header)
    journal.record(resources)
    journal.close()
    assert journal.file is not None
    return journal.file


# --- by journal -------------------------------------------------------------------------------------------------------


def test_journal_is_swept_once(sweep: Sweep, populated: Populated, before: dict[str, object], tmp_path: Path) -> None:
    resources = leave_something_of_every_kind(populated)
    file = journal_of(tmp_path, populated, resources)

    shown = sweep("--journal", file, "--dry-run")
    assert (shown.exit_code, len(shown.output.splitlines())) == (0, len(resources))
    assert f"would delete connector http:{OWN}con" in shown.output
    assert read_journal(file).live

    swept = sweep("--journal", file)
    assert (swept.exit_code, swept.output) == (0, f"deleted {len(resources)} of {len(resources)}\n")
    assert populated.state() == before
    again = sweep("--journal", file)
    assert (again.exit_code, again.output) == (0, "nothing to delete\n")


def test_all_journals_of_a_folder_are_swept(
    sweep: Sweep, populated: Populated, before: dict[str, object], tmp_path: Path
) -> None:
    for worker in ("gw0", "gw1"):
        user = f"cft-{RUN}-{worker}-user"
        populated.call("POST", paths.USERS, {"user_id": user, "password": "p"})
        journal_of(tmp_path, populated, [Resource("user", user)], worker=worker)
    swept = sweep("--journal", tmp_path)
    assert (swept.exit_code, swept.output) == (0, "deleted 2 of 2\n")


def test_torn_journal_is_swept(sweep: Sweep, populated: Populated, before: dict[str, object], tmp_path: Path) -> None:
    populated.call("POST", paths.USERS, {"user_id": f"{OWN}user", "password": "p"})
    file = journal_of(tmp_path, populated, [Resource("user", f"{OWN}user")])
    with file.open("ab") as stream:
        stream.write(b'{"event": "create", "kind": "ru')
    assert sweep("--journal", file).exit_code == 0
    assert not read_journal(file).live


def test_journal_that_was_torn_in_its_first_line_holds_nothing(sweep: Sweep, tmp_path: Path) -> None:
    file = tmp_path / "journal-x.jsonl"
    for content in ("", '{"journal": 1, "run": "0ab'):
        file.write_text(content)
        swept = sweep("--journal", file)
        assert (swept.exit_code, swept.output) == (0, "nothing to delete\n")


def test_journal_for_another_target_is_refused(
    sweep: Sweep, populated: Populated, before: dict[str, object], tmp_path: Path
) -> None:
    populated.call("POST", paths.USERS, {"user_id": f"{OWN}user", "password": "p"})
    file = journal_of(tmp_path, populated, [Resource("user", f"{OWN}user")])
    with FaultProxy(populated.deployment.base_url, lambda _request, forward: forward()) as proxy:
        refused = sweep("--journal", file, base_url=proxy.base_url)
        assert refused.exit_code == 2
        assert f"was written for {populated.deployment.base_url}, not for {proxy.base_url}" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
        assert sweep("--journal", file, "--any-target", base_url=proxy.base_url).exit_code == 0


def test_journal_of_a_living_run_is_refused(sweep: Sweep, populated: Populated, tmp_path: Path) -> None:
    file = journal_of(tmp_path, populated, [Resource("user", f"{OWN}user")])
    header = read_journal(file).header
    assert header is not None
    alive = Journal(file, header)
    alive.open()
    refused = sweep("--journal", file)
    alive.close()
    assert refused.exit_code == 2
    assert "belongs to a run that is still going on" in refused.stderr
    assert sweep("--journal", file).exit_code == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [("not a journal\n", "is no journal"), (None, "cannot be read"), ('{"a": 1}\n', "no journal")],
)
def test_other_files_are_refused(content: str | None, problem: str, sweep: Sweep, tmp_path: Path) -> None:
    file = tmp_path / "journal-x.jsonl"
    if content is not None:
        file.write_text(content)
    refused = sweep("--journal", file)
    assert refused.exit_code == 2
    assert problem in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_journal_cannot_name_what_is_not_of_its_run(
    sweep: Sweep, populated: Populated, before: dict[str, object], tmp_path: Path
) -> None:
    """Whoever writes into a journal cannot make the suite delete what belongs to others."""
    other = f"cft-{new_run_id(YESTERDAY)}-main-user"
    populated.call("POST", paths.USERS, {"user_id": f"{OWN}user", "password": "p"})
    populated.call("POST", paths.USERS, {"user_id": other, "password": "p"})
    foreign = [
        Resource("rule", "billing"), Resource("rule", "billing", "billing"), Resource("named_rule", "billing"),
        Resource("connector", "http:billing"), Resource("user", "operator"), Resource("user", other),
        Resource("client", "press-17"), Resource("ban", "clientid/intruder"), Resource("ban", "peerhost/10.0.0.1"),
        Resource("ban", "username_re/^evil"), Resource("retained", "#"), Resource("retained", "plant/#"),
        Resource("retained", f"+/{OWN}"), Resource("schema", "reading"),
    ]  # fmt: skip
    # Ids that carry no name are looked for in the lists: these are not there.
    nameless = [Resource("user", ".."), Resource("user", ""), Resource("user", "5", no_text=True)]
    file = journal_of(tmp_path, populated, [*foreign, *nameless, Resource("user", f"{OWN}user")])
    swept = sweep("--journal", file)
    assert (swept.exit_code, swept.stdout) == (3, "deleted 4 of 4\n")
    assert swept.stderr.count("it does not carry the name of the run") == len(foreign)
    populated.call("DELETE", f"{paths.USERS}/{other}")


def test_invented_id_in_a_journal_is_only_believed_if_the_rule_shows_the_name(
    sweep: Sweep, populated: Populated, before: dict[str, object], tmp_path: Path
) -> None:
    file = journal_of(tmp_path, populated, [Resource("rule", "billing", f"{OWN}rule")])
    swept = sweep("--journal", file)
    assert swept.exit_code == 3
    assert "it does not show the name" in swept.stderr


def test_rules_for_all_clients_are_put_back_where_that_is_allowed(
    sweep: Sweep, populated: Populated, before: dict[str, object], tmp_path: Path
) -> None:
    rules = populated.call("GET", paths.RULES_OF_ALL).json()["rules"]
    file = journal_of(tmp_path, populated, [Resource("rules_of_all", json.dumps(rules, sort_keys=True))])
    populated.call("POST", paths.RULES_OF_ALL, {"rules": []})
    assert sweep("--journal", file, "--dry-run").output == "would put back rules of all as they were\n"
    refused = sweep("--journal", file)
    assert refused.exit_code == 3
    assert "needs --exclusive" in refused.stderr
    assert sweep("--journal", file, "--exclusive").exit_code == 0


# --- by prefix --------------------------------------------------------------------------------------------------------


def test_prefix_finds_leftovers_of_every_kind(sweep: Sweep, populated: Populated, before: dict[str, object]) -> None:
    resources = leave_something_of_every_kind(populated)
    shown = sweep("--prefix", "cft-", "--dry-run")
    assert (shown.exit_code, len(shown.output.splitlines())) == (0, len(resources))
    swept = sweep("--prefix", "cft-")
    assert (swept.exit_code, swept.output) == (0, f"deleted {len(resources)} of {len(resources)}\n")
    assert populated.state() == before
    assert sweep("--prefix", "cft-").output == "nothing to delete\n"


def test_young_leftovers_may_belong_to_a_run_that_goes_on(
    sweep: Sweep, populated: Populated, before: dict[str, object]
) -> None:
    young = f"cft-{new_run_id()}-main-user"
    populated.call("POST", paths.USERS, {"user_id": young, "password": "p"})
    left = "left alone: 1 of younger runs, which may still go on; --older-than 0s takes those, too\n"
    assert sweep("--prefix", "cft-").output == f"nothing to delete\n{left}"
    assert sweep("--prefix", "cft-", "--older-than", "30m").output == f"nothing to delete\n{left}"
    assert sweep("--prefix", "cft-", "--older-than", "0s").output == "deleted 1 of 1\n"


def test_prefix_of_one_run_leaves_the_others(sweep: Sweep, populated: Populated, before: dict[str, object]) -> None:
    other = f"cft-{new_run_id(YESTERDAY)}-main-user"
    for user in (f"{OWN}user", other):
        populated.call("POST", paths.USERS, {"user_id": user, "password": "p"})
    assert sweep("--prefix", f"cft-{RUN}").output == "deleted 1 of 1\n"
    assert populated.status(f"{paths.USERS}/{other}") == 200
    assert sweep("--prefix", "cft-").output == "deleted 1 of 1\n"


def test_ban_of_an_address_is_swept_by_its_reason_in_documentation_ranges_alone(
    sweep: Sweep, populated: Populated, before: dict[str, object]
) -> None:
    populated.call("POST", "/banned", {"as": "peerhost_net", "who": "198.51.100.0/28", "reason": OWN})
    populated.call("POST", "/banned", {"as": "peerhost", "who": "10.0.0.1", "reason": OWN})
    assert sweep("--prefix", "cft-").output == "deleted 1 of 1\n"
    assert "10.0.0.1" in str(populated.state()["/banned?limit=10000"])
    populated.call("DELETE", "/banned/peerhost/10.0.0.1")


def test_what_cannot_be_deleted_is_told_once(sweep: Sweep, populated: Populated, before: dict[str, object]) -> None:
    schema = {"name": f"{OWN}schema", "type": "avro", "source": AVRO}
    populated.call("POST", "/schema_registry", schema)
    with FaultProxy(populated.deployment.base_url, refusing("DELETE /schema_registry/{name}", CRASHED)) as proxy:
        swept = sweep("--prefix", "cft-", base_url=proxy.base_url)
    assert (swept.exit_code, swept.stdout) == (3, "deleted 0 of 1\n")
    assert swept.stderr == f"could not delete schema {OWN}schema: DELETE answered 500\n"
    assert sweep("--prefix", "cft-").exit_code == 0


def test_unreadable_list_is_told(sweep: Sweep, populated: Populated, before: dict[str, object]) -> None:
    populated.call("POST", paths.USERS, {"user_id": f"{OWN}user", "password": "p"})
    with FaultProxy(populated.deployment.base_url, refusing("GET /connectors", CRASHED)) as proxy:
        swept = sweep("--prefix", "cft-", base_url=proxy.base_url)
    assert swept.exit_code == 3
    assert "could not delete what is in connectors: GET /connectors answered 500" in swept.stderr
    assert "deleted 1 of 1" in swept.stdout


# --- usage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "say what to sweep"),
        (["--prefix", "cft-", "--journal", "x"], "say what to sweep"),
        (["--prefix", "billing"], "does not start with cft-"),
        (["--prefix", ""], "does not start with cft-"),
        (["--prefix", "cft-", "--older-than", "yesterday"], "is not a duration"),
        (["--prefix", "cft-", "--read-only"], "sweep deletes, which --read-only forbids"),
        (["--journal", "."], "there is no journal in ."),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], problem: str, sweep: Sweep) -> None:
    refused = sweep(*arguments)
    assert refused.exit_code == 2
    assert problem in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_dead_target_is_inconclusive(
    sweep: Sweep, populated: Populated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.target.http.health.time.sleep", lambda _seconds: None)
    file = journal_of(tmp_path, populated, [Resource("user", f"{OWN}user")])
    with FaultProxy(populated.deployment.base_url, lambda _request, _forward: None) as proxy:
        swept = sweep("--journal", file, "--any-target", base_url=proxy.base_url)
    assert swept.exit_code == 3
    assert swept.stderr.startswith("inconclusive: ")
    assert read_journal(file).live
