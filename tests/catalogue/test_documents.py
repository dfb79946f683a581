"""What the documents name exists: files and options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.commands.options import SWEEP
from conformance.commands.options_document import as_markdown
from conformance.target.settings.options import CHOICES, OPTIONS
from conformance.waivers import parse_waivers

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "reports" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
OF_OTHER_PROGRAMS = {"--pyargs", "--data-binary", "--network", "--strict", "--lf", "--ff"}

_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
_OPTION = re.compile(r"`(--[a-z][a-z0-9.-]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", document.read_text(encoding="utf-8"))):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def test_waiver_that_is_shown_is_one() -> None:
    (shown,) = blocks("waivers.md", "toml")
    (waiver,) = parse_waivers(shown, "docs/waivers.md", operations={"GET /rules"}).waivers
    assert (waiver.id, waiver.requirement) == ("sso-gateway-hides-401", "GEN-02")


def test_code_that_is_shown_is_that_of_the_example() -> None:
    package = ROOT / "docs" / "examples" / "acme-conformance" / "acme_conformance"
    files = [file.read_text(encoding="utf-8") for file in package.glob("*.py")]
    shown = blocks("extending.md", "python")
    assert len(shown) == 2
    assert all(any(block in text for text in files) for block in shown)


def test_options_are_what_the_command_line_has() -> None:
    kept = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert kept == as_markdown(), "run: python -m conformance.commands.options_document > docs/options.md"
    assert {option.flag for option in OPTIONS} - set(_OPTION.findall(kept)) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_options_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    known = {option.flag for option in OPTIONS} | set(_flags(main)) | {"--help"} | OF_OTHER_PROGRAMS
    assert set(_OPTION.findall(text)) - known == set()


def _flags(command: click.Command) -> Iterator[str]:
    """Every option of a command and of those below it."""
    yield from (flag for parameter in command.params for flag in parameter.opts)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _flags(inner)


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
