"""Wheel and sdist hold what a run needs, and what they say of themselves agrees with tox and README."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import emqx_conformance_pytest
from conformance.commands.cli import main
from conformance.report.evidence import suite_digest
from tests.plugin.installed import ROOT, build

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPENAPI = "openapi"


def tracked(*folders: str) -> set[str]:
    """Files of the repository in the folders."""
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return {line for line in listed.stdout.splitlines() if (ROOT / line).is_file()}


def in_wheel(file: str) -> str:
    return f"conformance/{file}" if file.startswith(f"{OPENAPI}/") else file


def test_wheel_holds_everything_that_a_run_needs(site: Path) -> None:
    """Contract, overlays, waivers, templates, schemas and items, and nothing of the suite's own tests."""
    held = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    held = {path for path in held if not path.endswith((".pyc", ".whl")) and ".dist-info/" not in path}
    modules = tracked("emqx_conformance_extensions.py", "emqx_conformance_pytest.py")
    assert held == {in_wheel(file) for file in (*tracked("conformance", OPENAPI), *modules)}
    assert suite_digest(site / "conformance") == suite_digest(), "statements of both name the same code"


def test_wheel_can_be_made_of_the_sdist(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    needed = tracked(
        "conformance", OPENAPI, "tests", "pyproject.toml", "README.md", "LICENSE", "conftest.py", "tox.ini"
    )
    assert needed - held == set()
    assert {name for name in held if name.startswith(("reports/", ".ci/"))} == set()


def test_supported_pythons_are_the_same_everywhere() -> None:
    classified = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    lowest, highest = (int(version.partition(".")[2]) for version in (classified[0], classified[-1]))
    assert classified == [f"3.{minor}" for minor in range(lowest, highest + 1)]
    assert PROJECT["requires-python"] == f">=3.{lowest},<3.{highest + 1}"
    environments = re.findall(r"\bpy(3)(\d+)\b", (ROOT / "tox.ini").read_text(encoding="utf-8"))
    assert [".".join(each) for each in environments] == classified
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Python {classified[0]} to {classified[-1]}" in readme
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in classified


def test_systems_that_are_supported_are_said() -> None:
    systems = {line.rpartition(" :: ")[2] for line in PROJECT["classifiers"] if line.startswith("Operating System")}
    assert systems == {"Linux", "MacOS"}


@pytest.mark.parametrize("arguments", [["run"], ["--version"], ["requirements"], []])
def test_windows_is_told_in_a_sentence(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("emqx-conformance runs on Linux and macOS; on Windows use WSL")
    assert result.stderr.count("\n") == 1


def test_windows_is_told_to_who_selects_the_suite_with_pytest(
    monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(emqx_conformance_pytest, "selects_suite", lambda *_arguments, **_options: True)
    with pytest.raises(pytest.UsageError, match="runs on Linux and macOS"):
        emqx_conformance_pytest.pytest_load_initial_conftests(pytestconfig)


def test_shell_completes_commands_and_options() -> None:
    for words, expected in (("wa", "plain,wait"), ("wait --time", "plain,--timeout")):
        env = {
            "_EMQX_CONFORMANCE_COMPLETE": "bash_complete",
            "COMP_WORDS": f"emqx-conformance {words}",
            "COMP_CWORD": str(len(words.split())),
        }
        result = CliRunner().invoke(main, prog_name="emqx-conformance", env=env)
        assert result.output.splitlines() == [expected]
