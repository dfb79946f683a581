"""Configuration: precedence, and one clear sentence for whatever is wrong."""

from pathlib import Path

import pytest

from conformance.target.config import load_configuration
from conformance.target.errors import ConfigurationError

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
    assert (configuration.profile, configuration.max_rps, configuration.secrets) == ("smoke", 5, ("hidden-secret",))


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
        (BASE, {}, "an API secret is missing"),
        ({"base_url": BASE["base_url"]}, {}, "no credentials"),
        ({"base_url": BASE["base_url"]}, SECRET, "--api-key is missing"),
        ({"mqtt": "127.0.0.1:1883"}, {}, "--mqtt needs --base-url"),
        ({**BASE, "mqtt": "1883"}, SECRET, "--mqtt: '1883' is not HOST:PORT"),
        ({"seed": "many"}, {}, "--seed: Input should be a valid integer"),
        ({"max_rps": "0"}, {}, "--max-rps: Input should be greater than 0"),
        ({"emqx_version": "five"}, {}, "--emqx-version: 'five' is not a version"),
        ({"waivers": "/does/not/exist"}, {}, "--waivers: there is no file"),
        ({}, {"EMQX_CONFORMANCE_BASEURL": "x"}, "unknown environment variable EMQX_CONFORMANCE_BASEURL"),
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
        ('[targets.a]\napi_secret = "clear"\n', "holds a secret in clear"),
        ("[targets.a]\nbase_uri = 1\n", "unknown keys: base_uri"),
        ("[targets.b]\n", "no target 'a', only b"),
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


def test_secret_file_must_hold_one_line(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("one\ntwo\n")
    with pytest.raises(ConfigurationError, match="exactly one line"):
        load_configuration({**BASE, "api_secret_file": str(secret)}, {}, tmp_path)
    secret.write_text("  the-secret \n")
    configuration = load_configuration({**BASE, "api_secret_file": str(secret)}, {}, tmp_path)
    assert configuration.secrets == ("the-secret",)
    assert "the-secret" not in repr(configuration)
