"""``run.json``: the complete result of a run, from which every other file can be written again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from conformance.report.decoding import DecodingError, decode
from conformance.report.errors import ReportError
from conformance.report.files import read_json, write_atomically
from conformance.result import RunResult

FILE_NAME = "run.json"
RUN_VERSION = 2


def write_run(run: RunResult, directory: Path) -> Path:
    """Write ``run.json`` into ``directory`` and return its path; raises `ReportError`."""
    path = directory / FILE_NAME
    # ASCII with escapes carries any text a target may answer, lone surrogates included.
    write_atomically(path, json.dumps({"run_version": RUN_VERSION, "run": asdict(run)}, allow_nan=False) + "\n")
    return path


def read_run(directory: Path) -> RunResult:
    """The run stored in ``directory``; raises `ReportError` if there is none or it is damaged."""
    path = directory / FILE_NAME
    document = read_json(path)
    if not isinstance(document, dict) or "run_version" not in document:
        raise ReportError(f"{path} is not a stored run")
    if document["run_version"] != RUN_VERSION:
        raise ReportError(f"{path} has version {document['run_version']!r:.20}, this suite reads version {RUN_VERSION}")
    try:
        return decode(RunResult, document.get("run"))
    except DecodingError as error:
        raise ReportError(f"{path} is damaged: {error}") from error
