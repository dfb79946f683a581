"""Formats for machines, held against the schemas that they are published with (tests/data/schemas/README.md)."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from hypothesis import given, settings
from jsonschema import Draft4Validator, Draft6Validator, Draft202012Validator, FormatChecker
from jsonschema.protocols import Validator
from referencing import Registry, Resource

from conformance.report.allure import allure_files, is_result
from conformance.report.errors import UnwritableError
from conformance.report.formats import FORMATS, FolderFormat, Format
from conformance.report.har import STORED
from conformance.report.junit import render_junit
from conformance.report.sarif import render_sarif
from conformance.result import RunResult
from tests.report.samples import (
    HOSTILE,
    failing_items,
    failure,
    good_items,
    hostile_items,
    item,
    many_causes,
    run_of,
    runs,
)
from tests.report.test_machine_formats import exchange

SCHEMAS = Path(__file__).parent.parent / "data" / "schemas"


def read(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


def har_validator() -> Validator:
    """The parts of the schema name each other by their files."""
    parts = [read(f"har-1.2/{path.name}") for path in (SCHEMAS / "har-1.2").glob("*.json")]
    resources = [(part["$id"].removesuffix("#"), Resource.from_contents(part)) for part in parts]
    schema = next(part for part in parts if part["$id"] == "har.json#")
    return Draft6Validator(schema, registry=Registry().with_resources(resources), format_checker=FormatChecker())


SARIF = Draft4Validator(read("sarif-schema-2.1.0.json"), format_checker=FormatChecker())
HAR = har_validator()
JUNIT = xmlschema.XMLSchema10(str(SCHEMAS / "junit-10.xsd"))
RESULT, CATEGORIES, EXECUTOR = (
    Draft202012Validator(read(f"allure-{name}.schema.json"), format_checker=FormatChecker())
    for name in ("result", "categories", "executor")
)

SAMPLES = {
    "good": good_items, "failing": failing_items, "hostile": hostile_items, "many": lambda: many_causes(60),
    "none": list,
}  # fmt: skip


def documents(run: RunResult) -> tuple[dict[str, Any], str]:
    return json.loads(render_sarif(run)), render_junit(run)


@pytest.mark.parametrize("sample", SAMPLES)
def test_sarif_and_junit(sample: str) -> None:
    sarif, junit = documents(run_of(SAMPLES[sample]()))
    SARIF.validate(sarif)
    JUNIT.validate(junit)


@settings(max_examples=25)
@given(runs)
def test_sarif_and_junit_of_any_run(run: RunResult) -> None:
    sarif, junit = documents(run)
    SARIF.validate(sarif)
    JUNIT.validate(junit)


def test_schemas_refuse() -> None:
    """A schema that takes everything would prove nothing."""
    sarif, junit = documents(run_of(failing_items()))
    sarif["runs"][0]["results"][0]["level"] = "fatal"
    assert not SARIF.is_valid(sarif)
    assert not JUNIT.is_valid(junit.replace("<testcase ", "<testcase outcome='x' ", 1))
    assert not HAR.is_valid({"log": {"version": "1.2"}})
    assert not RESULT.is_valid({})


@pytest.mark.parametrize("text", [*HOSTILE, "{}"])
def test_har(text: str, tmp_path: Path) -> None:
    entry = exchange()
    entry["request"] |= {"body": text, "headers": {"Content-Type": text, "X-Any": text}}
    entry["response"] |= {"body": text, "headers": {"location": text, "x-any": text}, "status": 799}
    without_body = exchange()
    without_body["request"] |= {"body": "", "size": 0, "headers": {}}
    without_body["response"] |= {"body": "", "size": 0, "headers": {}}
    lines = [json.dumps(one) for one in (entry, without_body)]
    (tmp_path / STORED).write_text("\n".join(lines) + "\n")
    form = FORMATS["har"]
    assert isinstance(form, Format)
    archive = json.loads(form.render(run_of(good_items()), tmp_path))
    HAR.validate(archive)
    assert len(archive["log"]["entries"]) == 2


def properties(text: str) -> dict[str, str]:
    """A properties file as Java reads it, as far as ours goes."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" = ")
        plain = re.sub(
            r"\\(?:u([0-9a-f]{4})|(.))", lambda match: chr(int(match[1], 16)) if match[1] else match[2], value
        )
        found[name] = plain.encode("utf-16", "surrogatepass").decode("utf-16")
    return found


@settings(max_examples=25)
@given(runs)
def test_allure_of_any_run(run: RunResult) -> None:
    files = allure_files(run, {})
    results = {name: json.loads(text) for name, text in files.items() if name.endswith("-result.json")}
    assert all(map(is_result, files))
    assert len(results) == len({one.id for one in run.items})
    for name, result in results.items():
        RESULT.validate(result)
        assert name == f"{result['uuid']}-result.json"
        assert all(attachment["source"] in files for attachment in result.get("attachments", ()))
    CATEGORIES.validate(json.loads(files["categories.json"]))
    EXECUTOR.validate(json.loads(files["executor.json"]))
    assert files["environment.properties"].isascii()
    assert properties(files["environment.properties"])["Verdict"] == run.verdict


def results_of(run: RunResult) -> dict[str, dict[str, Any]]:
    """The results by the names of their items."""
    files = allure_files(run, {})
    found = [json.loads(text) for name, text in files.items() if name.endswith("-result.json")]
    return {result["name"]: result for result in found}


def test_allure_tells_group_operation_case_and_cause() -> None:
    failed = item("test_positive", "GET /rules", "GEN-14", outcome="failed", worker="gw1")
    failed.failures = [failure(id="gw1-1", item=failed.id)]
    whole = item("leaves_nothing", None, "SAFE-01")
    run = run_of(
        [failed, whole, item("test_x", None, "RUL-01", outcome="waived", reason="by W-1"), item("test_y", None)]
    )
    for operation in run.operations:
        operation.group = "Rules"
    for requirement in run.requirements:
        requirement.groups = {"Retainer": "waived"} if requirement.id == "RUL-01" else {}
    results = results_of(run)
    result = results["test_positive[GET /rules]"]
    labels = {(label["name"], label["value"]) for label in result["labels"]}
    assert {("feature", "Rules"), ("story", "GET /rules"), ("thread", "gw1"), ("severity", "critical")} <= labels
    assert result["parameters"] == [{"name": "case", "value": "GET /rules"}]
    (category,) = [
        entry for entry in json.loads(allure_files(run, {})["categories.json"])
        if re.fullmatch(entry.get("messageRegex", ""), result["statusDetails"]["message"])
    ]  # fmt: skip
    assert category["name"].startswith("MUST Every body validates. GET /rules: ")
    statuses = {name: result["status"] for name, result in results.items()}
    assert statuses == {
        "test_positive[GET /rules]": "failed", "leaves_nothing[None]": "passed",
        "test_x[None]": "skipped", "test_y[None]": "passed",
    }  # fmt: skip
    features = [
        label["value"] for result in results.values() for label in result["labels"] if label["name"] == "feature"
    ]
    assert features == ["Rules", "run", "Retainer", "General"]


def test_allure_attaches_failures_alone_and_items_of_a_worker_follow_each_other() -> None:
    files = allure_files(run_of(failing_items()), {})
    attached = [name for name in files if "-attachment." in name]
    assert len(attached) == 2
    assert any("--- answer ---" in files[name] for name in attached)
    times = [(result["start"], result["stop"]) for result in results_of(run_of(good_items())).values()]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(times))


@pytest.mark.parametrize(("environment", "name", "url"), [
    ({}, "emqx-conformance", None),
    ({"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "a/b"},
     "GitHub Actions", "https://github.example/a/b/actions/runs/7"),
    ({"GITLAB_CI": "true", "CI_JOB_URL": "https://gitlab.example/1"}, "GitLab CI", "https://gitlab.example/1"),
    ({"JENKINS_URL": "https://jenkins.example"}, "Jenkins", None),
])  # fmt: skip
def test_allure_names_who_ran_it(environment: dict[str, str], name: str, url: str | None) -> None:
    executor = json.loads(allure_files(run_of(good_items()), environment)["executor.json"])
    EXECUTOR.validate(executor)
    assert (executor["name"], executor.get("buildUrl")) == (name, url)


def test_folder_of_a_run_before_is_replaced_and_what_others_put_there_stays(tmp_path: Path) -> None:
    form = FORMATS["allure"]
    assert isinstance(form, FolderFormat)
    form.write(run_of(failing_items()), tmp_path)
    theirs = tmp_path / "allure-results" / "notes.txt"
    theirs.write_text("mine")
    form.write(run_of(good_items()), tmp_path)
    names = {path.name for path in theirs.parent.iterdir()}
    assert names == {*allure_files(run_of(good_items())), "notes.txt"}
    form.remove(tmp_path)
    assert [path.name for path in theirs.parent.iterdir()] == ["notes.txt"]
    theirs.unlink()
    form.remove(tmp_path)
    assert not theirs.parent.exists()


def test_folder_that_cannot_be_written_is_not_there(tmp_path: Path) -> None:
    form = FORMATS["allure"]
    assert isinstance(form, FolderFormat)
    run = run_of(good_items())
    in_the_way = tmp_path / "allure-results" / list(allure_files(run))[-1]
    in_the_way.mkdir(parents=True)
    with pytest.raises(UnwritableError):
        form.write(run, tmp_path)
    assert [path.name for path in in_the_way.parent.iterdir()] == [in_the_way.name]
