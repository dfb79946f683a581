"""``report.json`` has the promised structure and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from conformance.report.errors import ReportError
from conformance.report.json_report import build_report, read_report, schema, write_report
from conformance.report.model import RunResult
from tests.report.samples import failing_items, failure, run_of, runs


def structure(value: object) -> object:
    """Keys and types; of a list the structure of its members, which must be alike."""
    if isinstance(value, dict):
        return {key: structure(member) for key, member in value.items()}
    if isinstance(value, list):
        return [structure(value[0])] if value else []
    return type(value).__name__


ADDED = ("id", "consequence_of")
"""Keys that older reports do not have, which can still be compared with new ones."""


def test_structure(tmp_path: Path) -> None:
    report = json.loads(write_report(run_of(failing_items()), tmp_path).read_text())
    assert list(report) == [
        "schema_version", "verdict", "suite", "contract", "target", "seed", "profile", "started_at", "duration_s",
        "totals", "requirements", "operations", "failures",
    ]  # fmt: skip
    assert report["schema_version"] == 1
    assert {key: structure(value) for key, value in report.items() if key != "schema_version"} == {
        "verdict": "str",
        "suite": "str",
        "contract": {"digest": "str", "variant": "str"},
        "target": {"base_url": "str", "version": "str"},
        "seed": "int",
        "profile": "str",
        "started_at": "str",
        "duration_s": "float",
        "totals": dict.fromkeys(("requests", "passed", "failed", "waived", "skipped", "errors"), "int"),
        "requirements": [
            {"id": "str", "title": "str", "level": "str", "outcome": "str", "tests": ["str"], "reason": "str"}
        ],
        "operations": [{"operation": "str", "requests": "int", "statuses": {"200": "int", "400": "int"}}],
        "failures": [
            {
                "requirement": "str",
                "operation": "str",
                "check": "str",
                "message": "str",
                "curl": "str",
                "waived_by": "NoneType",
                "id": "str",
                "consequence_of": "NoneType",
            }
        ],
    }


def test_values() -> None:
    report = build_report(run_of(failing_items()))
    assert report["verdict"] == "non_conformant"
    assert report["totals"] == {"requests": 32, "passed": 4, "failed": 2, "waived": 1, "skipped": 2, "errors": 1}
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
    }
    assert report["operations"][0] == {"operation": "GET /rules", "requests": 8, "statuses": {"200": 6, "400": 2}}


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
    Draft202012Validator.check_schema(schema())

    def objects(part: object) -> list[dict[str, object]]:
        members = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        found = [deeper for member in members for deeper in objects(member)]
        return [*found, part] if isinstance(part, dict) and part.get("type") == "object" else found

    closed = objects(schema())
    assert len(closed) == 8
    for entry in closed:
        assert "additionalProperties" in entry
        if "properties" in entry:
            assert entry["additionalProperties"] is False
            added = ADDED if "consequence_of" in entry["properties"] else ()
            assert entry["required"] == [name for name in entry["properties"] if name not in added]


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("seed", -1, "$.seed"),
        ("contract_variant", "other", "$.contract.variant"),
        ("started_at", "yesterday", "$.started_at"),
        ("duration_s", -0.1, "$.duration_s"),
    ],
)
def test_result_that_does_not_fit_is_refused(tmp_path: Path, field: str, value: object, where: str) -> None:
    with pytest.raises(ReportError) as caught:
        write_report(run_of(failing_items(), **{field: value}), tmp_path)
    assert f"report.json is no valid report: {where}: " in str(caught.value)
    assert not list(tmp_path.iterdir())


@settings(max_examples=30)
@given(runs)
def test_any_run_fits_the_schema(run: RunResult) -> None:
    for found in run.failures:
        found.message = found.message or "empty"
    assert json.loads(json.dumps(build_report(run))) == build_report(run)


def test_read_refuses_more_and_less(tmp_path: Path) -> None:
    path = write_report(run_of(failing_items()), tmp_path)
    report = json.loads(path.read_text())
    assert read_report(path) == read_report(tmp_path) == report
    path.write_text(json.dumps({**report, "extra": 1}))
    with pytest.raises(ReportError, match="'extra' was unexpected"):
        read_report(path)
    del report["seed"]
    path.write_text(json.dumps(report))
    with pytest.raises(ReportError, match="'seed' is a required property"):
        read_report(path)
