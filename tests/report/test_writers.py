"""The files of a report directory: as many as can be written, and none that tells something else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.report.errors import UnwritableError
from conformance.report.files import replace_files as really_replace
from conformance.report.writers import remove_reports, write_reports
from tests.report.samples import failing_items, good_items, run_of

NAMES = ["run.json", "report.json", "junit.xml", "index.html"]
ALLURE = "allure-results"


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of files and folders for which the disk has no room."""
    names: set[str] = set()
    really = tempfile.mkstemp

    def mkstemp(*, prefix: str, **options: Any) -> Any:
        if prefix.strip(".") in names:
            raise OSError(28, "No space left on device")
        return really(prefix=prefix, **options)

    def replace_files(folder: Path, files: Mapping[str, str], owns: Callable[[str], bool]) -> None:
        if folder.name in names:
            raise UnwritableError(folder, OSError(28, "No space left on device"))
        really_replace(folder, files, owns)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    monkeypatch.setattr("conformance.report.formats.replace_files", replace_files)
    return names


def test_all_are_written(tmp_path: Path) -> None:
    written = write_reports(run_of(good_items()), tmp_path)
    assert [file.name for file in written.files] == [*NAMES, ALLURE]
    assert written.problem is None
    assert written.best() == tmp_path / "index.html"
    remove_reports(tmp_path)
    assert list(tmp_path.iterdir()) == []
    remove_reports(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_one_that_cannot_be_written_is_removed_and_told(name: str, full: set[str], tmp_path: Path) -> None:
    write_reports(run_of(good_items()), tmp_path)
    full.add(name)
    written = write_reports(run_of(failing_items()), tmp_path)
    assert isinstance(written.problem, UnwritableError)
    assert str(written.problem) == f"{tmp_path / name} cannot be written: No space left on device"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted({*NAMES, ALLURE} - {name})
    assert written.best() == tmp_path / ("report.json" if name == "index.html" else "index.html")


def test_none_is_named_where_none_could_be_written(full: set[str], tmp_path: Path) -> None:
    full.update({*NAMES, ALLURE})
    written = write_reports(run_of(good_items()), tmp_path)
    assert (written.files, written.best()) == ([], None)


def test_commands_on_a_full_disk_end_in_3(full: set[str], tmp_path: Path) -> None:
    write_reports(run_of(good_items()), tmp_path)
    full.add("index.html")
    ended = CliRunner().invoke(main, ["report", str(tmp_path), "--format", "html"])
    assert ended.exit_code == 3
    assert ended.stderr == f"Error: {tmp_path / 'index.html'} cannot be written: No space left on device\n"
    elsewhere = CliRunner().invoke(main, ["report", str(tmp_path), "--format", "html", "-o", f"{tmp_path}/run.json/x"])
    assert elsewhere.exit_code == 2


def test_summary_of_a_stored_run_names_the_page_only_if_it_is_there(tmp_path: Path) -> None:
    write_reports(run_of(good_items()), tmp_path)
    page = tmp_path / "index.html"
    assert "Report: " in CliRunner().invoke(main, ["report", str(tmp_path)]).stdout
    page.unlink()
    assert "Report: " not in CliRunner().invoke(main, ["report", str(tmp_path)]).stdout
