"""Runs, items and failures to render, and strategies that generate them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from conformance.report.verdict import Decision, Selection, decide
from conformance.requirements import Requirement
from conformance.result import (
    CollectionResult,
    Failure,
    InventoryResult,
    ItemResult,
    Outcome,
    RunResult,
    WaiverUse,
)
from conformance.target.guard.mode import Mode

OPERATIONS = ("GET /rules", "POST /rules", "GET /rules/{id}", "DELETE /rules/{id}")
CATALOGUE = (
    Requirement(
        "GEN-14", "Every body validates.", "MUST", True, verified_by=["conformance.checks.answers.AnswerChecks.schema"]
    ),
    Requirement(
        "GEN-15", "No input makes the target answer 5xx.", "SHOULD", True, verified_by=["conformance.checks.answers"]
    ),
    Requirement(
        "RUL-01", "What is created can be read.", "MUST", False, verified_by=["conformance.scenarios.test_rules"]
    ),
    Requirement("RUL-02", "What is deleted is gone.", "MUST", False, verified_by=["conformance.scenarios.test_rules"]),
)
SELECTION = Selection(CATALOGUE, OPERATIONS)

HOSTILE = (
    "<script>alert('x')</script>",
    "\"><img src=x onerror=alert(1)>",
    "]]>&lt;!-- -->",
    "\x00\x01\x1b[31m\x7f\x85\ud800\ufffe\u202eabc",
    "{{ 7*7 }} {% raw %} </style></script>",
    "[bold]not markup[/bold] :smile: \\",
    "javascript:alert(1)",
)  # fmt: skip


def item(
    name: str, operation: str | None, *requirements: str, outcome: Outcome = "passed", **fields: Any
) -> ItemResult:
    """An item that passed with evidence, unless ``fields`` say otherwise."""
    answered = outcome not in ("skipped", "not_run")
    defaults: dict[str, Any] = {
        "reason": "" if outcome == "passed" else f"{name} is {outcome}",
        "duration_s": 0.25,
        "statuses": {operation: {"200": 3, "400": 1}} if operation and answered else {},
        "evidence": dict.fromkeys((*requirements, "GEN-14", "GEN-15"), 2) if answered else {},
        "decided": {operation: {"response_schema": 3, "no_server_error": 4}} if operation and answered else {},
    }
    identifier = f"conformance/fuzz/test_operations.py::{name}[{operation}]"
    return ItemResult(identifier, requirements, operation, outcome, **{**defaults, **fields})


def failure(requirement: str = "GEN-14", operation: str | None = "GET /rules", **fields: Any) -> Failure:
    defaults: dict[str, Any] = {
        "check": "response_schema",
        "message": "200: /data/0/enable: 'true' is not of type 'boolean'",
        "curl": "curl -sS -i -X GET \"$EMQX_CONFORMANCE_BASE_URL\"'/rules?page=1'",
        "attribution": "target",
        "request_id": "r-1",
        "exchange": "GET /rules\n\n--- answer ---\n200 after 3 ms\n\n{}",
    }
    return Failure(requirement, operation, **{**defaults, **fields})


def many_causes(count: int) -> list[ItemResult]:
    """Items that fail for as many causes."""
    items = [item(f"test_{number}", "GET /rules", outcome="failed") for number in range(count)]
    for number, one in enumerate(items):
        word = "abcdefghijklmnopqrstuvwxyz"[number % 26] * (1 + number // 26)
        message = f"200: /data/{word}: expected a text"
        one.failures = [failure(message=message, id=f"gw0-{number}", request_id=f"r-{number}", curl=f"curl {number}")]
    return items


def good_items() -> list[ItemResult]:
    """Items with which the selection is conformant."""
    return [
        item("test_positive", "GET /rules", "RUL-01"),
        item("test_positive", "POST /rules", "RUL-01"),
        item("test_positive", "GET /rules/{id}", "RUL-02"),
        item("test_positive", "DELETE /rules/{id}", "RUL-02"),
        item("test_old", None, "RUL-02", outcome="skipped", omission="not_demanded", reason="only before 5.8.2"),
    ]


def failing_items() -> list[ItemResult]:
    """Items with every outcome, and failures of every attribution."""
    failed = item("test_negative", "GET /rules", "RUL-01", outcome="failed")
    failed.failures = [
        failure(seen=4),
        failure("GEN-15", check="no_server_error", message="answered 500", attribution="undecided", curl=None),
        failure(check="media_type", waived_by="W-1"),
    ]
    document = item("test_negative", "GET /rules/{id}", "RUL-02", outcome="failed")
    document.failures = [failure(operation="GET /rules/{id}", attribution="document", erratum="A1", exchange=None)]
    waived = item("test_negative", "POST /rules", "RUL-01", outcome="waived", reason="waived by W-1")
    waived.failures = [failure(operation="POST /rules", waived_by="W-1")]
    return [
        *good_items(),
        failed,
        document,
        waived,
        item("test_broken", "POST /rules", "RUL-01", outcome="error"),
        item("test_late", "DELETE /rules/{id}", "RUL-02", outcome="not_run"),
    ]


def hostile_items() -> list[ItemResult]:
    """Items whose every text is hostile."""
    items = good_items()
    for index, text in enumerate(HOSTILE):
        hostile = item(f"test_hostile-{text}", "GET /rules", "RUL-01", outcome="failed", reason=text)
        hostile.failures = [
            failure(message=text, check=f"check {text}", curl=f"curl {text}", exchange=text, item=text, request_id=text)
        ]
        items += [hostile, item(f"test_skipped-{index}", None, "RUL-02", outcome="skipped", reason=text)]
    return items


def inventory() -> InventoryResult:
    """What a run left on a target that others use, with names that are hostile."""
    return InventoryResult(
        [
            CollectionResult("rules", 7, 12, left=list(HOSTILE), other_runs=2, appeared=3, changed=1),
            CollectionResult("connectors", None, None, note="not compared: GET /connectors answered 500"),
            CollectionResult("bans", 0, 0),
        ],
        requests=24,
    )


def run_of(items: Sequence[ItemResult], decision: Decision | None = None, **fields: Any) -> RunResult:
    """A run that consists of ``items``."""
    decision = decision or decide(items, SELECTION)
    defaults: dict[str, Any] = {
        "suite": "emqx-conformance 0.1.0",
        "run_id": "k3j9",
        "contract_digest": "sha256:" + "0a" * 32,
        "contract_variant": "corrected",
        "base_url": "http://127.0.0.1:18083/api/v5",
        "target_version": "5.8.9",
        "seed": 42,
        "profile": "standard",
        "started_at": "2026-11-23T03:00:00+00:00",
        "duration_s": 12.5,
        "failures": [failure for item in items for failure in item.failures],
        "inventory": inventory(),
        "described_version": "5.8.9",
        "deployment": ["edition Enterprise, 1 node", "what no rule decides is denied"],
        "warnings": ["preflight: GET of a ban answered 404, expected 200"],
        "waivers": [
            WaiverUse("W-1", "reproduced", 2, "known", "https://example.org/1", "qa", "2027-03-31"),
            WaiverUse("W-2", "unobserved", 0, "known", "https://example.org/2", "qa", "2027-03-31"),
        ],
    }
    return RunResult(
        verdict=decision.verdict,
        reasons=decision.reasons,
        items=list(items),
        requirements=decision.requirements,
        operations=decision.operations,
        left_out=decision.left_out,
        **{**defaults, **fields},
    )


texts = st.text(max_size=12) | st.sampled_from(HOSTILE)
_names = st.sampled_from([entry.id for entry in CATALOGUE])
_labels = st.sampled_from(OPERATIONS)
_counts = st.dictionaries(st.sampled_from(["200", "400", "404", "500"]), st.integers(0, 9), max_size=3)

failures = st.builds(
    Failure,
    requirement=_names,
    operation=_labels | st.none(),
    check=st.sampled_from(["response_schema", "no_server_error", "arrange"]),
    message=texts,
    curl=texts | st.none(),
    attribution=st.sampled_from(["target", "document", "undecided"]),
    erratum=st.sampled_from(["A1", None]),
    waived_by=st.none() | st.sampled_from(["W-1", "W-2"]),
    item=texts,
    request_id=texts | st.none(),
    exchange=texts | st.none(),
    seen=st.integers(1, 5),
)
items = st.builds(
    ItemResult,
    id=texts,
    requirements=st.lists(_names, max_size=2).map(tuple),
    operation=_labels | st.none(),
    outcome=st.sampled_from(["passed", "failed", "waived", "skipped", "error", "not_run"]),
    reason=texts,
    duration_s=st.floats(0, 100),
    failures=st.lists(failures, max_size=2),
    statuses=st.dictionaries(_labels, _counts, max_size=2),
    evidence=st.dictionaries(_names, st.integers(0, 3), max_size=3),
    decided=st.dictionaries(_labels, st.dictionaries(texts, st.integers(1, 9), max_size=2), max_size=2),
    worker=texts,
    needs_mode=st.none() | st.sampled_from(["sandboxed", "exclusive", "disposable"]),
    omission=st.none() | st.sampled_from(["chosen", "not_demanded", "undecided"]),
)
selections = st.builds(
    Selection,
    catalogue=st.lists(st.sampled_from(CATALOGUE), unique_by=lambda entry: entry.id),
    operations=st.lists(_labels, unique=True),
    complete=st.booleans(),
    mode=st.sampled_from(Mode),
    part=texts.map(lambda text: f"-k {text!r}"),
)
runs = st.builds(
    lambda items, version: run_of(items, target_version=version), st.lists(items, max_size=5), texts | st.none()
)
