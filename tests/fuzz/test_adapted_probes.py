"""Probes of connectors: where nothing starts that is disabled, they are of what is enabled."""

from __future__ import annotations

import pytest

from conformance.fuzz.adapt import into_sandbox
from conformance.fuzz.identities import Identities
from conformance.target.guard.sandbox import Sandbox

SANDBOX = Sandbox("0abcdef1234")
PROBE = "POST /connectors_probe"
BODY = {"type": "http", "name": "a", "url": "http://127.0.0.1:9", "enable": False}


@pytest.mark.parametrize("newer", [True, False])
def test_disabled_connector_is_enabled_only_where_its_probe_would_wait(newer: bool) -> None:
    identities = Identities(SANDBOX, resource_type="http", newer=newer)

    assert into_sandbox(PROBE, BODY, identities)["enable"] is newer


def test_what_is_never_started_stays_disabled() -> None:
    identities = Identities(SANDBOX, resource_type="kinesis", newer=True)

    assert into_sandbox(PROBE, {**BODY, "type": "kinesis"}, identities)["enable"] is False


def test_others_are_as_they_were() -> None:
    identities = Identities(SANDBOX, resource_type="http", newer=True)

    assert into_sandbox("POST /connectors", BODY, identities)["enable"] is False
