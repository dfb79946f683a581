"""What an acceptance cannot do without is told before the run starts, all of it at once, by whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import contract_seed, load_contract
from conformance.exit_codes import INCONCLUSIVE, USAGE_ERROR
from conformance.run import beginning
from conformance.run.beginning import StartError, begin
from conformance.run.demands import DemandUnmet, check_options, check_target
from conformance.target.capabilities import CAPABILITIES, Capabilities
from conformance.target.deployment_profile import DeploymentProfile
from conformance.target.errors import ConfigurationError
from conformance.target.settings.config import Configuration
from conformance.worker.plan import Plan

CONTRACT = load_contract()
ALL: dict[str, Any] = {
    "profile": "acceptance", "base_url": "https://delivery.example/api/v5", "disposable": True, "api_key": "admin",
    "api_secret": "secret-of-admin", "token": "token-of-admin", "viewer_key": "v", "viewer_secret": "secret-of-viewer",
    "publisher_key": "p", "publisher_secret": "secret-of-publisher", "mqtt": "mqtts://delivery.example:8883",
    "sink": "here.example:9000",
}  # fmt: skip
ABLE = Capabilities(
    version=CONTRACT.version, node=None, action_types=tuple(CONTRACT.types("actions")), no_mqtt=None,
    no_authenticator=None, no_authorization=None, no_sink=None, no_viewer=None, no_publisher=None,
    profile=DeploymentProfile(identity="username"),
)  # fmt: skip
SEED = contract_seed(CONTRACT.digest)


def plan(capabilities: Capabilities = ABLE, **fields: Any) -> Plan:
    seeds = fields.pop("seeds", (SEED, 1, 2, 3))
    return Plan(
        Configuration(**ALL | fields), "run", seeds[0], "2026-11-28T00:00:00+00:00", 0.0, capabilities.version,
        capabilities, more_seeds=seeds[1:],
    )  # fmt: skip


def lines(error: pytest.ExceptionInfo[Exception]) -> list[str]:
    return str(error.value).splitlines()[1:]


def test_nothing_is_missing_where_everything_is_given() -> None:
    assert check_options(Configuration(**ALL)) == ()
    check_target(plan())
    (warning,) = check_options(Configuration(**ALL | {"disposable": False, "exclusive": True}))
    assert "--disposable" in warning


def test_every_option_that_is_missing_is_told_at_once() -> None:
    bare = Configuration(profile="acceptance", base_url="https://delivery.example/api/v5", read_only=True)
    with pytest.raises(ConfigurationError) as error:
        check_options(bare)
    told = lines(error)
    starts = ["exclusive or --disposable instead of --read-only", "api-key", "token-file", "viewer-key",
              "publisher-key", "mqtt mqtts://", "sink"]  # fmt: skip
    assert [line.startswith(f"  - --{start}") for line, start in zip(told, starts, strict=True)] == [True] * 7


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"disposable": False}, "--exclusive or --disposable: "),
        ({"mqtt": "delivery.example:1883"}, "--mqtt mqtts://HOST:PORT: the URL has TLS, and delivery.example:1883 has"),
        ({"mqtt": "ws://delivery.example:8083/mqtt"}, "--mqtt mqtts://HOST:PORT: the URL has TLS"),
        ({"sink": None}, "--sink HOST[:PORT]"),
    ],
)
def test_one_option_that_is_missing_is_told(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check_options(Configuration(**ALL | fields))
    (line,) = lines(error)
    assert line.startswith(f"  - {told}")


@pytest.mark.parametrize(
    "fields",
    [
        {"mqtt": "wss://delivery.example:8084/mqtt"},
        {"base_url": "http://delivery.example/api/v5", "mqtt": "delivery.example:1883"},
        {"base_url": "http://127.0.0.1:18083/api/v5", "mqtt": "127.0.0.1:1883", "sink": None},
    ],
)
def test_what_does_as_well(fields: dict[str, Any]) -> None:
    assert check_options(Configuration(**ALL | fields)) == ()


def test_everything_that_the_target_lacks_is_told_at_once() -> None:
    lacking: dict[str, Any] = {name: f"{name} is gone" for name in Capabilities.__slots__ if name.startswith("no_")}
    able = replace(ABLE, profile=DeploymentProfile(), action_types=ABLE.action_types[2:], **lacking)
    with pytest.raises(DemandUnmet) as error:
        check_target(plan(able))
    told = lines(error)
    assert told[0] == f"  - types of actions: {', '.join(ABLE.action_types[:2])}"
    # That no client must log in is told with the listener.
    assert [line.split(":")[0] for line in told[1:]] == [f"  - {name}" for name in CAPABILITIES if name != "users"]


@pytest.mark.parametrize(
    ("capabilities", "fields", "told"),
    [
        ({"version": "5.9.1"}, {}, "a contract of its version: EMQX 5.9.1 has no contract of its own here"),
        ({"version": None}, {}, "a contract of its version: the target does not tell its version"),
        ({"profile": DeploymentProfile(identity="username", edition="Opensource")}, {}, "the enterprise edition"),
        ({"profile": DeploymentProfile()}, {}, "users: the target lets anonymous MQTT clients in"),
    ],
)
def test_one_thing_that_the_target_lacks_is_told(capabilities: Any, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(DemandUnmet) as error:
        check_target(plan(replace(ABLE, **capabilities), seeds=(SEED, 4, 5, 6), **fields))
    (line,) = lines(error)
    assert line.startswith(f"  - {told}")


@pytest.mark.parametrize("seeds", [(SEED,), (SEED, 1, 2), (1, 2, 3, 4)])
def test_other_seeds_are_refused(seeds: tuple[int, ...]) -> None:
    with pytest.raises(ConfigurationError, match=f"--seed {SEED},N,N,N$"):
        check_target(plan(seeds=seeds))


def test_other_profiles_start_without() -> None:
    assert check_options(Configuration(base_url="http://h/api/v5", profile="deep")) == ()
    check_target(plan(replace(ABLE, no_mqtt="gone"), profile="deep", seeds=(1,)))


def begun(options: dict[str, Any]) -> tuple[int, list[str]]:
    """Exit code and list of a run that does not start."""
    with pytest.raises(StartError) as error:
        begin(options)
    return error.value.exit_code, str(error.value).splitlines()[1:]


def test_run_that_lacks_something_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = plan(replace(ABLE, no_retainer="the retainer is off", no_loop="no way back"))
    monkeypatch.setattr(beginning, "make_plan", lambda *_: found)
    reported: list[str] = []
    monkeypatch.setattr(beginning, "report_unstarted", lambda reason, *_: reported.append(reason))
    given: dict[str, Any] = {"report_dir": str(tmp_path / "reports")}
    for name, value in ALL.items():
        if name.endswith(("_secret", "token")):
            (tmp_path / name).write_text(value)
            (tmp_path / name).chmod(0o600)
            given[f"{name}_file"] = str(tmp_path / name)
        else:
            given[name] = value
    told = ["  - retainer: the retainer is off", "  - loop: no way back"]
    assert begun(given) == (INCONCLUSIVE, told)
    assert [reason.splitlines()[1:] for reason in reported] == [told]

    without = {**given, "token_file": None, "disposable": False}
    code, told = begun(without)
    assert (code, [line.split(":")[0] for line in told]) == (
        USAGE_ERROR, ["  - --exclusive or --disposable", "  - --token-file"],
    )  # fmt: skip


def test_replay_of_one_failure_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found with everything is repeated with what it takes."""
    monkeypatch.chdir(tmp_path)
    given = {"base_url": "http://127.0.0.1:9/api/v5", "profile": "acceptance", "report_dir": str(tmp_path)}
    (tmp_path / "secret").write_text("secret-of-admin")
    given |= {"api_key": "admin", "api_secret_file": str(tmp_path / "secret"), "seed": "1,2,3,4"}
    monkeypatch.setattr(beginning, "report_unstarted", lambda *_: None)
    with pytest.raises(StartError, match="cannot be reached") as error:
        begin(given, demanding=False)
    assert error.value.exit_code == INCONCLUSIVE
