"""Configuration: precedence, and one clear sentence for whatever is wrong."""

import os
from pathlib import Path

import pytest

from conformance.contract import load_contract
from conformance.run.planning import choose_seeds
from conformance.target.errors import ConfigurationError
from conformance.target.settings.config import WAIVERS_FOLDER, Configuration, load_configuration
from conformance.target.settings.secret_files import is_private

BASE = {"base_url": "http://127.0.0.1:18083/api/v5", "api_key": "k"}
SECRET = {"EMQX_CONFORMANCE_API_SECRET": "s3cret-value"}


def test_options_come_before_environment_before_targets_file(tmp_path: Path) -> None:
    (tmp_path / "targets.toml").write_text(
        '[targets.staging]\nbase_url = "https://one.invalid/api/v5"\napi_key = "file"\n'
        'api_secret_env = "S"\nmax_rps = 5\n'
    )
    environment = {"EMQX_CONFORMANCE_API_KEY": "environment", "EMQX_CONFORMANCE_PROFILE": "deep", "S": "hidden-secret"}
    configuration = load_configuration({"target": "staging", "profile": "smoke"}, environment, tmp_path)
    assert (configuration.base_url, configuration.api_key) == ("https://one.invalid/api/v5", "environment")
    assert (configuration.profile, configuration.max_rps) == ("smoke", 5)
    assert configuration.secrets == {"api_secret": "hidden-secret"}


def test_nothing_given_means_the_embedded_deployment() -> None:
    assert load_configuration({}, {}).base_url is None


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ({"base_url": "ftp://x/api/v5"}, {}, "--base-url: 'ftp://x/api/v5' is not an http(s) URL"),
        ({"base_url": "http://x:99999/api/v5"}, {}, "--base-url: 'http://x:99999/api/v5' is not a URL"),
        ({"base_url": "http://x/api/v4"}, {}, "--base-url: 'http://x/api/v4' must go up to and including /api/v5"),
        ({"base_url": "http://u:p@x/api/v5"}, {}, "credentials do not belong into the URL"),
        ({**BASE, "api_secret_file": "/does/not/exist"}, {}, "--api-secret-file: /does/not/exist cannot be read"),
        (BASE, {}, "the secret (--api-secret-file or EMQX_CONFORMANCE_API_SECRET) is missing"),
        ({**BASE, "viewer_key": "v"}, SECRET, "(--viewer-secret-file or EMQX_CONFORMANCE_VIEWER_SECRET) is missing"),
        (
            {**BASE, "messages_rate": "fast"},
            SECRET,
            "--messages-rate: 'fast' is not a rate like 50/s, 100/10s or 500KB/s",
        ),
        (BASE, SECRET | {"EMQX_CONFORMANCE_BYTES_RATE": "0"}, "EMQX_CONFORMANCE_BYTES_RATE: '0' is not a rate"),
        ({"max_conn_rate": "10/s"}, {}, "--max-conn-rate needs --base-url"),
        (BASE, SECRET | {"EMQX_CONFORMANCE_PUBLISHER_SECRET": "hidden"}, "--publisher-key is missing"),
        (BASE, {"EMQX_CONFORMANCE_API_SECRET": "abc"}, "less than 4 characters cannot be kept out of the reports"),
        (BASE, {"EMQX_CONFORMANCE_TOKEN": "two words"}, "characters that no Authorization header can carry"),
        (BASE, {"EMQX_CONFORMANCE_TOKEN": "line\nbreak"}, "characters that no Authorization header can carry"),
        ({"base_url": "ftp://user:hidden@x/api/v5"}, {}, "--base-url: 'ftp://...@x/api/v5' is not an http(s) URL"),
        ({"base_url": BASE["base_url"]}, {}, "no credentials"),
        ({"base_url": BASE["base_url"]}, SECRET, "--api-key is missing"),
        ({"mqtt": "127.0.0.1:1883"}, {}, "--mqtt needs --base-url"),
        ({}, {"EMQX_CONFORMANCE_VIEWER_KEY": "v"}, "EMQX_CONFORMANCE_VIEWER_KEY needs --base-url"),
        ({**BASE, "sink": "host:0"}, SECRET, "--sink: 'host:0' is not HOST or HOST:PORT"),
        ({**BASE, "sink": "host:65500"}, SECRET, "--sink: 'host:65500' leaves no ports for the workers"),
        ({"time_budget": "10"}, {}, "--time-budget: '10' is not a duration like 30s, 10m or 2h"),
        ({"time_budget": "0s"}, {}, "--time-budget: Input should be greater than 0"),
        ({**BASE, "mqtt": "1883"}, SECRET, "--mqtt: '1883' is not HOST:PORT"),
        ({"seed": "many"}, {}, "--seed: 'many' is neither a number from 0 to 2^63-1 nor random"),
        ({"seed": "-1"}, {}, "--seed: '-1' is neither a number"),
        ({"seed": "1,,2"}, {}, "--seed: '' is neither a number"),
        ({"seed": "1,2,1"}, {}, "--seed: '1,2,1' names a seed twice"),
        ({"seed": str(2**63)}, {}, "is neither a number from 0 to 2^63-1 nor random"),
        ({}, {"EMQX_CONFORMANCE_SEED": "1.5"}, "EMQX_CONFORMANCE_SEED: '1.5' is neither a number"),
        ({"max_rps": "0"}, {}, "--max-rps: Input should be greater than 0"),
        ({"emqx_version": "five"}, {}, "--emqx-version: 'five' is no EMQX version"),
        ({"waivers": "/does/not/exist"}, {}, "--waivers: there is no file"),
        ({}, {"EMQX_CONFORMANCE_BASEURL": "x"}, "unknown environment variable EMQX_CONFORMANCE_BASEURL"),
        ({}, {"EMQX_CONFORMANCE_AGAINST_SECRET": "x"}, "unknown environment variable EMQX_CONFORMANCE_AGAINST_SECRET"),
        ({}, {"EMQX_CONFORMANCE_EXCLUSIVE": "perhaps"}, "'perhaps' is neither true nor false"),
        ({"target": "staging"}, {}, "--target staging: there is no"),
    ],
)
def test_wrong_configuration_is_one_sentence(
    options: dict[str, str], environment: dict[str, str], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(options, environment, tmp_path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[targets.a]\napi_secret = "clear"\n', "target a holds a secret in clear and others than you can read"),
        ('[targets.a]\n[targets.b]\nviewer_secret = "clear"\n', "target b holds a secret in clear"),
        ("[targets.a]\nbase_uri = 1\n", "unknown keys: base_uri"),
        ("[targets.b]\n", "no target 'a', only b"),
        ("[targets.a]\nseed = true\n", "target a in targets.toml: seed: 'True' is neither a number"),
        ("[targets.a]\nmqtt = 1883\n", "target a in targets.toml: mqtt: Input should be a valid string"),
        ("[targets]\na = 1\n", "a is no table [targets.a]"),
        ('[targets.a]\nca_bundle = "targets.toml"\n', "targets.toml holds no certificates that can be read (PEM)"),
        ("oops", "cannot be read"),
        ("[other]\nx = 1\n", "expected nothing but tables [targets.NAME]"),
        ('[targets.a]\napi_secret_env = "NOT_SET"\n', "$NOT_SET, which is not set"),
    ],
)
def test_wrong_targets_file_is_one_sentence(content: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "targets.toml").write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        load_configuration({"target": "a"}, {}, tmp_path)
    assert expected in str(caught.value)
    assert 'clear"' not in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_secret_in_clear_is_taken_from_a_file_only_its_owner_can_read(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(f'[targets.a]\nbase_url = "{BASE["base_url"]}"\napi_key = "k"\napi_secret = "in-clear"\n')
    file.chmod(mode)
    assert load_configuration({"target": "a"}, {}, tmp_path).secrets == {"api_secret": "in-clear"}
    for others in (0o640, 0o604):
        file.chmod(others)
        with pytest.raises(ConfigurationError, match="holds a secret in clear"):
            load_configuration({"target": "a"}, {}, tmp_path)


def test_file_of_somebody_else_is_not_private(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.touch(mode=0o600)
    status = file.stat()
    assert is_private(status)
    assert not is_private(os.stat_result([*status[:4], status.st_uid + 1, *status[5:10]]))


def test_secret_from_a_variable_comes_before_a_secret_file_of_the_target(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-the-file")
    (tmp_path / "targets.toml").write_text(
        f'[targets.a]\nbase_url = "{BASE["base_url"]}"\napi_key = "k"\napi_secret_file = "secret"\n'
    )
    assert load_configuration({"target": "a"}, {}, tmp_path).secrets == {"api_secret": "from-the-file"}
    assert load_configuration({"target": "a"}, SECRET, tmp_path).secrets == {"api_secret": "s3cret-value"}


def test_secret_file_others_can_read_is_a_warning(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the-secret")
    secret.chmod(0o644)
    options = {**BASE, "api_secret_file": str(secret)}
    warning = f"--api-secret-file: others can read the secret in {secret}: chmod 600 it"
    assert load_configuration(options, {}, tmp_path).warnings == (warning,)
    secret.chmod(0o600)
    assert load_configuration(options, {}, tmp_path).warnings == ()


def test_seed_is_a_number_or_random_wherever_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "targets.toml").write_text('[targets.a]\nseed = 5\n[targets.b]\nseed = "random"\n')
    given: list[tuple[dict[str, str], dict[str, str], object]] = [
        ({}, {}, None),
        ({"seed": "0"}, {}, 0),
        ({"seed": "random"}, {}, "random"),
        ({}, {"EMQX_CONFORMANCE_SEED": str(2**63 - 1)}, 2**63 - 1),
        ({}, {"EMQX_CONFORMANCE_SEED": "random"}, "random"),
        ({"seed": "3,1,2"}, {}, (3, 1, 2)),
        ({"target": "a"}, {}, 5),
        ({"target": "b"}, {}, "random"),
    ]
    for options, environment, expected in given:
        configuration = load_configuration(options, environment, tmp_path)
        assert configuration.seed == expected
        assert Configuration(**configuration.model_dump(mode="json")) == configuration, "as workers get it"


def test_seed_follows_the_contract_unless_it_is_random() -> None:
    contracts = [load_contract(variant) for variant in ("corrected", "published")]
    fixed = [choose_seeds(load_configuration({}, {}), contract) for contract in contracts]
    assert fixed == [choose_seeds(load_configuration({}, {}), contract) for contract in contracts]
    assert len(set(fixed)) == 2
    assert choose_seeds(load_configuration({"seed": "7"}, {}), contracts[0]) == (7,)
    assert choose_seeds(load_configuration({"seed": "7,8"}, {}), contracts[0]) == (7, 8)
    explored = {choose_seeds(load_configuration({"seed": "random"}, {}), contracts[0]) for _ in range(5)}
    assert len(explored) == 5
    accepting = {choose_seeds(load_configuration({"profile": "acceptance"}, {}), contracts[0]) for _ in range(5)}
    assert {(seeds[0], len(set(seeds))) for seeds in accepting} == {(*fixed[0], 4)}
    assert len(accepting) == 5


def test_waivers_are_files_wherever_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours.toml").touch()
    shipped, ours = WAIVERS_FOLDER / "emqx-5.8.toml", Path("ours.toml")
    (tmp_path / "targets.toml").write_text(
        '[targets.a]\nwaivers = "emqx-5.8"\n'
        '[targets.b]\nwaivers = ["emqx-5.8", "ours.toml"]\n'
        "[targets.c]\nwaivers = [5]\n"
    )
    environment = {"EMQX_CONFORMANCE_WAIVERS": f"emqx-5.8{os.pathsep}ours.toml"}
    given: list[tuple[dict[str, object], dict[str, str], tuple[Path, ...]]] = [
        ({}, {}, ()),
        ({"waivers": ()}, {}, ()),
        ({"waivers": ("ours.toml",)}, environment, (ours,)),
        ({"waivers": ["ours.toml", "emqx-5.8"]}, {}, (ours, shipped)),
        ({}, environment, (shipped, ours)),
        ({"target": "a"}, {}, (shipped,)),
        ({"target": "b"}, {}, (shipped, tmp_path / "ours.toml")),
        ({"target": "b"}, environment, (shipped, ours)),
    ]
    for options, variables, expected in given:
        configuration = load_configuration(options, variables, tmp_path)
        assert configuration.waivers == expected
        assert Configuration(**configuration.model_dump(mode="json")) == configuration
    with pytest.raises(ConfigurationError, match=r"target c in targets\.toml: waivers: there is no file 5"):
        load_configuration({"target": "c"}, {}, tmp_path)


def test_keys_are_told_apart_by_role() -> None:
    environment = SECRET | {
        "EMQX_CONFORMANCE_VIEWER_KEY": "v",
        "EMQX_CONFORMANCE_VIEWER_SECRET": "viewer-secret",
    }
    configuration = load_configuration(BASE, environment)
    assert configuration.keys == {"basic": ("k", "s3cret-value"), "viewer": ("v", "viewer-secret")}
    assert "viewer-secret" not in repr(configuration)


def test_each_worker_has_a_sink_of_its_own() -> None:
    configuration = load_configuration({**BASE, "sink": "[2001:db8::1]:8099"}, SECRET)
    addresses = [configuration.sink_address(worker) for worker in ("main", "gw0", "gw3")]
    assert addresses == [("2001:db8::1", 8099), ("2001:db8::1", 8099), ("2001:db8::1", 8102)]
    assert load_configuration(BASE, SECRET).sink_address("gw3") == ("127.0.0.1", 0)


def test_secret_file_must_hold_one_line(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("one\ntwo\n")
    with pytest.raises(ConfigurationError, match="exactly one line"):
        load_configuration({**BASE, "api_secret_file": str(secret)}, {}, tmp_path)
    secret.write_text("  the-secret \n")
    configuration = load_configuration({**BASE, "api_secret_file": str(secret)}, {}, tmp_path)
    assert configuration.secrets == {"api_secret": "the-secret"}
    assert "the-secret" not in repr(configuration)


def test_what_is_said_of_the_other_target_of_a_comparison_is_nothing_to_others() -> None:
    variables = {"EMQX_CONFORMANCE_AGAINST": "http://other/api/v5", "EMQX_CONFORMANCE_AGAINST_API_SECRET": "secret-x"}
    assert load_configuration({}, variables).base_url is None
