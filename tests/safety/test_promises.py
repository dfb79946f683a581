"""Every promise of docs/safety.md names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_PROOF = re.compile(r"`(?P<file>tests/[\w/]+\.py)?(?:::(?P<test>test_\w+))?(?:\[[^`]*\])?`")


def proofs() -> list[tuple[str, str | None]]:
    """File and test of each proof; a test without a file is in the file named before it in its row."""
    found: list[tuple[str, str | None]] = []
    for line in (ROOT / "docs" / "safety.md").read_text(encoding="utf-8").splitlines():
        file = ""
        for match in _PROOF.finditer(line):
            if match["file"] or match["test"]:
                file = match["file"] or file
                found.append((file, match["test"]))
    return found


def test_there_are_promises() -> None:
    assert len(proofs()) >= 20


@pytest.mark.parametrize(("file", "test"), proofs())
def test_proof_exists(file: str, test: str | None) -> None:
    module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    assert test is None or test in names
    assert any(name.startswith("test_") for name in names)


def test_every_row_of_a_table_of_promises_has_a_proof() -> None:
    lines = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8").splitlines()
    inside = False
    for line in lines:
        inside = line.startswith("|") and (inside or line.replace(" ", "") == "|promise|provenby|")
        if inside and not re.fullmatch(r"\|[-| ]+\|", line) and "proven by" not in line:
            assert _PROOF.search(line.rpartition("|")[0].rpartition("|")[2]), line
