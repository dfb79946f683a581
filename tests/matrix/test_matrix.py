"""No healthy deployment is called non-conformant, however its owners configured it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.matrix.deployments import DEPLOYMENTS, Configured, pairwise
from tests.matrix.trial import DATA_PLANE, run_on, told

HEALTHY = ("conformant", "partial")


@pytest.mark.parametrize("configured", DEPLOYMENTS, ids=lambda configured: configured.name)
def test_configured_deployment_is_healthy(configured: Configured, tmp_path: Path) -> None:
    run = run_on(configured.settings, tmp_path, *DATA_PLANE)

    assert run.failures == [], told(run)
    assert run.verdict in HEALTHY, run.reasons
    reasons = {item.reason for item in run.items if item.outcome == "skipped"}
    assert any(configured.missing in reason for reason in reasons), "what is missing is not told"


@pytest.mark.parametrize("settings", list(pairwise()), ids=lambda settings: " ".join(settings) or "default")
def test_any_two_settings_together_are_healthy(settings: tuple[str, ...], tmp_path: Path) -> None:
    run = run_on(settings, tmp_path, *DATA_PLANE)

    assert run.failures == [], told(run)
    assert run.verdict in HEALTHY, run.reasons
