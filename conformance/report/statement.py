"""``statement.json``: what a run decided and what that rests on, as an in-toto Statement v1 that others can sign.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md describes its form, the JSON Schema of the package
its predicate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.report import evidence, json_report, storage
from conformance.report.errors import ReportError
from conformance.report.files import read_json, write_atomically
from conformance.report.groups import groups_of_report
from conformance.report.holdings import inventory_evidence
from conformance.report.schemas import misfit
from conformance.target.leftovers.inventory import AFTER, BEFORE

FILE_NAME = "statement.json"
TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:emqx-conformance:statement:1"

SUBJECTS = (json_report.FILE_NAME, storage.FILE_NAME, BEFORE, AFTER)
"""Files that a statement is about, as far as they are there: what a run writes once and nobody writes again."""


def problem(statement: object) -> str | None:
    """How a statement does not fit the schema, None if it does."""
    return misfit(statement, FILE_NAME)


def told_by_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the predicate of a statement repeats of a report.

    Raises KeyError for a report of before statements.
    """
    contract, target = report["contract"], report["target"]
    return {
        "verdict": report["verdict"],
        "complete": report["complete"],
        "groups": [{"name": group.name, "verdict": group.verdict} for group in groups_of_report(report)],
        "target": {"base_url": target["base_url"], "version": target["version"]},
        "run": {
            "started_at": report["started_at"],
            "profile": report["profile"],
            "mode": report["mode"],
            "seeds": [report["seed"], *report["more_seeds"]],
            "selection": report["selection"],
        },
        "contract": {
            "variant": contract["variant"],
            "described_version": contract["described_version"],
            "digest": {"sha256": contract["digest"].removeprefix("sha256:")},
        },
        "suite": report["suite"],
    }


def subjects(directory: Path) -> list[dict[str, Any]]:
    """Name and digest of the files that a statement on a report directory is about; raises `ReportError`."""
    try:
        return [
            {"name": name, "digest": evidence.digest_of((directory / name).read_bytes())}
            for name in SUBJECTS
            if (directory / name).is_file()
        ]
    except OSError as error:
        raise ReportError(f"{error.filename} cannot be read: {error.strerror or error}") from error


def build_statement(directory: Path, waivers: Sequence[Path]) -> dict[str, Any]:
    """The statement on the run that a directory holds, which used the files ``waivers``; raises `ReportError`."""
    report = read_json(directory / json_report.FILE_NAME)
    told = told_by_report(report)
    try:
        predicate = {
            **told,
            "overlays": evidence.overlay_digests(told["contract"]["variant"], told["contract"]["described_version"]),
            "code": evidence.suite_digest(),
            "extensions": evidence.extension_digests(),
            "waivers": evidence.waiver_digests(waivers),
            "inventory": inventory_evidence(directory),
        }
    except OSError as error:
        raise ReportError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    return {"_type": TYPE, "subject": subjects(directory), "predicateType": PREDICATE_TYPE, "predicate": predicate}


def render_statement(statement: Mapping[str, Any]) -> str:
    """The one way to write a statement."""
    return json.dumps(statement, indent=2, allow_nan=False) + "\n"


def write_statement(directory: Path, waivers: Sequence[Path]) -> Path:
    """Write ``statement.json`` and return its path; raises `ReportError`."""
    path = directory / FILE_NAME
    statement = build_statement(directory, waivers)
    if (wrong := problem(statement)) is not None:
        raise ReportError(f"{FILE_NAME} is no valid statement: {wrong}")
    write_atomically(path, render_statement(statement))
    return path


def read_statement(directory: Path) -> tuple[Any, str]:
    """The statement in a directory, whatever it is, and its text; raises `ReportError`."""
    if not directory.is_dir():
        raise ReportError(f"there is no folder {directory}")
    return read_json(directory / FILE_NAME), (directory / FILE_NAME).read_bytes().decode()
