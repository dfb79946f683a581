"""What the documents name exists: files and options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.commands.options import SWEEP
from conformance.target.settings.options import CHOICES, OPTIONS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "reports" / "README.md",
    *(ROOT / "docs").glob("*.md"),
]

_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
_OPTION = re.compile(r"`(--[a-z][a-z0-9.-]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", document.read_text(encoding="utf-8"))):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_readme_lists_the_options_of_a_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = set(_OPTION.findall(text))
    known = {option.flag for option in OPTIONS}
    similar = {"--publisher-secret-file", "--targets-file"}  # as --viewer-secret-file, and as --target
    assert known - listed - similar == set()
    of_commands = {flag for command in main.list_commands(None) for flag in _flags(command)}  # type: ignore[arg-type]
    of_programs = {"--pyargs", "--data-binary", "--lf", "--ff"}
    assert listed - known - of_commands - of_programs == set()


def _flags(command: str) -> set[str]:
    found = main.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None
    return {flag for parameter in found.params for flag in parameter.opts}


def test_help_tells_the_options_that_matter_and_their_variables() -> None:
    runner = CliRunner()
    words = {name: " ".join(runner.invoke(main, [name, "--help"]).output.split()) for name in ("run", "sweep", "serve")}
    for option in OPTIONS:
        assert option.flag in words["run"]
        assert f"[{option.variable}" in words["run"]
        assert (f" {option.flag} " in words["sweep"]) is (option.field in SWEEP), option.flag
    for option in CHOICES:
        assert option.flag in words["run"]
        assert option.variable not in words["run"]
    assert "EMQX_CONFORMANCE_API_SECRET]" in words["run"]
    assert "embedded" not in words["sweep"]
    assert "EMQX_CONFORMANCE_" not in words["serve"]
