"""The page of known defects is fresh and complete, and the command that makes it tells of each defect."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.commands.cli import main
from conformance.contract.versions import VersionRange
from conformance.reference.defects import Defect as Reproducible
from conformance.reference.defects import Quirk
from conformance.target.settings.config import WAIVERS_FOLDER
from conformance.waivers import Defect, WaiverFile, load_waivers
from conformance.waivers.known_defects import as_markdown, waivers_of

ROOT = Path(__file__).resolve().parents[2]


def shipped() -> WaiverFile:
    file = load_waivers(WAIVERS_FOLDER / "emqx-5.8.toml")
    assert file is not None
    return file


FILE = shipped()
PAGE = (ROOT / "docs" / "known-defects.md").read_text(encoding="utf-8")


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["defects", *arguments])


def test_page_is_what_the_command_prints() -> None:
    page = as_markdown(FILE, "emqx-5.8", {defect.id for defect in Reproducible})
    assert page == PAGE, "run: emqx-conformance defects --format md > docs/known-defects.md"
    assert command("--format", "md").output == PAGE


def test_every_waiver_has_a_section() -> None:
    sections = set(re.findall(r"(?m)^## (.+)$", PAGE))
    for waiver in FILE.waivers:
        page, _, name = waiver.link.partition("#")
        assert page == "docs/known-defects.md", f"{waiver.id} links to {waiver.link}"
        assert name in sections, f"{waiver.id} links to {waiver.link}"
        assert f"Waiver `{waiver.id}`: " in PAGE


@pytest.mark.parametrize("defect", FILE.defects, ids=lambda defect: defect.name)
def test_defect_is_told_in_full(defect: Defect) -> None:
    assert waivers_of(FILE, defect), "no waiver is for it"
    assert all(re.match(r"(GET|POST|PUT|DELETE) /\S", line) for line in defect.request.splitlines()), defect.request
    assert all(re.fullmatch(r"https://github\.com/emqx/emqx/(issues|pull)/\d+", url) for url in defect.upstream)
    assert defect.symptom.endswith(".")
    ranges = [waiver.versions for waiver in waivers_of(FILE, defect)]
    for version in defect.seen:
        assert any(within.contains(version) for within in ranges), f"seen on {version}, where nothing waives it"
    for version in re.findall(r"\d+\.\d+\.\d+", defect.fixed):
        assert not any(within.contains(version) for within in ranges), f"fixed in {version}, and yet waived"
    assert VersionRange.parse(defect.versions) in ranges


def test_command_tells_of_the_defects_by_name() -> None:
    listed = command()
    assert (listed.exit_code, len(listed.output.splitlines())) == (0, len(FILE.defects))
    told = command("queue-pages-skip-messages", "no-array").output
    assert re.findall(r"(?m)^## (.+)$", told) == ["queue-pages-skip-messages", "no-array"]
    assert "https://github.com/emqx/emqx/issues/18506" in told
    assert "none known" in told
    data = json.loads(command("--format", "json").output)
    assert [entry["name"] for entry in data] == [defect.name for defect in FILE.defects]
    (one,) = json.loads(command("no-array", "--format", "json").output)
    assert one["waivers"] == [waiver.id for waiver in FILE.waivers if waiver.defect == "no-array"]
    assert one["reproducible"] is True


def test_command_tells_of_what_the_reference_deployment_can_have() -> None:
    assert "- Reproduced: `serve --defects no-array`.\n" in command("no-array").output
    quirks = command("--quirks").output.splitlines()
    assert [line.partition(": ")[0] for line in quirks] == [quirk.id for quirk in Quirk]


def test_defect_that_no_reference_deployment_has_is_told_so(tmp_path: Path) -> None:
    defect = dict.fromkeys(("symptom", "request", "answer"), "x") | {"name": "own", "versions": ">=5.8.0,<6"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in defect.items()]
    (tmp_path / "own.toml").write_text("\n".join(["[[defect]]", *lines, 'seen = ["5.8.9"]', "upstream = []"]))
    told = command("--waivers", str(tmp_path / "own.toml"), "own").output
    assert "- Reproduced: by no reference deployment.\n" in told


def test_command_reads_other_files(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("")
    assert command("--waivers", str(tmp_path / "own.toml")).output.strip() == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "emqx-5.8 knows no defect 'nonsense'"),
        (["--waivers", "none.toml"], "none.toml: cannot be read: No such file or directory"),
        (["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_bad_usage_is_one_sentence(arguments: list[str], sentence: str) -> None:
    result = command(*arguments)
    assert result.exit_code == 2
    assert sentence in result.output
