"""The files that a run leaves in its report directory."""

from __future__ import annotations

from pathlib import Path

from conformance.report.errors import ReportError
from conformance.report.statement import write_statement
from conformance.report.writers import Written, write_reports
from conformance.result import RunResult
from conformance.worker.context import state_folder
from conformance.worker.plan import Plan


def write_run(result: RunResult, plan: Plan, directory: Path) -> Written:
    """Write every report, the exchanges if they are wanted, and what they rest on: nobody accepts a part of a run."""
    kept = state_folder(plan.configuration, plan.run_id).glob("exchanges-*.jsonl")
    written = write_reports(result, directory, exchanges=kept if plan.configuration.har else None)
    try:
        if written.problem is None and result.shard is None:
            written.files.append(write_statement(directory, plan.configuration.waivers))
    except ReportError as error:
        written.problem = error
    return written
