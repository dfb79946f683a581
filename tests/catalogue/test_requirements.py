"""The catalogue is complete, names only what exists, is the same however it is collected, and its document is fresh."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.catalogue import needs_document
from conformance.catalogue.coverage import account, unreachable_statuses
from conformance.catalogue.document import as_data, as_markdown, as_text
from conformance.catalogue.registry import catalogue
from conformance.contract import load_contract
from conformance.requirements import Requirement, RequirementError, requirement
from tests.waiting import RUN_PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = load_contract()


@pytest.fixture(scope="module")
def entries() -> list[Requirement]:
    return list(catalogue())


def test_requirements_name_operations_of_the_contract(entries: list[Requirement]) -> None:
    unknown = {(entry.id, label) for entry in entries for label in entry.operations if label not in CONTRACT.operations}
    assert unknown == set()


def test_every_requirement_names_operations_or_is_about_all(entries: list[Requirement]) -> None:
    about_none = [entry.id for entry in entries if not entry.operations and not entry.universal]
    # On paths that are none, on ids that lead elsewhere, and on the run as a whole.
    assert about_none == ["GEN-07", "GEN-21", "SAFE-01", "SAFE-02"]


def test_every_operation_has_a_requirement_besides_fuzzing(entries: list[Requirement]) -> None:
    covered = {label for entry in entries if not entry.random for label in entry.operations}
    assert set(CONTRACT.operations) - covered == set()


def test_ids_and_sentences_are_well_formed(entries: list[Requirement]) -> None:
    for entry in entries:
        assert re.fullmatch(r"[A-Z]{3,4}-\d\d", entry.id), entry.id
        assert entry.title.endswith("."), f"{entry.id}: {entry.title}"
        assert entry.title[0].isupper() or not entry.title[0].isalpha(), f"{entry.id}: {entry.title}"


def test_document_is_what_the_command_prints(entries: list[Requirement]) -> None:
    fresh = as_markdown(entries, CONTRACT)
    kept = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    assert kept == fresh, "run: emqx-conformance requirements --format md > docs/requirements.md"


def test_document_of_needs_is_what_the_command_prints(entries: list[Requirement]) -> None:
    kept = (ROOT / "docs" / "needs.md").read_text(encoding="utf-8")
    fresh = needs_document.as_markdown(entries)
    assert kept == fresh, "run: emqx-conformance requirements --format needs > docs/needs.md"


def test_forms_agree(entries: list[Requirement]) -> None:
    data = json.loads(json.dumps(as_data(entries, CONTRACT)))
    identifiers = [entry.id for entry in entries]
    assert [entry["id"] for entry in data["requirements"]] == identifiers
    assert [line.split()[0] for line in as_text(entries).splitlines()] == identifiers
    assert [row["operation"] for row in data["operations"]] == list(CONTRACT.operations)
    assert all("GEN-14" in row["requirements"] for row in data["operations"]), "checked on every answer"


def collected(*arguments: str, **environment: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "conformance", "--collect-only", "-q", *arguments]
    completed = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=RUN_PATIENCE_S,
        check=True,
    )
    return [line for line in completed.stdout.splitlines() if "::" in line]


@pytest.mark.nightly
def test_items_are_the_same_whatever_the_hash_seed_is() -> None:
    first = collected(PYTHONHASHSEED="1")
    assert len(first) > 1000
    assert collected(PYTHONHASHSEED="2") == first
    assert len(set(first)) == len(first)


def test_unreachable_statuses_are_documented_and_explained() -> None:
    assert account(CONTRACT, {}).unknown == []
    listed = [(entry.operation, entry.status) for entry in unreachable_statuses()]
    assert len(set(listed)) == len(listed), "listed twice"
    assert all(len(entry.reason) > 20 and entry.link.startswith("https://") for entry in unreachable_statuses())


def test_accounting_tells_missed_from_reached() -> None:
    label = unreachable_statuses()[0].operation
    status = unreachable_statuses()[0].status
    coverage = account(CONTRACT, {"GET /rules": ["200"], label: [str(status)]})
    assert ("GET /rules", 200) not in coverage.missed
    assert ("GET /rules", 401) in coverage.missed
    assert coverage.reached == [(label, status)]


def test_declarations_that_disagree_are_an_error() -> None:
    def one() -> None:
        """A claim."""

    def other() -> None:
        """The same claim."""

    requirement("TST-01", since="5.8.2")(one)
    with pytest.raises(RequirementError, match="disagree"):
        requirement("TST-01")(other)
    from conformance.requirements import REQUIREMENTS

    del REQUIREMENTS["TST-01"]


@pytest.mark.parametrize(
    ("since", "until", "version", "applies"),
    [
        (None, None, "5.8.1", True),
        ("5.8.2", None, "5.8.1", False),
        ("5.8.2", None, "5.8.2", True),
        (None, "5.8.2", "5.8.2", False),
        ("5.8.0", "5.8.2", "5.8.1", True),
        ("5.8.2", None, None, True),
    ],
)
def test_versions(since: str | None, until: str | None, version: str | None, applies: bool) -> None:
    assert Requirement("TST-01", "A claim.", "MUST", since=since, until=until).applies_to(version) is applies
