"""Thousands of requests of every writing operation: the reference deployment judges what the guard lets through."""

from __future__ import annotations

import pytest

from conformance.contract import paths
from tests.safety.effects import Effects
from tests.safety.generated import WRITES
from tests.safety.trial import Trial

EXAMPLES = 80
"""For each of the 43 operations; ``python -m tests.safety`` tries more."""


def test_guard_keeps_others_safe(effects: Effects, strict_effects: Effects) -> None:
    """Judged twice: the recorded server removes dot segments, reads JSON leniently and takes numbers for texts."""
    trial = Trial()
    for label in WRITES:
        trial.of_operation(label, (effects, strict_effects), EXAMPLES)
    # No operation escapes: each was refused, and each was let through and applied, at least once.
    assert [label for label in WRITES if not trial.refused[label]] == []
    assert [label for label in WRITES if not trial.applied[label]] == []


@pytest.mark.parametrize(
    ("judgement", "label"),
    [
        ("guard_identities.Judge.name", "DELETE /clients/{clientid}"),
        ("guard_identities.Judge.name", "POST /clients/kickout/bulk"),
        ("guard_identities.Judge.resource_id", "PUT /actions/{id}/metrics/reset"),
        ("guard_identities.Judge.topic", "POST /publish"),
        ("guard_identities.Judge.subscription", "POST /clients/{clientid}/subscribe"),
        ("guard_identities.Judge.subject", "POST /banned"),
        ("guard_bodies.statement", "POST /rules"),
        ("guard_bodies._client_ids", "POST /connectors"),
        ("guard_imports._csv_users", f"POST {paths.IMPORT_USERS}"),
        ("hosts.HostPolicy.findings", "POST /connectors_probe"),
    ],
)
def test_hole_in_the_guard_is_found(
    effects: Effects, monkeypatch: pytest.MonkeyPatch, judgement: str, label: str
) -> None:
    """The trial can fail: with any one judgement of the guard switched off it finds a request that shows it."""
    monkeypatch.setattr(f"conformance.target.{judgement}", lambda *_values: iter(()))
    with pytest.raises(AssertionError, match="the guard let"):
        Trial().of_operation(label, [effects], 10 * EXAMPLES, shrink=False)
