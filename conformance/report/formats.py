"""The formats of a report: one place for what ``report --format`` knows and what a run writes by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.report import badge, certificate, har, html, json_report, junit, markdown, sarif
from conformance.report.files import write_atomically
from conformance.result import RunResult


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the file it goes to, what it is for, and how a run stored in a directory becomes its text.

    ``every_run``: each run writes it. ``render`` raises `ReportError`.
    """

    file_name: str
    purpose: str
    render: Callable[[RunResult, Path], str]
    every_run: bool = False

    def write(self, run: RunResult, directory: Path) -> Path:
        """Write the file into ``directory`` and return its path; raises `ReportError`."""
        path = directory / self.file_name
        write_atomically(path, self.render(run, directory))
        return path


def _of_run(render: Callable[[RunResult], str]) -> Callable[[RunResult, Path], str]:
    return lambda run, directory: render(run)


FORMATS: Mapping[str, Format] = {
    "json": Format(json_report.FILE_NAME, "for programs", _of_run(json_report.render_report), every_run=True),
    "junit": Format(junit.FILE_NAME, "for CI systems", _of_run(junit.render_junit), every_run=True),
    "html": Format(html.FILE_NAME, "for people", _of_run(html.render_html), every_run=True),
    "sarif": Format(sarif.FILE_NAME, "for code scanning", _of_run(sarif.render_sarif)),
    "markdown": Format(markdown.FILE_NAME, "for job summaries and comments", _of_run(markdown.render_markdown)),
    "badge": Format(badge.FILE_NAME, "for web pages", _of_run(badge.render_badge)),
    "certificate": Format(certificate.FILE_NAME, "a page to print and sign", certificate.render_certificate),
    "har": Format(har.FILE_NAME, "every exchange, where the run kept them", har.render_har),
}
