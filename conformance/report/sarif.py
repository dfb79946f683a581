"""``results.sarif``: the failures of a run for code-scanning tools, in SARIF 2.1.0 (OASIS)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from conformance.report.json_report import attribution, message_with_attribution
from conformance.report.text import visible
from conformance.result import Failure, RequirementResult, RunResult

FILE_NAME = "results.sarif"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Mapping[str, str] = {"MUST": "error", "SHOULD": "warning"}


def render_sarif(run: RunResult) -> str:
    """The document as text.

    A rule is a requirement, a result a failure, its logical location the operation. A waived failure is suppressed; one
    that follows from another is left to it. ``partialFingerprints`` are the same for the same failure in every run.
    """
    failing = {failure.requirement for failure in run.failures}
    rules = [requirement for requirement in run.requirements if requirement.id in failing]
    index = {requirement.id: number for number, requirement in enumerate(rules)}
    levels = {requirement.id: _LEVELS[requirement.level] for requirement in rules}
    name, _, version = run.suite.partition(" ")
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": name, "version": version, "rules": [_rule(rule) for rule in rules]}},
                "invocations": [
                    {
                        "executionSuccessful": run.verdict != "inconclusive",
                        "toolExecutionNotifications": [
                            {"level": "note", "message": {"text": visible(reason)}} for reason in run.reasons
                        ],
                    }
                ],
                "results": [
                    _result(failure, index, levels) for failure in run.failures if failure.consequence_of is None
                ],
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "verdict": run.verdict,
                    "target": run.base_url,
                    "targetVersion": run.target_version,
                    "contract": f"{run.contract_variant} {run.contract_digest}",
                    "seed": run.seed,
                    "more_seeds": run.more_seeds,
                    "startedAt": run.started_at,
                },
            }
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _rule(requirement: RequirementResult) -> dict[str, Any]:
    return {
        "id": requirement.id,
        "shortDescription": {"text": requirement.title},
        "defaultConfiguration": {"level": _LEVELS[requirement.level]},
        "properties": {"requirementLevel": requirement.level},
    }


def _result(failure: Failure, index: Mapping[str, int], levels: Mapping[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": failure.requirement,
        "level": levels.get(failure.requirement, "error"),
        "message": {"text": visible(message_with_attribution(failure))},
        "locations": [_location(failure)],
        "partialFingerprints": {"deviation/v1": fingerprint(failure)},
        "occurrenceCount": max(failure.seen, 1),
        "properties": {
            "check": failure.check,
            "attribution": attribution(failure),
            "item": failure.item,
            "requestId": failure.request_id,
            "curl": failure.curl,
        },
    }
    if failure.requirement in index:
        result["ruleIndex"] = index[failure.requirement]
    if failure.waived_by is not None:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": f"waived by {failure.waived_by}"}
        ]
    return result


def _location(failure: Failure) -> dict[str, Any]:
    """Where it was found: the test in the suite, and the operation of the contract."""
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": failure.item.partition("::")[0] or "conformance"}}
    }
    if failure.operation is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": failure.operation, "kind": "function"}]
    return location


def fingerprint(failure: Failure) -> str:
    """What stays the same when a failure is found again: its requirement, operation, check and item."""
    parts = (failure.requirement, failure.operation or "", failure.check, failure.item)
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
