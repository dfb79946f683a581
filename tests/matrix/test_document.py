"""docs/targets.md tells of every configured deployment, and of none that it is not healthy."""

from __future__ import annotations

from tests.matrix.deployments import ALL
from tests.matrix.document import DOCUMENT, HEALTHY, beginning, rows_of, with_real_runs
from tests.matrix.real import REAL_RUNS


def test_every_deployment_has_its_row():
    rows = rows_of(DOCUMENT.read_text(encoding="utf-8"))

    assert [row.rsplit(" | ", 4)[0].removeprefix("| ") for row in rows] == [beginning(each) for each in ALL]


def test_no_deployment_is_called_unhealthy():
    for row in rows_of(DOCUMENT.read_text(encoding="utf-8")):
        verdict, _passed, failed, _skipped = (cell.strip(" |") for cell in row.rsplit(" | ", 4)[1:])
        assert (verdict in HEALTHY, failed) == (True, "0"), row


def test_real_runs_are_told():
    document = DOCUMENT.read_text(encoding="utf-8")

    assert with_real_runs(document) == document, "run: python -m tests.matrix"
    assert [run.failed for run in REAL_RUNS] == [0] * len(REAL_RUNS)
