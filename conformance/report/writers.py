"""All files of a report directory."""

from __future__ import annotations

from pathlib import Path

from conformance.report.html import write_html
from conformance.report.json_report import write_report
from conformance.report.junit import write_junit
from conformance.report.model import RunResult
from conformance.report.storage import write_run


def write_reports(run: RunResult, directory: Path) -> list[Path]:
    """Write ``run.json``, ``report.json``, ``junit.xml`` and ``index.html``; raises `ReportError`.

    ``run.json`` comes first: from it the others can be written again.
    """
    return [write(run, directory) for write in (write_run, write_report, write_junit, write_html)]
