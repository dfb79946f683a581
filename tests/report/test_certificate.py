"""The certificate: one page, whatever a run tells, that stands for the files of the statement and for no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.commands.cli import main
from conformance.report.certificate import render_certificate
from conformance.report.errors import ReportError
from conformance.report.evidence import digest_of
from conformance.report.storage import read_run, write_run
from conformance.report.verdict import Selection, decide
from conformance.result import ItemResult, LeftOut, RunResult
from tests.report.browser import needs_chromium, printed_pages, probe
from tests.report.evidence import CONTRACT, GROUPED, accepted, write_evidence
from tests.report.samples import HOSTILE, failing_items, good_items, hostile_items, run_of

LONG = "a long sentence about how a target is configured; " * 30


def longest() -> RunResult:
    """A run of the whole contract whose every text is long."""
    tags = {label: operation.tag for label, operation in CONTRACT.operations.items()}
    of_run = [LeftOut(why, f"{LONG}{number}") for why in ("chosen", "undecided") for number in range(5)]
    selection = Selection(GROUPED.catalogue, list(tags), complete=False, part=LONG, of_run=of_run, tags=tags)
    items: list[ItemResult] = good_items()
    run = run_of(items, decide(items, selection), deployment=[LONG] * 3, extensions=[LONG] * 2, more_seeds=[2**62] * 20)
    run.base_url, run.target_version, run.suite = f"https://{'x' * 500}/api/v5", LONG, LONG
    return run


def certificate(folder: Path, run: RunResult) -> str:
    return render_certificate(run, write_evidence(folder, run))


def test_page_tells_verdict_groups_and_digests(tmp_path: Path) -> None:
    page = certificate(tmp_path, accepted())
    assert "<h1>Conformant</h1>" in page
    assert "Certificate of conformance" in page
    assert "2 of 2</td><td" in page, "requirements of the group"
    for name in ("statement.json", "report.json", "run.json"):
        assert digest_of((tmp_path / name).read_bytes())["sha256"] in page
    assert CONTRACT.digest.removeprefix("sha256:") in page
    assert "nothing that the contract demands" in page
    assert "seeds " in page
    for word in ("src=", "href=", "url(", "<script"):
        assert word not in page, "a page that needs nothing else"


def test_what_is_not_conformant_is_not_called_a_certificate(tmp_path: Path) -> None:
    page = certificate(tmp_path, accepted(failing_items()))
    assert "<h1>Non-conformant</h1>" in page
    assert "Certificate" not in page


def test_text_of_a_target_stays_text(tmp_path: Path) -> None:
    page = certificate(tmp_path, accepted(hostile_items(), target_version=HOSTILE[0], deployment=list(HOSTILE[:3])))
    assert "<script>" not in page
    assert "<img" not in page


def test_nothing_is_certified_that_is_not_what_was_stated(tmp_path: Path) -> None:
    write_evidence(tmp_path)
    other = accepted(target_version="5.8.8")
    write_run(other, tmp_path)
    with pytest.raises(ReportError, match="report verify"):
        render_certificate(other, tmp_path)
    ended = CliRunner().invoke(main, ["report", str(tmp_path), "--format", "certificate"])
    assert (ended.exit_code, (tmp_path / "certificate.html").exists()) == (2, False)
    assert "nothing to certify" in ended.output
    (tmp_path / "statement.json").unlink()
    with pytest.raises(ReportError, match=r"there is no .*statement\.json"):
        render_certificate(other, tmp_path)


def test_command_writes_it_into_the_folder(tmp_path: Path) -> None:
    write_evidence(tmp_path)
    ended = CliRunner().invoke(main, ["report", str(tmp_path), "--format", "certificate"])
    assert (ended.exit_code, ended.output.strip()) == (0, str(tmp_path / "certificate.html"))
    assert (tmp_path / "certificate.html").read_text() == render_certificate(read_run(tmp_path), tmp_path)


@needs_chromium
@pytest.mark.parametrize("run", [accepted(), longest()], ids=["short", "long"])
def test_it_is_one_page_and_nothing_of_it_is_cut_off(run: RunResult, tmp_path: Path) -> None:
    page = certificate(tmp_path / "reports", run)
    assert printed_pages(page, tmp_path) == 1
    script = "const sheet = document.querySelector('.sheet'); return [sheet.scrollHeight, sheet.scrollWidth];"
    height, width = probe(page, script, tmp_path)
    assert height <= 296 / 25.4 * 96 + 1
    assert width <= 210 / 25.4 * 96 + 1
