"""``spec`` on the command line."""

import json
import re

import pytest
from click.testing import CliRunner

from conformance.commands.spec import spec
from conformance.contract import lint, load_contract
from conformance.contract.document import openapi_root
from conformance.contract.errata import read_errata


def run(*arguments):
    return CliRunner().invoke(spec, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "variant", "version"),
    [
        ([], "corrected", "5.8.9"),
        (["--contract", "published"], "published", "5.8.9"),
        (["--emqx-version", "5.8.3"], "corrected", "5.8.1"),
    ],
)
def test_a_bundle_is_the_loaded_document(arguments, variant, version, tmp_path):
    file = tmp_path / "contract.json"
    result = run("bundle", "-o", file, *arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(file.read_text()) == load_contract(variant, version).document
    assert f"{variant} contract of EMQX {version}" in result.output
    assert [entry.name for entry in tmp_path.iterdir()] == ["contract.json"]


def test_a_bundle_that_cannot_be_written_is_one_sentence(tmp_path):
    result = run("bundle", "-o", tmp_path / "none" / "contract.json")
    assert result.exit_code == 2
    assert "cannot be written: No such file or directory" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [["bundle", "-o", "x.json"], ["errata"], ["diff", "x.json"]])
def test_a_garbled_version_is_one_sentence(command):
    result = run(*command, "--emqx-version", "new")
    assert result.exit_code == 2
    assert result.output.strip() == "Error: 'new' is no EMQX version; expected one like 5.8.9"


def test_errata_are_a_table_with_a_row_for_each():
    result = run("errata")
    assert result.exit_code == 0
    header, rule, *rows = result.output.splitlines()
    assert header.count("|") == rule.count("|") == 5
    assert [row.split("|")[1].strip() for row in rows] == [entry["id"] for entry in read_errata(openapi_root())]
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)


def test_errata_are_json():
    result = run("errata", "--format", "json", "--emqx-version", "5.8.1")
    entries = {entry["id"]: entry for entry in json.loads(result.output)}
    assert entries["A3"]["operations"] == ["GET /subscriptions"]
    assert entries["D9"]["inexpressible"]
    assert entries["V1"]["operations"] == []  # not in this version


def test_diff_tells_same_different_and_unusable_apart(tmp_path):
    same = tmp_path / "same.json"
    assert run("bundle", "-o", same).exit_code == 0
    assert run("diff", same).exit_code == 0

    document = json.loads(same.read_text())
    del document["paths"]["/rule_events"]
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document))
    result = run("diff", other)
    assert result.exit_code == 1
    assert result.stdout == "GET /rule_events: the operation was removed\n"
    assert result.stderr == "0 added, 1 removed, 0 changed; --details and --operation tell each\n"
    assert run("diff", other, "--details").stdout == "removed  GET /rule_events: the operation\n"
    assert run("diff", other, "--operation", "GET /rules").exit_code == 0
    assert run("diff", other, "--operation", "GET /rule_events").exit_code == 1
    wrong = run("diff", other, "--operation", "GET /nothing")
    assert (wrong.exit_code, "the contract has no operation 'GET /nothing'" in wrong.stderr) == (2, True)

    result = run("diff", tmp_path / "none.json")
    assert result.exit_code == 2
    assert "cannot be read: No such file or directory" in result.output


def test_diff_with_what_a_version_publishes(tmp_path):
    document = tmp_path / "published.json"
    assert run("bundle", "-o", document, "--contract", "published").exit_code == 0
    assert run("diff", document, "--contract", "published", "--emqx-version", "5.8.1").exit_code == 0
    result = run("diff", document, "--contract", "published")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) <= 77
    told = next(line for line in lines if line.startswith("POST /connectors: "))
    assert re.match(r"POST /connectors: (\d+ \w+, )*\d+ \w+ \(in body \d+.*\): \w+", told)
    assert "bridge_tablestore.post_connector" in run("diff", document, "--contract", "published", "--details").output


@pytest.mark.parametrize(("findings", "code"), [([], 0), (["one thing", "another"], 1)])
def test_lint_prints_a_line_for_each_finding(findings, code, monkeypatch):
    monkeypatch.setattr(lint, "lint", lambda: iter(findings))
    result = run("lint")
    assert result.exit_code == code
    assert result.stdout.splitlines() == findings
