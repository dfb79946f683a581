"""Every piece of the kit for pipelines does what it says: its shell lines are executed, its names exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.report.writers import write_reports
from conformance.target.settings.options import OPTIONS, SECRET_VARIABLES
from tests.ci.pipeline import KIT, Runner, evaluated, parsed, run_steps
from tests.report.evidence import write_evidence
from tests.report.samples import failing_items, good_items, run_of

ACTION = parsed("github/action.yml")
WORKFLOWS = sorted(path.name for path in (KIT / "github" / "workflows").glob("*.yml"))
GITLAB = parsed("gitlab/conformance.gitlab-ci.yml")
JENKINS = (KIT / "jenkins" / "Jenkinsfile").read_text(encoding="utf-8")

ITEM = "conformance/scenarios/test_banned.py::test_defaults_are_filled_in[clientid]"
KNOWN = {option.variable for option in OPTIONS} | set(SECRET_VARIABLES)


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    write_reports(run_of(good_items()), folder)
    return folder


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    write_reports(run_of(failing_items()), folder)
    return folder


def inputs(**given: str) -> dict[str, str]:
    defaults = {name: str(entry.get("default", "")) for name, entry in ACTION["inputs"].items()}
    return {f"inputs.{name}": value for name, value in (defaults | given).items()}


def every_step() -> Iterator[tuple[str, dict[str, Any]]]:
    for step in ACTION["runs"]["steps"]:
        yield "action.yml", step
    for name in WORKFLOWS:
        for job in parsed(f"github/workflows/{name}")["jobs"].values():
            for step in job["steps"]:
                yield name, step


def test_action_waits_runs_and_reports(target: EmbeddedDeployment, tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    context = inputs(
        **{"base-url": target.base_url, "api-key": target.api_key, "api-secret": target.api_secret},
        mqtt=str(target.mqtt), workers="0", items=f"{ITEM}\n",
    )  # fmt: skip
    ended = run_steps(ACTION["runs"]["steps"], runner, context)
    assert [(name, step.code) for name, step in ended.items()] == [
        ("Install", 0), ("Wait", 0), ("Run", 0), ("Report", 0),
    ], ended  # fmt: skip
    assert runner.outputs() == {"exit-code": "0", "verdict": "partial"}
    told = {name: evaluated(entry["value"], context) for name, entry in ACTION["outputs"].items()}
    assert told == {"exit-code": "0", "verdict": "partial"}
    assert runner.log.read_text() == "-m pip install --quiet emqx-conformance\n"
    assert "Verdict: PARTIAL" in runner.summary.read_text()
    badge = json.loads((tmp_path / "reports" / "badge.json").read_text())
    assert badge == {"schemaVersion": 1, "label": "EMQX API v5", "message": "partial", "color": "yellowgreen"}
    assert target.api_secret not in "".join(file.read_text() for file in (runner.output, runner.summary))


def test_action_fails_as_the_run_does_and_reports_nevertheless(bad: Path, tmp_path: Path) -> None:
    runner = Runner(tmp_path, bad, code=1)
    given = inputs(items="a b\nc\n", select="rules and not lists", **{"base-url": ""})
    ended = run_steps(ACTION["runs"]["steps"], runner, given)
    assert {name: step.code for name, step in ended.items()} == {"Install": 0, "Run": 1, "Report": 0}
    assert runner.outputs() == {"exit-code": "1", "verdict": "non_conformant"}
    *_, command = [line for line in runner.log.read_text().splitlines() if line.startswith("run ")]
    assert command == "run --workers 2 --select rules and not lists -- a b c"


def test_no_text_of_others_becomes_shell() -> None:
    """What an input or an output holds reaches the shell as a variable, never as a part of its lines."""
    assert [(name, step["name"]) for name, step in every_step() if "${{" in step.get("run", "")] == []


def test_variables_and_inputs_exist() -> None:
    for name, step in every_step():
        variables = {variable for variable in step.get("env", {}) if variable.startswith("EMQX_CONFORMANCE_")}
        assert variables - KNOWN == set(), name
        if "/ci/github@" in step.get("uses", ""):
            assert set(step["with"]) - set(ACTION["inputs"]) == set(), name
    taken = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}|inputs\.([\w-]+) !=", str(ACTION["runs"])))
    assert {name for pair in taken for name in pair if name} == set(ACTION["inputs"]), "no input is without effect"
    of_gitlab = {variable for job in GITLAB.values() for variable in job.get("variables", {})}
    of_jenkins = set(re.findall(r"\b(EMQX_CONFORMANCE_\w+)", JENKINS))
    assert of_gitlab | of_jenkins <= KNOWN


def workflow(name: str) -> list[dict[str, Any]]:
    (job,) = parsed(f"github/workflows/{name}")["jobs"].values()
    return job["steps"]


@pytest.mark.parametrize(
    ("before", "tonight", "code", "expected", "kept"),
    [
        (None, "good", 0, 0, True),
        (None, "bad", 1, 1, True),
        ("good", "good", 0, 0, True),
        ("bad", "bad", 1, 0, True),
        ("good", "bad", 1, 1, True),
        ("good", "bad", 3, 3, False),
        ("good", "bad", "", 2, False),
    ],
)
def test_nightly_fails_for_what_is_new(
    before: str | None, tonight: str, code: int | str, expected: int, kept: bool, request: Any, tmp_path: Path
) -> None:
    runner = Runner(tmp_path)
    for folder, report in (("last", before), ("reports", tonight)):
        if report is not None:
            (tmp_path / folder).mkdir()
            text = (request.getfixturevalue(report) / "report.json").read_text()
            (tmp_path / folder / "report.json").write_text(text)
    context = {"steps.conformance.outputs.exit-code": str(code)}
    ended = run_steps(workflow("nightly.yml"), runner, context)
    assert ended["What is new"].code == expected, ended
    assert runner.outputs() == ({"kept": "true"} if kept else {})
    last = tmp_path / "last" / "report.json"
    same = last.is_file() and last.read_text() == (tmp_path / "reports" / "report.json").read_text()
    assert same is (kept or before == tonight)


@pytest.mark.parametrize(("verdict", "code"), [("conformant", 0), ("partial", 1), ("conformant_with_waivers", 1)])
def test_acceptance_takes_nothing_but_conformant(verdict: str, code: int, tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    ended = run_steps(workflow("acceptance.yml")[:2], runner, {"steps.conformance.outputs.verdict": verdict})
    (step,) = ended.values()
    assert step.code == code, step.output
    with_ = next(step["with"] for step in workflow("acceptance.yml") if "with" in step)
    assert (with_["profile"], with_["disposable"]) == ("acceptance", "true")
    assert "waivers" not in with_


@pytest.mark.parametrize("holds", [True, False])
def test_acceptance_keeps_what_holds(holds: bool, tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    reports = write_evidence(tmp_path / "reports")
    if not holds:
        (reports / "run.json").unlink()
    ended = run_steps(workflow("acceptance.yml"), runner, {"steps.conformance.outputs.verdict": "conformant"})
    evidence = ended["The evidence holds"]
    assert evidence.code == (0 if holds else 1), evidence.output
    assert (reports / "certificate.html").exists() is holds
    assert ("Everything that was looked at holds." in runner.summary.read_text()) is holds


def of_gitlab(name: str) -> dict[str, Any]:
    """A job with what it extends."""
    job = GITLAB[name]
    base = GITLAB.get(job.get("extends"), {})
    return {
        **base,
        **job,
        "variables": {**GITLAB["variables"], **base.get("variables", {}), **job.get("variables", {})},
    }


@pytest.mark.parametrize(("name", "code"), [("conformance-smoke", 0), ("conformance-nightly", 1)])
def test_gitlab_runs_and_tells_how_much_was_looked_at(
    name: str, code: int, good: Path, bad: Path, tmp_path: Path
) -> None:
    job = of_gitlab(name)
    runner = Runner(tmp_path, bad if code else good, code)
    ended = runner.bash("\n".join([*job["before_script"], *job["script"]]), job["variables"])
    assert ended.code == code, ended.output
    assert runner.log.read_text().splitlines() == [
        "-m pip install --quiet emqx-conformance", "wait --timeout 5m", "run",
    ]  # fmt: skip
    after = runner.bash("\n".join(job["after_script"]), job["variables"])
    coverage = re.search(job["coverage"].strip("/"), after.output)
    assert after.code == 0
    assert coverage is not None, after.output
    assert 0 < float(coverage[1]) <= 100
    for kept in (job["artifacts"]["paths"], [job["artifacts"]["reports"]["junit"]]):
        assert all((tmp_path / path).exists() for path in kept)

    page = runner.bash("\n".join(of_gitlab("pages")["script"]), {})
    assert page.code == 0, page.output
    assert (tmp_path / "public" / "index.html").is_file()


def test_jenkins_runs_in_an_environment_of_its_own(good: Path, tmp_path: Path) -> None:
    runner = Runner(tmp_path, good)
    for script in re.findall(r"sh '''(.*?)'''", JENKINS, flags=re.DOTALL):
        ended = runner.bash(script, {"PACKAGE": "emqx-conformance"}, strict=False)
        assert ended.code == 0, ended.output
    assert runner.log.read_text().splitlines() == [
        "pip install --quiet emqx-conformance", "wait --timeout 5m", "run",
    ]  # fmt: skip
    assert (tmp_path / "reports" / "junit.xml").is_file()
    assert set(re.findall(r"'reports/(junit\.xml)'|reportFiles: '(index\.html)'", JENKINS)) == {
        ("junit.xml", ""), ("", "index.html"),
    }  # fmt: skip
