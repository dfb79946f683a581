"""The same requests to two deployments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.commands.compare import _requests
from conformance.exit_codes import FINE, FOUND, INCONCLUSIVE
from conformance.reference.defects import Defect
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.target.errors import ConfigurationError
from tests.run.command import environment, run

BULK = "conformance/scenarios/test_publish_bulk.py::test_no_messages_at_all"
BANNED = "conformance/scenarios/test_banned.py::test_filters_exclude_each_other"
URLS = ("http://127.0.0.1:1/api/v5", "http://127.0.0.1:2/api/v5")
KEYS = {"EMQX_CONFORMANCE_API_KEY": "one", "EMQX_CONFORMANCE_API_SECRET": "secret-of-one"}


def against(target: EmbeddedDeployment) -> dict[str, str]:
    return {"AGAINST": target.base_url, "AGAINST_API_KEY": target.api_key, "AGAINST_API_SECRET": target.api_secret}


def result_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "reports" / "compare" / "compare.json").read_text())
    return document


def test_a_defect_of_another_version_is_told_and_everything_is_cleaned_up(tmp_path: Path) -> None:
    with (
        start_embedded() as one,
        start_embedded(version="5.8.1", traits=frozenset({Defect.PUBLISH_OF_NOTHING})) as two,
    ):
        env = environment(one, **against(two))
        found = run("compare", "-n", "0", BULK, BANNED, env=env, cwd=tmp_path)
        assert found.returncode == FOUND, found.stdout + found.stderr
        document = result_of(tmp_path)
        assert [(entry["operation"], entry["what"]) for entry in document["differences"]] == [
            ("POST /publish/bulk", "status")
        ]
        assert document["differences"][0]["after"] == "500 INTERNAL_ERROR"
        assert [entry["version"] for entry in document["targets"]] == ["5.8.9", "5.8.1"]
        assert len({(entry["contract"], entry["seed"]) for entry in document["targets"]}) == 1
        assert "POST /publish/bulk: status: " in found.stdout
        assert not any(secret in found.stdout + found.stderr for secret in (one.api_secret, two.api_secret))
        for side in "ab":
            folder = tmp_path / "reports" / "compare" / side
            journals = [file for file in folder.glob("journal-*.jsonl") if "main" in file.name]
            assert journals, "what is created is journalled at both"
            report = json.loads((folder / "report.json").read_text())
            assert next(entry for entry in report["requirements"] if entry["id"] == "SAFE-01")["outcome"] == "passed"


@pytest.mark.nightly  # two whole runs of the command
def test_deployments_that_answer_alike_are_the_same(tmp_path: Path) -> None:
    with start_embedded() as one, start_embedded() as two:
        env = environment(one, **against(two))
        same = run("compare", "-q", "-n", "0", "--tag", "Banned", env=env, cwd=tmp_path)
    assert (same.returncode, same.stdout.splitlines()[-1]) == (FINE, "same"), same.stdout + same.stderr
    assert result_of(tmp_path)["compared"]["POST /banned"] > 0


def test_a_target_that_is_not_there_decides_nothing(closed_port: int, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port}/api/v5"
    given = {"BASE_URL": url, "API_KEY": "key", "API_SECRET": "secret-of-one"}
    other = {"AGAINST": URLS[1], "AGAINST_API_KEY": "key", "AGAINST_API_SECRET": "secret-of-two"}
    found = run("compare", "-n", "0", BANNED, env=environment(None, **given, **other), cwd=tmp_path)
    assert found.returncode == INCONCLUSIVE, found.stdout + found.stderr
    assert "inconclusive: " in found.stderr


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--base-url", URLS[0]], "compare needs another target: --against URL"),
    (["--against", URLS[1]], "compare needs two targets: --base-url or --target names none"),
    (["--base-url", URLS[0], "--against", URLS[1]], "no credentials"),
    (["--base-url", URLS[0], "--against", "staging"], "there is no"),
    (["--base-url", URLS[0], "--against", "ftp://x/api/v5"], "is not an http(s) URL"),
    (["--base-url", URLS[0], "--against", URLS[1], "-k", "("], "is no expression"),
])  # fmt: skip
def test_wrong_usage_is_one_sentence(arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    env = KEYS if "--base-url" in arguments else {}
    result = CliRunner().invoke(main, ["compare", *arguments], env=env)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_each_target_gets_its_own_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    variables = {
        **KEYS, "EMQX_CONFORMANCE_MQTT": "one:1883", "EMQX_CONFORMANCE_MAX_RPS": "50",
        "EMQX_CONFORMANCE_AGAINST_API_SECRET": "secret-of-two",
    }  # fmt: skip
    options = {"base_url": URLS[0], "profile": "smoke", "api_key": None}
    first, second = _requests(options, URLS[1], {"api_key": "two"}, variables)
    assert first.environment == {name: value for name, value in variables.items() if "AGAINST" not in name}
    assert second.environment == {
        "EMQX_CONFORMANCE_MAX_RPS": "50", "EMQX_CONFORMANCE_API_SECRET": "secret-of-two"
    }  # fmt: skip
    assert second.options["base_url"] == URLS[1]
    assert (second.options["api_key"], second.options["profile"]) == ("two", "smoke")
    assert {first.options["report_dir"], second.options["report_dir"]} == {"reports/compare/a", "reports/compare/b"}

    secret = tmp_path / "secret"
    secret.write_text("secret-of-three")
    other = {"api_key": "three", "api_secret_file": str(secret)}
    _, second = _requests(options, URLS[1], other, variables)
    assert "EMQX_CONFORMANCE_API_SECRET" not in second.environment


def test_targets_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tables = [
        f'[targets.{name}]\nbase_url = "{url}"\napi_key = "{name}"\napi_secret_env = "SECRET"\n'
        for name, url in zip(("old", "new"), URLS, strict=True)
    ]
    (tmp_path / "targets.toml").write_text("".join(tables))
    first, second = _requests({"target": "old"}, "new", {}, {"SECRET": "secret-of-both"})
    assert (first.options["target"], second.options["target"]) == ("old", "new")
    with pytest.raises(ConfigurationError, match="no target 'other'"):
        _requests({"target": "old"}, "other", {}, {"SECRET": "secret-of-both"})
