"""Shards that really run, one of them under pytest, and the report that is merged of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conformance.reference.embedded import start_embedded
from conformance.report.storage import read_run
from conformance.target.journal.journal import read_journal
from tests.run.command import environment, report_of, run
from tests.waiting import RUN_PATIENCE_S

ITEMS = (
    "conformance/scenarios/test_rules.py::test_deleted_rule_is_gone",
    "conformance/fuzz/test_operations.py::test_positive[GET /banned]",
    "conformance/fuzz/test_operations.py::test_positive[GET /rules]",
    "conformance/scenarios/test_banned.py::test_filters_exclude_each_other",
)
CHECKOUT = Path(__file__).parents[2]


def test_shards_of_a_run_make_the_report_of_one(tmp_path: Path) -> None:
    with start_embedded() as target:
        env = environment(target)
        whole = run("run", "-n", "0", "-q", *ITEMS, "--report-dir", "whole", env=env, cwd=tmp_path)
        assert whole.returncode == 0, whole.stdout + whole.stderr
        shard = ["--shard", "1/2", "--shard-costs", "whole", "--report-dir", "shards/1"]
        first = run("run", "-n", "0", "-q", *ITEMS, *shard, env=env, cwd=tmp_path)
        # The other one as QA engineers run it.
        options = ["--shard=2/2", f"--shard-costs={tmp_path / 'whole'}", f"--report-dir={tmp_path / 'shards' / '2'}"]
        second = subprocess.run(
            [sys.executable, "-m", "pytest", *ITEMS, *options, "-q", "-n", "0"],
            env=env, cwd=CHECKOUT, capture_output=True, text=True, timeout=RUN_PATIENCE_S, check=False,
        )  # fmt: skip
    assert (first.returncode, second.returncode) == (0, 0), first.stdout + second.stdout + second.stderr

    runs = {name: read_run(tmp_path / name) for name in ("whole", "shards/1", "shards/2")}
    shares = [{item.id for item in runs[name].items if item.id in ITEMS} for name in ("shards/1", "shards/2")]
    assert shares[0] | shares[1] == set(ITEMS)
    assert not shares[0] & shares[1]
    assert all(shares), "each has its part"
    stated = [name for name in runs if (tmp_path / name / "statement.json").exists()]
    assert stated == ["whole"], "nobody accepts a part of a run"
    for name, made in runs.items():
        headers = [read_journal(file).header for file in (tmp_path / name).glob("journal-*.jsonl")]
        assert {header.run for header in headers if header} == {made.run_id}
    assert len({made.run_id for made in runs.values()}) == 3, "names begin with the id of their run"

    merged = run("report", "merge", "shards/1", "shards/2", "--format", "sarif", env=env, cwd=tmp_path)
    assert merged.returncode == 0, merged.stdout + merged.stderr
    one, several = report_of(tmp_path / "whole"), report_of(tmp_path / "reports")
    for key in ("verdict", "requirements", "left_out", "values", "selection", "causes", "complete"):
        assert several[key] == one[key], key
    # Each shard looks at its target before and after, which costs requests and writes.
    for key in ("passed", "failed", "waived", "skipped", "errors"):
        assert several["totals"][key] == one["totals"][key], key
    assert {file.name for file in (tmp_path / "reports").iterdir()} == {
        "run.json", "report.json", "junit.xml", "index.html", "results.sarif", "statement.json", "allure-results",
    }  # fmt: skip
