"""An item is the same item wherever it is collected from: same id, same requirements, same data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.catalogue.registry import catalogue
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.run.node_ids import operation_of, requirements_of
from tests.plugin.installed import ROOT, pytest_beside
from tests.recorded import RECORDED
from tests.run.command import environment, report_of, run

MODULE = "conformance/scenarios/test_wrong_bodies.py"
FAILING = (
    "conformance/fuzz/test_operations.py::test_boundaries[POST /authorization/sources/built_in_database/rules/all]"
)
PASSING = "conformance/scenarios/test_rules.py::test_deleted_rule_is_gone"


@pytest.fixture(scope="module")
def recorded() -> Iterator[EmbeddedDeployment]:
    with start_embedded(traits=RECORDED) as deployment:
        yield deployment


def collected(site: Path, *arguments: str, cwd: Path) -> list[str]:
    completed = pytest_beside(site, "--collect-only", "-q", *arguments, cwd=cwd)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return [line for line in completed.stdout.splitlines() if "::" in line]


@pytest.fixture(scope="module")
def ids() -> list[str]:
    """What a checkout calls the items of the module, in its own folder."""
    return collected(ROOT, "-c", str(ROOT / "pyproject.toml"), MODULE, cwd=ROOT)


def test_ids_say_where_an_item_is_in_the_package(ids: list[str]) -> None:
    list(catalogue())  # every requirement is known once its module is imported
    assert ids
    assert all(identifier.startswith(f"{MODULE}::test_") for identifier in ids)
    assert all(requirements_of(identifier) for identifier in ids), "every item verifies something"
    assert {operation_of(identifier) for identifier in ids} > {None, "GET /rules"}


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (["--pyargs", "conformance.scenarios.test_wrong_bodies"], "elsewhere"),
        pytest.param(
            ["--pyargs", "conformance.scenarios", "-k", "test_wrong_bodies"], "elsewhere", marks=pytest.mark.nightly
        ),
        pytest.param(
            ["-p", "conformance.plugin", "--pyargs", "conformance.scenarios.test_wrong_bodies"],
            "elsewhere",
            marks=pytest.mark.nightly,
        ),
        (["--import-mode=importlib", "--pyargs", "conformance.scenarios.test_wrong_bodies"], "elsewhere"),
        pytest.param(["SITE/conformance/scenarios/test_wrong_bodies.py"], "elsewhere", marks=pytest.mark.nightly),
        pytest.param(
            ["SITE/conformance/scenarios/test_wrong_bodies.py", "--rootdir", "/"],
            "elsewhere",
            marks=pytest.mark.nightly,
        ),
        (["scenarios/test_wrong_bodies.py"], "SITE/conformance"),
        pytest.param(["test_wrong_bodies.py"], "SITE/conformance/scenarios", marks=pytest.mark.nightly),
    ],
)
def test_ids_are_the_same_from_everywhere(
    arguments: list[str], folder: str, ids: list[str], site: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    named = [argument.replace("SITE", str(site)) for argument in arguments]
    cwd = tmp_path / folder.replace("SITE", str(site))
    assert collected(site, *named, cwd=cwd) == ids


@pytest.mark.parametrize("workers", [pytest.param("0", marks=pytest.mark.nightly), "2"])
def test_installed_suite_decides_as_the_command_does(
    workers: str, recorded: EmbeddedDeployment, site: Path, tmp_path: Path
) -> None:
    """Also without ``-p``: the options are there because items of the suite are selected."""
    env = environment(recorded, SEED="1")
    run("run", "-n", "0", FAILING, PASSING, "--disposable", "--report-dir", "command", env=env, cwd=tmp_path)
    items = [item.replace("/", ".", 2).replace(".py::", "::") for item in (FAILING, PASSING)]
    options = ["--disposable", "--report-dir", "pytest", "-n", workers]
    completed = pytest_beside(site, "--pyargs", *items, *options, cwd=tmp_path, env=env)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    expected, found = report_of(tmp_path / "command"), report_of(tmp_path / "pytest")
    assert found["failures"], "the recorded deployment has a defect there"
    names = ("requirement", "operation", "check")
    for report in (expected, found):
        report["failures"] = sorted([failure[name] for name in names] for failure in report["failures"])
        report["requirements"] = [[entry["id"], entry["outcome"], entry["tests"]] for entry in report["requirements"]]
    for key in ("verdict", "requirements", "failures", "seed"):
        assert found[key] == expected[key]
