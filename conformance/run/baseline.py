"""An earlier report that a run is measured against: it fails for what is new, and for what is not decided any more."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.exit_codes import FINE, FOUND
from conformance.report.changes import Change
from conformance.report.comparison import Comparison, compare
from conformance.report.errors import ReportError
from conformance.report.json_report import build_report, read_report
from conformance.report.text import counted
from conformance.result import RunResult
from conformance.target.errors import ConfigurationError
from conformance.target.settings.options import ENVIRONMENT_PREFIX

_TOLD: Mapping[Change, str] = {
    "new": "new", "undecided": "not decided any more", "still_failing": "still failing", "fixed": "fixed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Baseline:
    """``report``: as `conformance.report.json_report.read_report` returns it."""

    report: Mapping[str, Any]

    def compare(self, run: RunResult) -> Comparison:
        """What changed since."""
        return compare(self.report, build_report(run))

    def sentence(self, comparison: Comparison) -> str:
        """What a report says of it: ``Since the baseline of 2026-11-27: 1 cause new, 3 still failing.``"""
        counts = [(len(comparison.causes.get(change, [])), words) for change, words in _TOLD.items()]
        lost = len(comparison.requirements.get("undecided", [])) + len(comparison.operations.get("undecided", []))
        parts = [f"{counted(number, 'cause')} {words}" for number, words in counts if number]
        parts += [f"{counted(lost, 'requirement or operation')} not decided any more"] if lost else []
        since = str(self.report["started_at"])[:10]
        return f"Since the baseline of {since}: {', '.join(parts) or 'nothing changed'}."


def exit_code_since(code: int, comparison: Comparison) -> int:
    """The exit code of a run that ended with ``code``: what could not be judged stays so."""
    if code not in (FINE, FOUND):
        return code
    return FOUND if comparison.worse else FINE


def read_baseline(options: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Baseline | None:
    """The report that the user named, a report.json or its folder; raises `ConfigurationError`.

    Read before a run clears its report directory: the baseline may be what was there.
    """
    environment = os.environ if environment is None else environment
    named = options.get("baseline") or environment.get(f"{ENVIRONMENT_PREFIX}BASELINE")
    if not named:
        return None
    try:
        return Baseline(read_report(Path(named)))
    except ReportError as error:
        raise ConfigurationError(f"--baseline: {error}") from None
