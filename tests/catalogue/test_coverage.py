"""The page on coverage is fresh, what it excuses is explained, and a run's accounting tells missed from excused."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from conformance.catalogue.coverage import account_values, excuse, unreachable_values
from conformance.catalogue.coverage_document import as_markdown
from conformance.commands.cli import main
from conformance.contract import load_contract
from conformance.contract.value_space import value_space
from conformance.result import ItemResult

CONTRACT = load_contract()
PAGE = Path(__file__).resolve().parents[2] / "docs" / "coverage.md"


def test_page_is_what_the_command_prints() -> None:
    assert as_markdown(CONTRACT) == PAGE.read_text(encoding="utf-8"), (
        "run: emqx-conformance coverage --format md > docs/coverage.md"
    )
    assert CliRunner().invoke(main, ["coverage", "--format", "md"]).output == PAGE.read_text(encoding="utf-8")


def test_forms_agree() -> None:
    data = json.loads(CliRunner().invoke(main, ["coverage", "--format", "json"]).output)
    lines = CliRunner().invoke(main, ["coverage"]).output.splitlines()
    assert [f"{subject} {one}" for subject, classes in data["subjects"].items() for one in classes] == lines


def test_every_excuse_covers_something_and_says_why() -> None:
    space = [(subject, one) for subject, classes in value_space(CONTRACT).classes.items() for one in classes]
    used = {excuse(*one) for one in space}
    assert [entry for entry in unreachable_values() if entry not in used] == []
    assert all(len(entry.reason) > 20 and entry.link.startswith("https://") for entry in unreachable_values())


def test_accounting_of_values() -> None:
    item = ItemResult("item", (), None, "passed", values={"GET /banned": ["?page without other optional fields"]})
    (banned,) = (entry for entry in account_values(CONTRACT, [item]) if entry.subject == "GET /banned")
    assert (banned.reached, banned.excused) == (1, ["? with all optional fields"])
    assert banned.classes == 2 + len(banned.missed)
    assert "?page without other optional fields" not in banned.missed
