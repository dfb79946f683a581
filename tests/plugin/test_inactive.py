"""Whoever has the suite in their environment and tests something else with pytest notices nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import emqx_conformance_pytest
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from emqx_conformance_pytest import locations, selects_suite
from tests.plugin.installed import pytest_beside
from tests.run.command import environment, report_of

IGNORED = [".*", "build", "venv", "*.egg"]


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def test_foreign_project_with_a_package_of_the_same_name(site: Path, tmp_path: Path) -> None:
    test = """\
        import sys
        from conformance.mine import ANSWER

        def test_it(pytestconfig):
            assert (ANSWER, pytestconfig.option.own) == (42, "http://mine")
            assert "emqx_conformance_pytest" in sys.modules
            assert "conformance.plugin" not in sys.modules
            assert not {"schemathesis", "requests", "jsonschema"} & sys.modules.keys()
    """
    option = "def pytest_addoption(parser): parser.addoption('--base-url', '--seed', dest='own')"
    files = {"conformance/__init__.py": "", "conformance/mine.py": "ANSWER = 42", "conftest.py": option}
    write(tmp_path, files | {"test_it.py": dedent(test)})
    plain = ["-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:allure_pytest"]
    completed = pytest_beside(site, *plain, "--base-url", "http://mine", cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    by_name = pytest_beside(site, *plain, "--base-url", "http://mine", "--pyargs", "test_it", cwd=tmp_path)
    assert by_name.returncode == 0, by_name.stdout + by_name.stderr
    assert not (tmp_path / "reports").exists()


def test_options_are_shown_only_to_whom_they_serve(site: Path, tmp_path: Path) -> None:
    assert "--report-dir" not in pytest_beside(site, "--help", cwd=tmp_path).stdout
    assert "--report-dir" in pytest_beside(site, "--pyargs", "conformance", "--help", cwd=tmp_path).stdout


def test_option_of_another_plugin_serves_the_suite_as_well(
    target: EmbeddedDeployment, site: Path, tmp_path: Path
) -> None:
    """As with pytest-base-url, whose option means the same."""
    options = "parser.addoption('--base-url', dest='base_url')\n    parser.addoption('--seed', type=int)\n"
    write(tmp_path, {"conftest.py": f"def pytest_addoption(parser):\n    {options}"})
    env = environment(target)
    del env["EMQX_CONFORMANCE_BASE_URL"]
    item = "conformance.scenarios.test_rules::test_deleted_rule_is_gone"
    given = ("--base-url", target.base_url, "--seed=7")
    completed = pytest_beside(site, "--pyargs", item, *given, cwd=tmp_path, env=env)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    report = report_of(tmp_path / "reports")
    assert (report["target"]["base_url"], report["seed"]) == (target.base_url, 7)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package in a virtual environment of a project."""
    package = tmp_path / "project" / "env" / "site-packages" / "conformance"
    package.mkdir(parents=True)
    (tmp_path / "project" / "tests").mkdir()
    monkeypatch.setattr(emqx_conformance_pytest, "PACKAGE", package)
    return package


def test_environment_within_a_project_is_not_of_the_project(package: Path) -> None:
    project = package.parents[2]
    plain: dict[str, Any] = {"pyargs": False, "ignored": IGNORED}
    assert selects_suite(["."], project, **plain)
    (project / "env" / "pyvenv.cfg").touch()
    assert not selects_suite(["."], project, **plain)
    assert not selects_suite(["tests", "env/other"], project, **plain)
    assert selects_suite(["env/site-packages/conformance"], project, **plain)
    assert selects_suite(["env/site-packages"], project, **plain)


@pytest.mark.parametrize("pattern", ["env", "e?v", "site-*", "project/env"])
def test_folder_that_pytest_leaves_out_is_left_out(pattern: str, package: Path) -> None:
    project = package.parents[2]
    assert not selects_suite(["."], project, pyargs=False, ignored=[pattern])
    assert selects_suite(["."], project, pyargs=False, ignored=["env/other", ""])


def test_arguments_of_other_kinds(package: Path) -> None:
    project = package.parents[2]
    names = ["tests::test_it[a/b]", "conformance", "http://127.0.0.1:1/api/v5", ""]
    places = [project / "tests", project / "conformance", project / "http:/127.0.0.1:1/api/v5", project]
    assert list(locations(names, project, pyargs=False)) == places
    # That name is the one of another package here.
    assert list(locations(["conformance.fuzz"], project, pyargs=True)) == [project / "conformance.fuzz"]
