"""The judge can convict: without the guard, each foreign write shows on what belongs to others."""

from __future__ import annotations

import pytest

from conformance.target.guard.guard import Outgoing
from tests.safety.effects import Effects
from tests.safety.foreign_writes import APPLIED, APPLIED_BY_LENIENT_SERVERS
from tests.safety.legitimate_writes import LEGITIMATE


def described(value: object) -> str | None:
    if isinstance(value, Outgoing):
        return f"{value.method} {value.path[-60:]} {value.body.decode('utf-8', 'replace')[:90]}"
    return None


@pytest.mark.parametrize("request_", APPLIED, ids=described)
def test_foreign_write_shows(effects: Effects, request_: Outgoing) -> None:
    _, found = effects.of(request_)
    assert found


@pytest.mark.parametrize("request_", [*APPLIED, *APPLIED_BY_LENIENT_SERVERS], ids=described)
def test_foreign_write_shows_on_the_recorded_server(recorded_effects: Effects, request_: Outgoing) -> None:
    _, found = recorded_effects.of(request_)
    assert found


@pytest.mark.parametrize("request_", LEGITIMATE, ids=described)
def test_what_the_suite_needs_does_not_show(effects: Effects, recorded_effects: Effects, request_: Outgoing) -> None:
    assert effects.of(request_)[1] == []
    assert recorded_effects.of(request_)[1] == []
