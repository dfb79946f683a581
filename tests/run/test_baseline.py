"""A run measured against an earlier one."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.exit_codes import FINE, FOUND, INCONCLUSIVE
from conformance.reference.defects import Defect
from conformance.reference.embedded import start_embedded
from conformance.report.json_report import build_report
from conformance.run.baseline import Baseline, exit_code_since, read_baseline
from conformance.target.errors import ConfigurationError
from tests.report.samples import failing_items, good_items, run_of
from tests.run.command import environment, report_of, run

CRASH = "conformance/scenarios/test_publish_bulk.py::test_no_messages_at_all"


def test_only_what_is_new_counts() -> None:
    good, failing = run_of(good_items()), run_of(failing_items())
    same = Baseline(build_report(failing)).compare(failing)
    assert exit_code_since(FOUND, same) == FINE
    worse = Baseline(build_report(good)).compare(failing)
    assert exit_code_since(FOUND, worse) == FOUND
    better = Baseline(build_report(failing)).compare(good)
    assert exit_code_since(FINE, better) == FINE
    assert exit_code_since(INCONCLUSIVE, same) == INCONCLUSIVE
    assert "new" in Baseline(build_report(good)).sentence(worse)
    assert (
        Baseline(build_report(good)).sentence(Baseline(build_report(good)).compare(good)).endswith("nothing changed.")
    )


def test_baseline_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--baseline: there is no"):
        read_baseline({"baseline": tmp_path}, {})
    assert read_baseline({}, {}) is None


def test_known_failure_is_fine_and_exchanges_are_kept(tmp_path: Path) -> None:
    with start_embedded(traits=frozenset({Defect.PUBLISH_OF_NOTHING})) as target:
        first = run("run", "-n", "0", CRASH, "--har", env=environment(target), cwd=tmp_path)
        assert first.returncode == FOUND, first.stdout
        har = (tmp_path / "reports" / "exchanges.har").read_text()
        assert target.api_secret not in har
        assert "/publish/bulk" in har
        again = run("run", "-n", "0", CRASH, "--baseline", "reports", env=environment(target), cwd=tmp_path)
    assert again.returncode == FINE, again.stdout + again.stderr
    assert "Since the baseline of" in again.stdout
    assert report_of(tmp_path / "reports")["verdict"] == "non_conformant"
    missing = run("run", "-n", "0", CRASH, "--baseline", "nowhere.json", env=environment(), cwd=tmp_path)
    assert (missing.returncode, "--baseline: there is no nowhere.json" in missing.stderr) == (2, True)
