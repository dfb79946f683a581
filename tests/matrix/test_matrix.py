"""No healthy deployment is called non-conformant, however its owners configured it.

A run of all items costs 50 s of a processor, and there are some forty deployments. The suite's own tests do instead:

* settings alone (`EVERY_TIME`, and the others by night), with the items that nearly every setting concerns
  (`DATA_PLANE`, 4 s a deployment);
* all pairs of settings, in less than ten deployments, with these items and a share of the other scenarios each, so that
  every scenario (`SCENARIOS`) meets settings that are no defects;
* by night (``pytest --nightly``) the one of these with the most settings, with everything.

`python -m tests.matrix` runs everything on each of them, for the night; docs/targets.md has its table.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.result import RunResult
from tests.matrix.deployments import DEPLOYMENTS, Configured, pairwise
from tests.matrix.document import HEALTHY
from tests.matrix.trial import DATA_PLANE, SCENARIOS, run_on, told

*PAIRS, MOST = sorted(filter(None, pairwise()), key=len)


def assert_healthy(run: RunResult) -> None:
    assert run.failures == [], told(run)
    assert run.verdict in HEALTHY, run.reasons


EVERY_TIME = (
    "deny", "bare", "qos-0", "small-packets", "open-source", "acl-file", "user-names-as-ids", "hashes",
)  # fmt: skip


def _alone() -> Iterator[Any]:
    for configured in DEPLOYMENTS:
        marks = [] if configured.name in EVERY_TIME else [pytest.mark.nightly]
        yield pytest.param(configured, id=configured.name, marks=marks)


@pytest.mark.parametrize("configured", list(_alone()))
def test_configured_deployment_is_healthy(configured: Configured, tmp_path: Path) -> None:
    run = run_on(configured.settings, tmp_path, *DATA_PLANE, *configured.items)

    assert_healthy(run)
    reasons = {item.reason for item in run.items if item.outcome == "skipped"}
    assert any(configured.missing in reason for reason in reasons), "what is missing is not told"


@pytest.mark.parametrize("number", range(len(PAIRS)), ids=lambda number: " ".join(PAIRS[number]))
def test_any_two_settings_together_are_healthy(number: int, tmp_path: Path) -> None:
    share = SCENARIOS[number :: len(PAIRS)]

    run = run_on(PAIRS[number], tmp_path, *DATA_PLANE, *share)

    assert run.failures == [], told(run)
    # Where all that a share has of a requirement needs what is switched off, nothing decides it there.
    assert run.verdict in (*HEALTHY, "inconclusive"), run.reasons
    assert [item.reason for item in run.items if item.outcome == "error"] == []


@pytest.mark.nightly
def test_most_settings_together_are_healthy_whatever_is_asked(tmp_path: Path) -> None:
    assert_healthy(run_on(MOST, tmp_path))
