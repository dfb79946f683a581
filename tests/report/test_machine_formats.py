"""Formats for machines: what they must hold, and that nothing a target says breaks them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.report import github
from conformance.report.formats import FORMATS, Format
from conformance.report.har import STORED, gather
from conformance.report.markdown import cell
from conformance.report.sarif import fingerprint
from conformance.report.storage import write_run
from conformance.result import RunResult
from tests.report.evidence import write_evidence
from tests.report.samples import HOSTILE, failing_items, failure, good_items, item, many_causes, run_of


def rendered(form: str, run: RunResult, folder: Path) -> str:
    chosen = FORMATS[form]
    assert isinstance(chosen, Format)
    return chosen.render(run, folder)


def sarif(run: RunResult, folder: Path) -> dict[str, Any]:
    document = json.loads(rendered("sarif", run, folder))
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    found: dict[str, Any] = document["runs"][0]
    return found


def test_sarif_has_a_result_for_each_failure_and_a_rule_for_each_requirement(tmp_path: Path) -> None:
    run = run_of(failing_items())
    found = sarif(run, tmp_path)
    rules = [rule["id"] for rule in found["tool"]["driver"]["rules"]]
    assert sorted(rules) == sorted({failure.requirement for failure in run.failures})
    assert [result["ruleId"] for result in found["results"]] == [
        failure.requirement for failure in run.failures if failure.consequence_of is None
    ]
    for result in found["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("conformance")


def test_sarif_suppresses_what_is_waived(tmp_path: Path) -> None:
    waived = failure(waived_by="known", item="conformance/x.py::test_x")
    run = run_of([item("test_x", "GET /rules", "GEN-14", outcome="waived", failures=[waived])])
    (result,) = sarif(run, tmp_path)["results"]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "waived by known"}]


def test_fingerprints_are_of_what_stays_the_same() -> None:
    one = failure(message="answered 500", request_id="a", item="i")
    assert fingerprint(one) == fingerprint(failure(message="answered 501", request_id="b", item="i"))
    assert fingerprint(one) != fingerprint(failure(check="error_code", item="i"))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_target_says_acts_in_markdown(text: str, tmp_path: Path) -> None:
    told = failure(message=text)
    run = run_of([item("test_x", "GET /rules", "GEN-14", outcome="failed", failures=[told])], base_url=text)
    page = rendered("markdown", run, tmp_path)
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert all(line.count("|") in (0, 6, 8) for line in page.splitlines() if line.startswith("|"))
    assert "\n" not in cell(f"{text}\n{text}")


def test_many_causes_are_cut_short(tmp_path: Path) -> None:
    page = rendered("markdown", run_of(many_causes(23)), tmp_path)
    assert len([line for line in page.splitlines() if line.startswith("| MUST | ")]) == 20
    assert "3 more causes are in the report." in page


def test_badge_tells_the_verdict(tmp_path: Path) -> None:
    svg = ElementTree.fromstring(rendered("badge", run_of(failing_items(), target_version="5.8.9<"), tmp_path))
    assert "non-conformant 5.8.9<" in "".join(svg.itertext())


def test_github_gets_one_line_for_each_cause_and_a_summary(tmp_path: Path) -> None:
    lines = list(github.workflow_commands(run_of(failing_items())))
    assert lines[0].startswith("::error title=emqx-conformance::non conformant")
    assert len(lines) > 1
    assert all(line.startswith(("::error ", "::warning ")) and "\n" not in line for line in lines)
    assert list(github.workflow_commands(run_of(good_items()))) == []

    page = tmp_path / "summary"
    page.write_text("before\n")
    github.append_summary(run_of(failing_items()), {"GITHUB_STEP_SUMMARY": str(page)})
    assert page.read_text().startswith("before\n## ")
    github.append_summary(run_of(failing_items()), {})


def exchange(**fields: Any) -> dict[str, Any]:
    return {
        "item": "conformance/x.py::test_x",
        "operation": "GET /rules",
        "started_at": "2026-11-27T10:00:00.000+00:00",
        "elapsed_ms": 1.5,
        "request": {"method": "POST", "path": "/rules?page=1&like_id=", "headers": {"Content-Type": "application/json"},
                    "body": "{}", "size": 2},
        "response": {"status": 299, "headers": {"content-type": "application/json"}, "body": "[]", "size": 2},
        **fields,
    }  # fmt: skip


def test_har_has_every_exchange_in_their_order(tmp_path: Path) -> None:
    run = run_of(good_items(), base_url="http://target/api/v5")
    parts = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    parts[0].write_text(json.dumps(exchange(started_at="2026-11-27T10:00:01.000+00:00")) + "\n")
    parts[1].write_text(json.dumps(exchange()) + "\n" + json.dumps({"cut": True}) + "\n")
    gather(parts, tmp_path)
    log = json.loads(rendered("har", run, tmp_path))["log"]
    assert (log["version"], len(log["entries"])) == ("1.2", 2)
    first, second = log["entries"]
    assert first["startedDateTime"] < second["startedDateTime"]
    assert first["request"]["url"] == "http://target/api/v5/rules?page=1&like_id="
    assert first["request"]["queryString"] == [{"name": "page", "value": "1"}, {"name": "like_id", "value": ""}]
    assert first["request"]["postData"] == {"mimeType": "application/json", "text": "{}"}
    assert "only the first exchanges" in log["comment"]


@pytest.mark.parametrize(("stored", "sentence"), [
    (None, "the run was not told to keep its exchanges (--har)"),
    ("{", "line 1 is not JSON"),
    ("[]", "line 1 is no exchange"),
])  # fmt: skip
def test_har_that_cannot_be_made_is_one_sentence(stored: str | None, sentence: str, tmp_path: Path) -> None:
    write_run(run_of(good_items()), tmp_path)
    if stored is not None:
        (tmp_path / STORED).write_text(stored)
    result = CliRunner().invoke(main, ["report", str(tmp_path), "--format", "har"])
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "har"])
def test_each_format_comes_from_a_stored_run(form: str, tmp_path: Path) -> None:
    write_evidence(tmp_path, run_of(failing_items()))
    result = CliRunner().invoke(main, ["report", str(tmp_path), "--format", form])
    assert result.exit_code == 0, result.output
    path = tmp_path / FORMATS[form].file_name
    assert (sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size) > 100
