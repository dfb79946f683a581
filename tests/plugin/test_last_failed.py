"""Pytest's own ``--lf`` is what the report of the run before tells, and no option of its cache."""

from __future__ import annotations

from pathlib import Path

from conformance.reference.embedded import start_embedded
from tests.faults.proxy import FaultProxy
from tests.faults.seeded import EMPTY, swallow
from tests.plugin.installed import pytest_beside
from tests.run.command import environment, report_of

FAILING = "conformance.scenarios.test_rules::test_deleted_rule_is_gone"
LAST_FAILED = ("-p", "cacheprovider", "--lf")
PASSING = "conformance.fuzz.test_operations::test_positive[GET /banned]"


def test_lf_takes_the_items_that_failed_in_the_report(site: Path, tmp_path: Path) -> None:
    with start_embedded() as healthy, FaultProxy(healthy.base_url, swallow("DELETE /rules/{id}", EMPTY)) as proxy:
        env = environment(healthy, SEED="1", BASE_URL=proxy.base_url)
        none = pytest_beside(site, "--pyargs", FAILING, *LAST_FAILED, cwd=tmp_path, env=env)
        assert none.returncode == 2
        assert "--last-failed needs the report of an earlier run" in none.stdout + none.stderr

        first = pytest_beside(site, "--pyargs", FAILING, PASSING, cwd=tmp_path, env=env)
        assert first.returncode == 1, first.stdout + first.stderr
        again = pytest_beside(site, "--pyargs", FAILING, PASSING, *LAST_FAILED, cwd=tmp_path, env=env)
        assert again.returncode == 1, again.stdout + again.stderr
    assert not (tmp_path / ".hypothesis").exists()
    report = report_of(tmp_path / "reports")
    assert report["selection"]["options"] == ["--last-failed"]
    assert report["totals"]["passed"] == 0
    assert {entry["item"].rpartition("::")[2] for entry in report["failures"]} >= {"test_deleted_rule_is_gone"}
