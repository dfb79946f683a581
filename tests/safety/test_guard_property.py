"""Thousands of requests of every writing operation: the reference deployment judges what the guard lets through."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.contract import paths
from conformance.target.journal.creations import creations
from tests.safety.effects import Effects
from tests.safety.foreign_writes import write
from tests.safety.generated import WRITES
from tests.safety.shared_target import OWN
from tests.safety.trial import Trial

EXAMPLES = 80
"""For each of the 43 operations; ``python -m tests.safety`` tries more."""


def test_guard_keeps_others_safe(effects: Effects, recorded_effects: Effects) -> None:
    """Judged twice: the recorded server removes dot segments, reads JSON leniently and takes other values for texts.

    What the guard lets through touches nobody else, is in the journal, and is deleted again by the clean-up.
    """
    trial = Trial()
    for label in WRITES:
        trial.of_operation(label, (effects, recorded_effects), EXAMPLES)
    # No operation escapes: each was refused, and each was let through and applied, at least once.
    assert [label for label in WRITES if not trial.refused[label]] == []
    assert [label for label in WRITES if not trial.applied[label]] == []


@pytest.mark.parametrize(
    ("judgement", "label"),
    [
        ("guard.identities.Judge.name", "DELETE /clients/{clientid}"),
        ("guard.identities.Judge.name", "POST /clients/kickout/bulk"),
        ("guard.identities.Judge.resource_id", "PUT /actions/{id}/metrics/reset"),
        ("guard.identities.Judge.topic", "POST /publish"),
        ("guard.identities.Judge.subscription", "POST /clients/{clientid}/subscribe"),
        ("guard.identities.Judge.subject", "POST /banned"),
        ("guard.bodies.statement", "POST /rules"),
        ("guard.bodies._client_ids", "POST /connectors"),
        ("guard.imports._csv_users", f"POST {paths.IMPORT_USERS}"),
        ("guard.hosts.HostPolicy.findings", "POST /connectors_probe"),
    ],
)
def test_hole_in_the_guard_is_found(
    effects: Effects, monkeypatch: pytest.MonkeyPatch, judgement: str, label: str
) -> None:
    """The trial can fail: with any one judgement of the guard switched off it finds a request that shows it."""
    monkeypatch.setattr(f"conformance.target.{judgement}", lambda *_values: iter(()))
    with pytest.raises(AssertionError, match="the guard let"):
        Trial().of_operation(label, [effects], 10 * EXAMPLES, shrink=False)


@pytest.mark.parametrize(
    ("label", "told"),
    [
        (f"POST {paths.USERS}", "no clean-up can delete again"),
        (f"POST {paths.IMPORT_USERS}", "no clean-up can delete again|OddId.* is new"),
        (f"POST {paths.USER_RULES}", "no clean-up can delete again"),
        ("POST /banned", "no clean-up can delete again"),
        ("POST /publish", "no clean-up can delete again"),
    ],
)
def test_what_would_stay_for_good_is_found(
    recorded_effects: Effects, monkeypatch: pytest.MonkeyPatch, label: str, told: str
) -> None:
    """The trial can fail: of ids that no path carries it finds one that is stored and cannot be deleted again."""
    monkeypatch.setattr("conformance.target.guard.identities.Judge.deletable", lambda *_values: iter(()))
    with pytest.raises(AssertionError, match=told):
        Trial().of_operation(label, [recorded_effects], 10 * EXAMPLES, shrink=False)


@pytest.mark.parametrize("user_id", [{"a": 1}, [OWN], 5], ids=str)
def test_recorded_server_keeps_what_nobody_can_delete(
    effects: Effects, recorded_effects: Effects, user_id: Any
) -> None:
    """The judge can convict: an imported id that is no text is stored by the recorded server alone, and stays."""
    request = write("POST", f"{paths.IMPORT_USERS}?type=plain", [{"user_id": user_id, "password": "p"}])
    announced = creations(f"POST {paths.IMPORT_USERS}", {}, request)
    assert effects.of(request, announced)[0] == 400
    status, found = recorded_effects.of(request, announced)
    assert (status, recorded_effects.created) == (200, set(announced))
    assert found, "it is nobody's by its name"
