"""``report.json`` has the promised structure and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from conformance.report.errors import ReportError
from conformance.report.formats import FORMATS
from conformance.report.json_report import FILE_NAME, build_report, read_report
from conformance.report.schemas import schema
from conformance.report.verdict import Selection, decide
from conformance.result import Omission, Outcome, PartSelected, RunResult
from tests.report.samples import CATALOGUE, OPERATIONS, failing_items, failure, good_items, item, run_of, runs


def structure(value: object) -> object:
    """Keys and types; of a list the structure of its members, which must be alike."""
    if isinstance(value, dict):
        return {key: structure(member) for key, member in value.items()}
    if isinstance(value, list):
        return [structure(value[0])] if value else []
    return type(value).__name__


def test_structure(tmp_path: Path) -> None:
    selection = PartSelected(["conformance/scenarios"], "rules", None, ["conformance/fuzz"])
    run = run_of([*failing_items(), item("test_x", None, outcome="skipped", omission="chosen")], selection=selection)
    report = json.loads(FORMATS["json"].write(run, tmp_path).read_text())
    assert list(report) == [
        "schema_version", "verdict", "suite", "extensions", "complete", "contract", "target", "seed", "more_seeds",
        "profile", "mode", "selection", "started_at", "duration_s", "totals", "not_run", "troubles", "requirements",
        "operations", "failures", "causes", "waivers", "left_out", "values", "shard", "shards",
    ]  # fmt: skip
    assert report["schema_version"] == 1
    assert {key: structure(value) for key, value in report.items() if key != "schema_version"} == {
        "verdict": "str",
        "suite": "str",
        "extensions": [],
        "complete": "bool",
        "contract": {"digest": "str", "variant": "str", "described_version": "str"},
        "target": {"base_url": "str", "version": "str", "deployment": ["str"]},
        "seed": "int",
        "more_seeds": [],
        "profile": "str",
        "mode": "str",
        "selection": {
            "items": ["str"],
            "expression": "str",
            "markers": "NoneType",
            "deselected": ["str"],
            "options": [],
        },
        "started_at": "str",
        "duration_s": "float",
        "totals": {
            **dict.fromkeys(("requests", "passed", "failed", "waived", "skipped", "errors"), "int"),
            "config_writes": {"accepted": "int", "cleanup": "int", "by_operation": {}, "by_item": {}},
        },
        "not_run": "int",
        "troubles": [],
        "requirements": [
            {
                "id": "str",
                "title": "str",
                "level": "str",
                "outcome": "str",
                "tests": ["str"],
                "reason": "str",
                "groups": {},
            }
        ],
        "operations": [
            {
                "operation": "str",
                "requests": "int",
                "statuses": {"200": "int", "400": "int"},
                "latency_ms": "NoneType",
                **dict.fromkeys(("group", "outcome", "reason"), "str"),
            }
        ],
        "failures": [
            {
                "requirement": "str",
                "operation": "str",
                "check": "str",
                "message": "str",
                "curl": "str",
                "waived_by": "NoneType",
                "item": "str",
                "request_id": "str",
                "id": "str",
                "consequence_of": "NoneType",
                "cause": "str",
            }
        ],
        "causes": [
            {
                **dict.fromkeys(("id", "sentence", "came", "level"), "str"),
                "security": "bool",
                "state": "str",
                **{key: ["str"] for key in ("requirements", "operations", "failures")},
                "consequences": [],
            }
        ],
        "waivers": [
            {
                "id": "str",
                "state": "str",
                "failures": "int",
                **dict.fromkeys(("reason", "link", "owner", "expires"), "str"),
            }
        ],
        "left_out": [
            {
                "why": "str",
                "reason": "str",
                "items": "int",
                "requirements": [],
                "partly": [],
                "operations": [],
                "groups": [],
            }
        ],
        "values": [],
        "shard": "NoneType",
        "shards": [],
    }


def test_values() -> None:
    report = build_report(run_of(failing_items()))
    assert report["verdict"] == "non_conformant"
    counts = {"requests": 32, "passed": 4, "failed": 2, "waived": 1, "skipped": 2, "errors": 1}
    writes = {"accepted": 0, "cleanup": 0, "by_operation": {}, "by_item": {}}
    assert report["totals"] == {**counts, "config_writes": writes}
    assert report["not_run"] == 1
    assert report["requirements"][2] == {
        "id": "RUL-01",
        "title": "What is created can be read.",
        "level": "MUST",
        "outcome": "error",
        "tests": [
            "conformance/fuzz/test_operations.py::test_positive",
            "conformance/fuzz/test_operations.py::test_negative",
            "conformance/fuzz/test_operations.py::test_broken",
        ],
        "reason": "test_broken is error",
        "groups": {},
    }
    first = report["operations"][0]
    assert first == {
        "operation": "GET /rules", "requests": 8, "statuses": {"200": 6, "400": 2}, "latency_ms": None, "group": "",
        "outcome": "failed", "reason": first["reason"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("attributed", "last_sentence"),
    [
        ({"attribution": "target"}, "Attributed to the target."),
        ({"attribution": "document", "erratum": "A1"}, "Attributed to the document (erratum A1)."),
        ({"attribution": "document"}, "Attributed to the document."),
        ({"attribution": "undecided"}, "Undecided: target or document."),
    ],
)
def test_message_ends_with_the_attribution(attributed: dict[str, str], last_sentence: str) -> None:
    items = failing_items()
    items[5].failures = [failure(message="answered 500", **attributed)]
    assert build_report(run_of(items))["failures"][0]["message"] == f"answered 500. {last_sentence}"


def test_schema_is_closed() -> None:
    Draft202012Validator.check_schema(schema(FILE_NAME))

    def objects(part: object) -> list[dict[str, Any]]:
        members = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        found = [deeper for member in members for deeper in objects(member)]
        return [*found, part] if isinstance(part, dict) and part.get("type") == "object" else found

    closed = objects(schema(FILE_NAME))
    assert len(closed) == 19
    added = {"complete", "described_version", "mode", "selection", "waivers", "left_out", "values"}
    added |= {"item", "request_id", "id", "consequence_of", "deployment", "extensions", "causes", "cause", "options"}
    added |= {
        "latency_ms",
        "config_writes",
        "more_seeds",
        "troubles",
        "not_run",
        "groups",
        "group",
        "outcome",
        "reason",
    }
    added |= {"shard", "shards"}
    for entry in closed:
        assert "additionalProperties" in entry
        if "properties" in entry:
            assert entry["additionalProperties"] is False
            assert set(entry["properties"]) - set(entry["required"]) <= added, "only what earlier reports do not have"


def test_report_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = FORMATS["json"].write(run_of(failing_items()), tmp_path)
    report = json.loads(path.read_text())
    for key in ("complete", "mode", "selection", "waivers", "left_out"):
        del report[key]
    del report["contract"]["described_version"], report["target"]["deployment"]
    for entry in report["failures"]:
        del entry["item"], entry["request_id"], entry["id"], entry["consequence_of"]
    path.write_text(json.dumps(report))
    assert read_report(path) == report


def test_every_requirement_is_kept_selected_or_not() -> None:
    run = run_of([], decide(good_items()[:1], Selection(CATALOGUE, OPERATIONS, complete=False, part="1 id")))
    report = build_report(run)
    assert {entry["id"]: (entry["outcome"], entry["reason"]) for entry in report["requirements"]} == {
        "GEN-14": ("passed", ""),
        "GEN-15": ("passed", ""),
        "RUL-01": ("passed", ""),
        "RUL-02": ("not_selected", "not selected (1 id)"),
    }
    assert [entry["operation"] for entry in report["operations"]] == list(OPERATIONS)
    assert (report["verdict"], report["complete"]) == ("partial", False)


def test_complete_means_that_nothing_is_missing() -> None:
    assert build_report(run_of(good_items()))["complete"]
    lacking: list[tuple[Outcome, Omission | None]] = [
        ("skipped", "chosen"), ("skipped", "undecided"), ("not_run", None), ("error", None)
    ]  # fmt: skip
    for outcome, omission in lacking:
        missing = item("test_x", None, "RUL-01", outcome=outcome, omission=omission)
        assert not build_report(run_of([*good_items(), missing]))["complete"]


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("seed", -1, "$.seed"),
        ("contract_variant", "other", "$.contract.variant"),
        ("started_at", "yesterday", "$.started_at"),
        ("duration_s", -0.1, "$.duration_s"),
    ],
)
def test_result_that_does_not_fit_is_refused(tmp_path: Path, field: str, value: Any, where: str) -> None:
    with pytest.raises(ReportError) as caught:
        FORMATS["json"].write(run_of(failing_items(), **{field: value}), tmp_path)
    assert f"report.json is no valid report: {where}: " in str(caught.value)
    assert not list(tmp_path.iterdir())


@settings(max_examples=30)
@given(runs)
def test_any_run_fits_the_schema(run: RunResult) -> None:
    for found in run.failures:
        found.message = found.message or "empty"
    assert json.loads(json.dumps(build_report(run))) == build_report(run)


def test_read_refuses_more_and_less(tmp_path: Path) -> None:
    path = FORMATS["json"].write(run_of(failing_items()), tmp_path)
    report = json.loads(path.read_text())
    assert read_report(path) == read_report(tmp_path) == report
    path.write_text(json.dumps({**report, "extra": 1}))
    with pytest.raises(ReportError, match="'extra' was unexpected"):
        read_report(path)
    del report["seed"]
    path.write_text(json.dumps(report))
    with pytest.raises(ReportError, match="'seed' is a required property"):
        read_report(path)
