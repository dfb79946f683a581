"""All files of a report directory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.report import har, html, json_report, junit, statement, storage
from conformance.report.errors import ReportError
from conformance.report.formats import FORMATS, FolderFormat
from conformance.result import RunResult


@dataclass(slots=True)
class Written:
    """What became of the files of a report directory. ``problem``: why one could not be written, if so."""

    files: list[Path] = field(default_factory=list)
    problem: ReportError | None = None

    def best(self) -> Path | None:
        """The file for people, or if that is missing the one that tells most."""
        by_name = {file.name: file for file in self.files}
        return next((by_name[name] for name in _FROM_BEST if name in by_name), None)


def write_reports(
    run: RunResult, directory: Path, *, exchanges: Iterable[Path] | None = None, forms: Iterable[str] = ()
) -> Written:
    """Write ``run.json`` and every format that each run has, as many of them as can be.

    ``run.json`` comes first: from it the others can be written again. One that cannot be written is removed, since what
    is there tells of another run, or better of this one than it deserves. ``exchanges``: the files of a run that kept
    its exchanges, which get their format, too; ``forms``: other formats that are wanted.
    """
    written = Written()
    for name, write in _WRITERS.items():
        try:
            written.files.append(write(run, directory))
        except ReportError as error:
            written.problem = written.problem or error
            remove(directory, [name])
    try:
        if exchanges is not None:
            har.gather(exchanges, directory)
            forms = [*forms, "har"]
        wanted = [FORMATS[form] for form in dict.fromkeys(forms)]
        written.files += [form.write(run, directory) for form in wanted if not form.every_run]
    except ReportError as error:
        written.problem = written.problem or error
    return written


def remove_reports(directory: Path) -> None:
    """Remove what an earlier run reported: until this one has something to say, nothing may speak for it."""
    remove(directory, [*_WRITERS, *(form.file_name for form in FORMATS.values()), har.STORED, statement.FILE_NAME])
    for form in FORMATS.values():
        if isinstance(form, FolderFormat):
            form.remove(directory)


def remove(directory: Path, names: Iterable[str]) -> None:
    """Remove files of a report, as far as that is possible."""
    for name in names:
        with contextlib.suppress(OSError):
            (directory / name).unlink()


_WRITERS: Mapping[str, Callable[[RunResult, Path], Path]] = {
    storage.FILE_NAME: storage.write_run,
    **{form.file_name: form.write for form in FORMATS.values() if form.every_run},
}
_FROM_BEST = (html.FILE_NAME, json_report.FILE_NAME, junit.FILE_NAME, storage.FILE_NAME)
