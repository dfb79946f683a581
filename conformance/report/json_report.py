"""``report.json``: the public, stable summary of a run, described by a JSON Schema that ships with the suite."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conformance.report.causes import Cause, causes
from conformance.report.errors import ReportError
from conformance.report.files import read_json
from conformance.report.load import ConfigWrites, latencies
from conformance.report.schemas import misfit
from conformance.result import Failure, RunResult, Shard

FILE_NAME = "report.json"
SCHEMA_VERSION = 1


def attribution(failure: Failure) -> str:
    """The sentence that says who is at fault."""
    if failure.attribution == "document":
        return f"Attributed to the document{f' (erratum {failure.erratum})' if failure.erratum else ''}."
    return "Attributed to the target." if failure.attribution == "target" else "Undecided: target or document."


def message_with_attribution(failure: Failure) -> str:
    """A failure's message as sentences, the last of which attributes it."""
    return f"{sentence(failure.message)} {attribution(failure)}".strip()


def sentence(message: str) -> str:
    """A message with a full stop unless it ends a sentence already."""
    text = message.rstrip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def build_report(run: RunResult) -> dict[str, Any]:
    """The content of ``report.json``; raises `ReportError` if it does not fit the schema."""
    found = causes(run)
    cause_of = {id(failure): cause.id for cause in found for failure in (*cause.failures, *cause.consequences)}
    latency_of = {
        entry.operation: {"median": entry.median, "p95": entry.most, "longest": entry.longest}
        for entry in latencies(run)
    }
    report = {
        "schema_version": SCHEMA_VERSION,
        "verdict": run.verdict,
        "suite": run.suite,
        "extensions": run.extensions,
        "complete": run.complete,
        "contract": {
            "digest": run.contract_digest,
            "variant": run.contract_variant,
            "described_version": run.described_version,
        },
        "target": {"base_url": run.base_url, "version": run.target_version, "deployment": run.deployment},
        "seed": run.seed,
        "more_seeds": run.more_seeds,
        "profile": run.profile,
        "mode": run.mode,
        "selection": None if run.selection is None else asdict(run.selection),
        "started_at": run.started_at,
        "duration_s": run.duration_s,
        "totals": {**run.totals(), "config_writes": asdict(ConfigWrites.of(run))},
        "not_run": sum(item.outcome == "not_run" for item in run.items),
        "troubles": run.troubles,
        "requirements": [
            {
                "id": requirement.id,
                "title": requirement.title,
                "level": requirement.level,
                "outcome": requirement.outcome,
                "tests": requirement.tests,
                "reason": requirement.reason,
                "groups": requirement.groups,
            }
            for requirement in run.requirements
        ],
        "operations": [
            {
                "operation": operation.operation,
                "requests": operation.requests,
                "statuses": operation.statuses,
                "latency_ms": latency_of.get(operation.operation),
                "group": operation.group,
                "outcome": operation.outcome,
                "reason": operation.reason,
            }
            for operation in run.operations
        ],
        "failures": [
            {
                "requirement": failure.requirement,
                "operation": failure.operation,
                "check": failure.check,
                "message": message_with_attribution(failure),
                "curl": failure.curl,
                "waived_by": failure.waived_by,
                "item": failure.item,
                "request_id": failure.request_id,
                "id": failure.id,
                "consequence_of": failure.consequence_of,
                "cause": cause_of[id(failure)],
            }
            for failure in run.failures
        ],
        "causes": [_cause(cause) for cause in found],
        "waivers": [asdict(use) for use in run.waivers],
        "left_out": [asdict(entry) for entry in run.left_out],
        "values": [asdict(entry) for entry in run.values],
        "shard": _shard(run.shard, run) if run.shard is not None else None,
        "shards": [asdict(shard) for shard in run.shards],
    }
    validate_report(report, FILE_NAME)
    return report


def _shard(shard: Shard, run: RunResult) -> dict[str, Any]:
    own = {item.id for item in run.items}.intersection(shard.items)
    counts = {"index": shard.index, "count": shard.count, "items": len(shard.items), "own": len(own)}
    return {**counts, "digest": shard.digest}


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "id": cause.id,
        "sentence": cause.sentence,
        "came": cause.came,
        "level": cause.level,
        "security": cause.security,
        "state": cause.state,
        "requirements": list(cause.requirements),
        "operations": list(cause.operations),
        "failures": [failure.id for failure in cause.failures],
        "consequences": [failure.id for failure in cause.consequences],
    }


def validate_report(report: object, name: str) -> None:
    """Check a report against the schema; ``name`` is what the sentence of the `ReportError` calls it."""
    why = misfit(report, FILE_NAME)
    if why is not None:
        raise ReportError(f"{name} is no valid report: {why}")


def render_report(run: RunResult) -> str:
    """``report.json`` as text; raises `ReportError` if it does not fit the schema."""
    return json.dumps(build_report(run), indent=2, allow_nan=False) + "\n"


def read_report(path: Path) -> dict[str, Any]:
    """A checked ``report.json``; ``path`` is the file or its folder. Raises `ReportError`."""
    if path.is_dir():
        path = path / FILE_NAME
    report: dict[str, Any] = read_json(path)
    validate_report(report, str(path))
    return report
