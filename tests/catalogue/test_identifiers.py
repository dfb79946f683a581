"""No id of a requirement vanishes: it is in the catalogue, or retired with a reason."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from conformance.catalogue.document import as_data, as_markdown
from conformance.catalogue.registry import catalogue
from conformance.catalogue.retired import Retired, parse_retired, retired_requirements
from conformance.contract import load_contract
from tests.catalogue.identifiers import ID, KEPT, ROOT, given_in_history, has_history, kept, vanished

LIVING = {entry.id for entry in catalogue()}
RETIRED = {entry.id for entry in retired_requirements()}
KNOWN = LIVING | RETIRED
TOLD = "retire it in conformance/catalogue/retired.toml with a reason, or bring back what checked it"


def test_every_id_that_was_kept_is_still_known() -> None:
    assert vanished(kept(), LIVING, RETIRED) == [], TOLD


def test_every_known_id_is_kept() -> None:
    assert kept() == sorted(set(kept())), f"{KEPT.name} is sorted, without repetitions"
    missing = sorted(KNOWN - set(kept()))
    assert missing == [], f"add {' '.join(missing)} to {KEPT.relative_to(ROOT)}, in order"


@pytest.mark.skipif(not has_history(ROOT), reason="a checkout without history")
def test_every_id_of_the_history_is_kept() -> None:
    given = given_in_history(ROOT)
    assert len(given) > 0
    lost = sorted(given - set(kept()))
    assert lost == [], f"they were given once: add them to {KEPT.relative_to(ROOT)}, and {TOLD}"


def test_retired_ids_are_not_checked() -> None:
    assert sorted(RETIRED & LIVING) == [], "an id is never given again"


def test_changelog_names_nothing_that_is_not_there() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    groups = {identifier.partition("-")[0] for identifier in KNOWN}
    assert sorted(set(re.findall(r"`([A-Z]{3,4})-`", text)) - groups) == [], "the catalogue has no such group"
    assert sorted(set(re.findall(r"`([A-Z]{3,4}-\d\d)`", text)) - KNOWN) == [], "the catalogue has no such id"


def test_files_of_the_suite_name_no_id_that_is_not_there() -> None:
    groups = {identifier.partition("-")[0] for identifier in kept()}
    files = [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "reports").glob("*.md"),
        *(ROOT / "openapi").rglob("*.yaml"),
        *(file for file in (ROOT / "conformance").rglob("*") if file.suffix in (".py", ".toml")),
        *(ROOT / "tests").rglob("*.toml"),
    ]
    assert len(files) > 100
    unknown = {
        f"{file.relative_to(ROOT)}: {identifier}"
        for file in files
        for identifier in ID.findall(file.read_text(encoding="utf-8"))
        if identifier.partition("-")[0] in groups and identifier not in KNOWN and file.name != "retired.toml"
    }
    assert sorted(unknown) == []


# --- the means themselves ---------------------------------------------------------------------------------------------


def test_what_a_later_commit_deleted_is_found_in_the_history(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    if not has_history(ROOT):
        pytest.skip("a checkout without history")
    (tmp_path / "docs").mkdir()
    scenarios = tmp_path / "conformance" / "scenarios"
    scenarios.mkdir(parents=True)
    git("init", "-q")
    (tmp_path / "docs" / "requirements.md").write_text("| ABC-01 | MUST | A claim. |\n| not | an id |\n")
    (tmp_path / "CHANGELOG.md").write_text("- New: `ABC-02` and the group `ABC-`.\n")
    (scenarios / "test_abc.py").write_text('@requirement("ABC-03", "GET /rules")\n@requirement(\n    "ABC-04",\n)\n')
    git("add", ".")
    git("commit", "-q", "-m", "give")
    for file in (tmp_path / "docs" / "requirements.md", tmp_path / "CHANGELOG.md", scenarios / "test_abc.py"):
        file.write_text("nothing\n")
    git("commit", "-q", "-a", "-m", "take away")

    given = given_in_history(tmp_path)
    assert given == {"ABC-01", "ABC-02", "ABC-03", "ABC-04"}
    assert vanished(given, {"ABC-01"}, {"ABC-03"}) == ["ABC-02", "ABC-04"]


def test_retired_requirements_are_read() -> None:
    (entry,) = parse_retired('[[retired]]\nid = "ABC-01"\nreason = "It was wrong."\nsince = "0.2.0"\n')
    assert (entry.id, entry.reason, entry.since) == ("ABC-01", "It was wrong.", "0.2.0")
    assert parse_retired("") == ()


def test_retired_requirements_are_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = (Retired("ABC-01", "It was wrong, see a|b.", "0.2.0"),)
    monkeypatch.setattr("conformance.catalogue.document.retired_requirements", lambda: entries)
    contract = load_contract()
    assert as_markdown([], contract).endswith("| ABC-01 | 0.2.0 | It was wrong, see a\\|b. |\n")
    assert as_data([], contract)["retired"] == [{"id": "ABC-01", "reason": "It was wrong, see a|b.", "since": "0.2.0"}]


@pytest.mark.parametrize(
    "text",
    [
        '[[retired]]\nid = "ABC-01"\nreason = "It was wrong."\n',
        '[[retired]]\nid = "ABC-01"\nreason = ""\nsince = "0.2.0"\n',
        '[[retired]]\nid = "ABC-01"\nreason = "It was wrong."\nsince = "soon"\n',
        '[[retired]]\nid = "ABC-01"\nreason = "It was wrong."\nsince = 5\n',
        '[[retired]]\nid = "lists"\nreason = "It was wrong."\nsince = "0.2.0"\n',
        '[[retired]]\nid = "ABC-01"\nreason = "It was wrong."\nsince = "0.2.0"\n' * 2,
    ],
)
def test_retired_requirement_that_says_too_little_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"retired|ABC-01|'lists'"):
        parse_retired(text)
