"""A ban of an address carries no name: its reason says whose it is, so that it can be swept."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.fuzz.adapt import into_sandbox
from conformance.fuzz.identities import Identities
from conformance.target.guard.sandbox import Sandbox
from conformance.target.leftovers.listing import LISTINGS

SANDBOX = Sandbox("0abcdef1234")
BANS = next(listing for listing in LISTINGS if listing.name == "bans")


@pytest.mark.parametrize("kind", ["peerhost", "peerhost_net", "clientid", "username", "clientid_re", "username_re"])
@pytest.mark.parametrize("body", [{}, {"reason": "noise"}, {"reason": ""}])
def test_every_generated_ban_tells_its_run(kind: str, body: dict[str, Any]) -> None:
    ban = into_sandbox("POST /banned", {"as": kind, "who": "anybody", **body}, Identities(SANDBOX))
    assert BANS.run_of(ban) == SANDBOX.run_id


def test_invalid_reason_stays_invalid() -> None:
    body = {"as": "peerhost", "who": "anybody", "reason": ["no text"]}
    assert into_sandbox("POST /banned", body, Identities(SANDBOX))["reason"] == ["no text"]
