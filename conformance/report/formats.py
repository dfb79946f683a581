"""The formats of a report: one place for what ``report --format`` knows and what a run writes by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.report import allure, badge, certificate, har, html, json_report, junit, markdown, sarif
from conformance.report.errors import ReportError
from conformance.report.files import replace_files, write_atomically
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


@dataclass(frozen=True, slots=True)
class FolderFormat:
    """A format of many files: the folder they are in, what it is for, and how a run becomes names and texts.

    ``owns``: whether a name in the folder is one of the format, and goes when a run is written again.
    """

    file_name: str
    purpose: str
    files: Callable[[RunResult], Mapping[str, str]]
    owns: Callable[[str], bool]
    every_run: bool = False

    def write(self, run: RunResult, directory: Path) -> Path:
        """Write the folder in ``directory`` and return its path; raises `ReportError`."""
        return self.write_into(run, directory / self.file_name)

    def write_into(self, run: RunResult, folder: Path) -> Path:
        """Write the files into ``folder``, in place of those of another run, all or none; raises `ReportError`."""
        try:
            replace_files(folder, self.files(run), self.owns)
        except ReportError:
            self._clear(folder)
            raise
        return folder

    def remove(self, directory: Path) -> None:
        """Remove what a run before wrote, as far as that is possible."""
        self._clear(directory / self.file_name)

    def _clear(self, folder: Path) -> None:
        with contextlib.suppress(OSError):
            for path in list(folder.iterdir()):
                if self.owns(path.name):
                    with contextlib.suppress(OSError):
                        path.unlink()
            folder.rmdir()


def _of_run(render: Callable[[RunResult], str]) -> Callable[[RunResult, Path], str]:
    return lambda run, directory: render(run)


FORMATS: Mapping[str, Format | FolderFormat] = {
    "json": Format(json_report.FILE_NAME, "for programs", _of_run(json_report.render_report), every_run=True),
    "junit": Format(junit.FILE_NAME, "for CI systems", _of_run(junit.render_junit), every_run=True),
    "html": Format(html.FILE_NAME, "for people", _of_run(html.render_html), every_run=True),
    "allure": FolderFormat(
        allure.FOLDER_NAME, "a folder for Allure", allure.allure_files, allure.is_result, every_run=True
    ),
    "sarif": Format(sarif.FILE_NAME, "for code scanning", _of_run(sarif.render_sarif)),
    "markdown": Format(markdown.FILE_NAME, "for job summaries and comments", _of_run(markdown.render_markdown)),
    "badge": Format(badge.FILE_NAME, "for web pages", _of_run(badge.render_badge)),
    "certificate": Format(certificate.FILE_NAME, "a page to print and sign", certificate.render_certificate),
    "har": Format(har.FILE_NAME, "every exchange, where the run kept them", har.render_har),
}
