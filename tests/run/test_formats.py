"""All formats of a failing run tell the same, and none of them tells a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.recorded import RECORDED
from tests.run.command import environment, report_of, run

AUTHZ = "/authorization/sources/built_in_database/rules"
# On the recorded server the deployment has the recorded defects: these items fail, with credentials in the answers.
FAILING = [
    f"conformance/fuzz/test_operations.py::test_boundaries[PUT {AUTHZ}/users/{{username}}]",
    f"conformance/fuzz/test_operations.py::test_boundaries[POST {AUTHZ}/all]",
]
PASSING = ["conformance/fuzz/test_operations.py::test_positive[GET /rules]"]
SKIPPED = ["conformance/fuzz/test_operations.py::test_positive[DELETE /banned]"]


@pytest.fixture(scope="module")
def recorded() -> Iterator[EmbeddedDeployment]:
    with start_embedded(traits=RECORDED) as deployment:
        yield deployment


@pytest.fixture(scope="module", params=["0", "2"], ids=["one process", "xdist"])
def failing_run(
    request: pytest.FixtureRequest, recorded: EmbeddedDeployment, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("run")
    items = [*FAILING, *PASSING]
    # Not exclusive: one of the failing items is skipped then, and counted as such.
    exclusive = {"EXCLUSIVE": "true", "SEED": "1"}
    completed = run("run", "-n", request.param, *items, env=environment(recorded, **exclusive), cwd=folder)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    (folder / "output").write_text(completed.stdout + completed.stderr)
    return folder


def test_counts_agree(failing_run: Path) -> None:
    reports = failing_run / "reports"
    totals = report_of(reports)["totals"]
    # Besides the items, SAFE-01 passed; SAFE-02 had nothing to judge.
    assert (totals["passed"], totals["failed"], totals["skipped"], totals["errors"]) == (2, 2, 1, 0)

    suite = ElementTree.parse(reports / "junit.xml").getroot()
    cases = list(suite.iter("testcase"))
    assert len(cases) == 5
    assert sum(case.find("failure") is not None for case in cases) == 2

    results = [json.loads(file.read_text()) for file in (reports / "allure-results").glob("*-result.json")]
    assert sorted(result["status"] for result in results) == ["failed", "failed", "passed", "passed", "skipped"]

    page = (reports / "index.html").read_text()
    assert re.search(r"<strong[^>]*>\s*2\s*</strong>\s*failed|2 failed|>2<", page)


def test_failures_are_attributed_and_can_be_repeated(failing_run: Path) -> None:
    failures = report_of(failing_run / "reports")["failures"]
    assert {failure["requirement"] for failure in failures} == {"GEN-15", "GEN-16"}
    assert {failure["operation"] for failure in failures} == {f"PUT {AUTHZ}/users/{{username}}", f"POST {AUTHZ}/all"}
    assert all(failure["message"].endswith("Attributed to the target.") for failure in failures)
    assert all(failure["curl"].startswith("curl ") for failure in failures)


def test_allure_results_carry_labels_and_the_exchanges_of_failures(failing_run: Path) -> None:
    folder = failing_run / "reports" / "allure-results"
    assert not list(folder.glob("*-container.json")), "no fixture has anything to tell"
    for result in (json.loads(file.read_text()) for file in folder.glob("*-result.json")):
        labels: dict[str, list[Any]] = {}
        for label in result["labels"]:
            labels.setdefault(label["name"], []).append(label["value"])
        if "run" in labels["tag"]:
            assert labels["requirement"][0].startswith("SAFE-")
            continue
        assert labels["operation"]
        assert labels["requirement"]
        assert {"Rules", "Authorization"} & set(labels["tag"])
        assert labels["feature"] == labels["tag"][:1]
        assert labels["story"] == labels["operation"]
        assert ("attachments" in result) is (result["status"] == "failed")


def test_every_format_names_the_request_as_the_server_saw_it(failing_run: Path) -> None:
    reports = failing_run / "reports"
    stored = json.loads((reports / "run.json").read_text())["run"]
    ids = {failure["request_id"] for failure in stored["failures"]}
    assert len(ids) > 1
    assert all(identifier.startswith(f"{stored['run_id']}-") for identifier in ids)
    attachments = "".join(file.read_text() for file in (reports / "allure-results").glob("*-attachment.txt"))
    for text in (
        (reports / "junit.xml").read_text(),
        (reports / "index.html").read_text(),
        attachments,
    ):
        assert all(identifier in text for identifier in ids)
    leads = {cause["failures"][0] for cause in report_of(reports)["causes"][:5]}
    printed = (failing_run / "output").read_text()
    assert all(failure["request_id"] in printed for failure in stored["failures"] if failure["id"] in leads)


def test_no_file_tells_a_secret(failing_run: Path, recorded: EmbeddedDeployment) -> None:
    secrets = (recorded.api_secret, recorded.bearer_token)
    for file in failing_run.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), file


def test_what_needs_exclusive_is_skipped_with_that_reason(recorded: EmbeddedDeployment, tmp_path: Path) -> None:
    completed = run("run", "-n", "0", *SKIPPED, *PASSING, env=environment(recorded), cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    report = report_of(tmp_path / "reports")
    assert report["totals"]["skipped"] == 2, "the item, and SAFE-02"
    operation = next(entry for entry in report["requirements"] if entry["id"] == "GEN-28")
    assert operation["outcome"] == "passed"
    assert "needs --exclusive" in (tmp_path / "reports" / "run.json").read_text()


def test_published_contract_blames_the_document(recorded: EmbeddedDeployment, tmp_path: Path) -> None:
    item = "conformance/fuzz/test_operations.py::test_positive[GET /rule_events]"
    completed = run("run", "-n", "0", item, "--contract", "published", env=environment(recorded), cwd=tmp_path)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    report = report_of(tmp_path / "reports")
    assert report["contract"]["variant"] == "published"
    assert report["failures"]
    blamed = re.compile(r"Attributed to the document \(erratum [^)]*\bA1\b")
    assert all(blamed.search(failure["message"]) for failure in report["failures"])
