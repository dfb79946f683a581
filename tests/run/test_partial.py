"""Runs that did not look at everything: never conformant, and 3 where nobody asked for less."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.faults.proxy import FaultProxy, Reply
from tests.hostile import command
from tests.hostile.test_hostile_brokers import broker, saying
from tests.run.command import environment, report_of, run

READ = "conformance/fuzz/test_operations.py::test_positive[GET /rules]"
MQTT = "conformance/scenarios/test_publish.py::test_message_reaches_its_subscribers"
VIEWER = "conformance/fuzz/test_credentials.py::test_viewer_reads[GET /rules]"
LOGIN = "conformance/scenarios/test_login.py"
RULES = "conformance/scenarios/test_authorization.py::test_rules_are_kept_in_order"
SCHEMAS = "conformance/scenarios/test_schema_registry.py"
GLOBAL = "conformance/fuzz/test_operations.py::test_positive[DELETE /banned]"
TYPES = "conformance/scenarios/test_type_secrets.py::test_connector"
NOT_AUTHORIZED = b"\x20\x03\x00\x87\x00"

Told = tuple[int, str, dict[str, list[str]], str]


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


@pytest.fixture(scope="module")
def future() -> Iterator[EmbeddedDeployment]:
    """A target of a version that has no contract of its own."""
    with start_embedded(version="5.10.3") as deployment:
        yield deployment


@pytest.fixture
def outcome(tmp_path: Path) -> Callable[..., Told]:
    """Runs items and tells exit code, verdict, why and for which reasons something is left out, and the output."""

    def tell(target: EmbeddedDeployment, *arguments: str, base_url: str | None = None) -> Told:
        env = environment(target, **({"BASE_URL": base_url} if base_url else {}))
        ended = command.start(*arguments, env=env, folder=tmp_path).end()
        reasons: dict[str, list[str]] = {}
        for entry in ended.report["left_out"]:
            if not entry["reason"].startswith("not selected"):
                reasons.setdefault(entry["why"], []).append(entry["reason"])
        return ended.code, ended.report["verdict"], reasons, ended.output

    return tell


def test_selection_is_the_users_word(target: EmbeddedDeployment, outcome: Callable[..., Told], tmp_path: Path) -> None:
    code, verdict, reasons, output = outcome(target, "-k", "test_positive and rule_events")
    assert (code, verdict) == (0, "partial"), output
    assert "chosen" in reasons, "SAFE-02 needs --exclusive"
    assert "undecided" not in reasons
    report = report_of(tmp_path / "reports")
    assert report["selection"]["expression"] == "test_positive and rule_events"
    unselected = [entry for entry in report["requirements"] if entry["outcome"] == "not_selected"]
    assert len(unselected) > 200
    assert {entry["reason"] for entry in unselected} == {"not selected (-k 'test_positive and rule_events')"}
    assert f"Verdict: PARTIAL, {len(report['requirements']) - len(unselected) - 1} of " in output


def test_sandbox_is_the_users_word(target: EmbeddedDeployment, outcome: Callable[..., Told]) -> None:
    code, verdict, reasons, output = outcome(target, GLOBAL, READ)
    assert (code, verdict, reasons) == (0, "partial", {"chosen": ["needs --exclusive"]}), output


def test_smaller_profile_is_the_users_word(target: EmbeddedDeployment, outcome: Callable[..., Told]) -> None:
    code, verdict, reasons, output = outcome(target, "--profile", "smoke", TYPES, "--exclusive")
    assert (code, verdict) == (0, "partial"), output
    (reason,) = reasons["chosen"]
    assert reason.startswith("the profile smoke looks at some of the ")


@pytest.mark.parametrize(("profile", "expected"), [("smoke", 0), ("standard", 0), ("deep", 3)])
@pytest.mark.parametrize(
    ("item", "why"), [(MQTT, "no MQTT listener given"), (VIEWER, "no API key with the role viewer is given")]
)
def test_what_was_not_given_is_the_users_word_unless_the_profile_demands_it(
    profile: str, expected: int, item: str, why: str, target: EmbeddedDeployment, outcome: Callable[..., Told]
) -> None:
    code, verdict, reasons, output = outcome(target, "--profile", profile, item, READ)
    assert (code, verdict) == (expected, "partial"), output
    found = reasons["undecided" if expected else "chosen"]
    assert any(reason.startswith(why) for reason in found), reasons


def test_listener_that_was_named_and_cannot_be_used_is_undecided(
    target: EmbeddedDeployment, outcome: Callable[..., Told]
) -> None:
    with broker(saying(NOT_AUTHORIZED)) as listener:
        code, verdict, reasons, output = outcome(target, MQTT, READ, "--mqtt", listener)
    assert (code, verdict) == (3, "partial"), output
    (reason,) = reasons["undecided"]
    assert reason.startswith(f"MQTT listener {listener} refuses anonymous clients and users of the suite")
    assert "Could not be decided: 1 requirement" in output


@pytest.mark.parametrize(("profile", "expected"), [("smoke", 0), ("standard", 3)])
@pytest.mark.parametrize(
    ("paths", "item", "reason"),
    [
        (("/authorization/sources",), RULES, "the built-in database authorization source is not configured"),
        (("/schema_registry", "/status"), SCHEMAS, "the target has no schema registry"),
    ],
    ids=["authorization", "schemas"],
)
def test_what_the_target_must_bring_is_undecided(
    profile: str, expected: int, paths: tuple[str, ...], item: str, reason: str, target: EmbeddedDeployment,
    outcome: Callable[..., Told],
) -> None:  # fmt: skip
    """Unless it says that it has that: then it is a fault that it does not (`tests/faults/test_preflight.py`)."""

    def without(request: Any, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if any(path in request.path for path in paths):
            return reply.with_json({"code": "NOT_FOUND", "message": "not here"}, 404)
        if request.path == "/nodes":
            return reply.with_json([{**node, "edition": None} for node in reply.json])
        return reply

    with FaultProxy(target.base_url, without) as proxy:
        code, verdict, reasons, output = outcome(target, item, READ, "--profile", profile, base_url=proxy.base_url)
    assert (code, verdict) == (expected, "partial"), output
    assert reason in reasons["undecided" if expected else "chosen"]


@pytest.mark.parametrize(("profile", "expected"), [("standard", 0), ("deep", 3)])
def test_whether_clients_must_log_in_is_for_the_target_unless_the_profile_is_deep(
    profile: str, expected: int, target: EmbeddedDeployment, outcome: Callable[..., Told]
) -> None:
    assert target.mqtt is not None
    code, verdict, reasons, output = outcome(target, LOGIN, READ, "--profile", profile, "--mqtt", target.mqtt)
    assert (code, verdict) == (expected, "partial"), output
    assert "the target lets anonymous MQTT clients in" in reasons["undecided" if expected else "chosen"]


# --- versions ---------------------------------------------------------------------------------------------------------

AGAINST = "checked against the contract of 5.8.9"


def test_version_without_a_contract_of_its_own_is_named_everywhere(
    future: EmbeddedDeployment, outcome: Callable[..., Told], tmp_path: Path
) -> None:
    code, verdict, reasons, output = outcome(future, READ)
    sentence = f"EMQX 5.10.3 has no contract of its own here: it was {AGAINST}"
    assert (code, verdict, reasons["undecided"]) == (3, "partial", [sentence]), output
    assert f"EMQX 5.10.3 ({AGAINST}), profile standard" in output.splitlines()[0]
    assert f"- {sentence}." in output
    reports = tmp_path / "reports"
    for name in ("report.json", "index.html", "junit.xml"):
        assert sentence in (reports / name).read_text(), name
    report = report_of(reports)
    assert (report["target"]["version"], report["contract"]["described_version"]) == ("5.10.3", "5.8.9")


def test_contract_that_the_user_names_for_another_version_is_the_users_word(
    future: EmbeddedDeployment, outcome: Callable[..., Told]
) -> None:
    code, verdict, reasons, output = outcome(future, READ, "--emqx-version", "5.8.9")
    assert (code, verdict) == (0, "partial"), output
    assert f"EMQX 5.10.3 was {AGAINST}, as --emqx-version says" in reasons["chosen"]
    assert f"EMQX 5.10.3 ({AGAINST})" in output.splitlines()[0]


def test_contract_that_nobody_has_is_undecided(target: EmbeddedDeployment, outcome: Callable[..., Told]) -> None:
    code, verdict, reasons, output = outcome(target, READ, "--emqx-version", "6.0")
    assert (code, verdict) == (3, "partial"), output
    assert reasons["undecided"] == [f"there is no contract of EMQX 6.0, which --emqx-version names: {AGAINST}"]


def saying_version(version: str | None) -> Callable[..., Reply]:
    def nodes(request: Any, forward: Callable[[], Reply]) -> Reply:
        answer = forward()
        if not request.path.endswith("/nodes"):
            return answer
        (node,) = json.loads(answer.body)
        return answer.with_json([{**node, "version": version}])

    return nodes


@pytest.mark.parametrize(
    "version",
    [
        "5.8.9-rc.1",
        "5.8.9-alpha.1+gabc",
        *(pytest.param(each, marks=pytest.mark.nightly) for each in ("e5.8.9", "5.8.9-g1234")),
    ],
)
def test_candidates_and_builds_are_checked_as_their_release(
    version: str, target: EmbeddedDeployment, outcome: Callable[..., Told]
) -> None:
    with FaultProxy(target.base_url, saying_version(version)) as proxy:
        code, verdict, reasons, output = outcome(target, READ, base_url=proxy.base_url)
    assert (code, verdict, reasons) == (0, "partial", {"chosen": ["needs --exclusive"]}), output
    assert f", EMQX {version}, profile" in output.splitlines()[0]


def test_version_that_the_target_does_not_tell_is_undecided(
    target: EmbeddedDeployment, outcome: Callable[..., Told]
) -> None:
    with FaultProxy(target.base_url, saying_version(None)) as proxy:
        code, verdict, reasons, output = outcome(target, READ, base_url=proxy.base_url)
        named = outcome(target, READ, "--emqx-version", "5.8.9", base_url=proxy.base_url)
    assert (code, verdict) == (3, "partial"), output
    assert reasons["undecided"] == [f"the target does not tell its version: it was {AGAINST}; --emqx-version names one"]
    assert named[:2] == (0, "partial"), named


def test_version_that_is_none_is_one_sentence_and_2(target: EmbeddedDeployment, tmp_path: Path) -> None:
    with FaultProxy(target.base_url, saying_version("banana")) as proxy:
        env = environment(target, BASE_URL=proxy.base_url)
        completed = run("run", "-n", "0", READ, env=env, cwd=tmp_path)
        named = run("run", "-n", "0", READ, "--emqx-version", "5.8.9", env=env, cwd=tmp_path)
    assert completed.returncode == 2
    assert completed.stderr == (
        f"{proxy.base_url} says that its version is 'banana', which is no EMQX version; "
        "--emqx-version names the one to check it against\n"
    )
    assert named.returncode == 0, named.stdout + named.stderr
    assert f"EMQX banana was {AGAINST}, as --emqx-version says." in named.stdout
