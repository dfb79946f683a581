"""A run with ``--profile acceptance``, from its seeds to the page that people sign."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from conformance.contract import contract_seed, load_contract
from conformance.report.statement import problem
from conformance.report.verification import verify
from tests.run.command import environment, report_of, run

ITEMS = [f"conformance/fuzz/test_operations.py::test_positive[{label} /banned]" for label in ("GET", "POST")]
OF_ONE_SEED = 3
"""How many bodies the profile draws with each."""


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of a few items against the embedded deployment."""
    folder = tmp_path_factory.mktemp("accepted")
    command = ["run", "-n", "0", "--profile", "acceptance", "--waivers", "emqx-5.8", *ITEMS]
    completed = run(*command, env=environment(), cwd=folder)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return folder


def test_data_is_drawn_with_the_seed_of_the_contract_and_three_others(accepted: Path) -> None:
    report = report_of(accepted / "reports")
    assert (report["profile"], report["seed"]) == ("acceptance", contract_seed(load_contract().digest))
    assert len({report["seed"], *report["more_seeds"]}) == 4
    created = next(entry for entry in report["operations"] if entry["operation"] == "POST /banned")
    # The first draw of every seed is the least valid body, which is sent once.
    assert created["requests"] > 2 * OF_ONE_SEED


def test_statement_holds_and_every_group_has_its_verdict(accepted: Path) -> None:
    reports = accepted / "reports"
    statement = json.loads((reports / "statement.json").read_text())
    assert problem(statement) is None
    verdicts = {entry["name"]: entry["verdict"] for entry in statement["predicate"]["groups"]}
    assert len(verdicts) == 12, "the groups of the contract, and what is of none"
    assert verdicts["Banned"] == "partial"
    assert {verdicts[name] for name in ("Rules", "Clients", "Connectors")} == {"not_looked_at"}
    assert statement["predicate"]["inventory"]["equal"] is True
    completed = run("report", "verify", env=environment(), cwd=accepted)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert completed.stdout.splitlines()[-1] == "Everything that was looked at holds."
    assert "FAILS" not in completed.stdout


def test_what_is_changed_afterwards_is_noticed(accepted: Path, tmp_path: Path) -> None:
    reports = shutil.copytree(accepted / "reports", tmp_path / "reports")
    path = reports / "report.json"
    path.write_text(path.read_text().replace('"verdict": "partial"', '"verdict": "conformant"', 1))
    failing = [finding.sentence for finding in verify(reports) if finding.state == "fails"]
    assert "The report says conformant; from what it lists follows partial." in failing
    assert any(sentence.startswith("report.json is another file") for sentence in failing)


def test_certificate_is_made_of_the_run(accepted: Path) -> None:
    completed = run("report", "--format", "certificate", env=environment(), cwd=accepted)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    page = (accepted / "reports" / "certificate.html").read_text()
    assert "<h1>Partial</h1>" in page
    assert "emqx-5.8.toml" in page


@pytest.mark.nightly  # `tests/run/test_demands.py` looks at the lists, in milliseconds
def test_what_the_user_must_give_is_listed_before_anything_is_sent(tmp_path: Path) -> None:
    given = environment(BASE_URL="http://192.0.2.1/api/v5", API_KEY="key", API_SECRET="a-secret-of-it")
    completed = run("run", "--profile", "acceptance", env=given, cwd=tmp_path)
    assert completed.returncode == 2, completed.stdout + completed.stderr
    head, *lines = completed.stderr.splitlines()
    assert head.startswith("--profile acceptance leaves nothing out")
    assert [line.split()[1].rstrip(":") for line in lines] == [
        "--exclusive", "--token-file", "--viewer-key", "--publisher-key", "--mqtt", "--sink",
    ]  # fmt: skip
