"""Bans of every kind against clients of every kind (VAR)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.factors import Case, covered
from conformance.target.mqtt import MqttError
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt"), pytest.mark.state("bans")]

CREATE, LIFT = "POST /banned", f"DELETE {paths.BAN}"

BANNED = 0x8A
BANNED_BEFORE_MQTT_5 = 0x87
"""How the client library tells the return code 5 of MQTT 3."""

_LATER_S = 3600

# As which kind, and by which words; {} stands for the client id or user name. Then who is hit: the client, the one
# whose name goes on behind it, or nobody.
_PATTERNS = {
    "exact": ("^{}$", {"same"}),
    "prefix": ("^{}", {"same", "longer"}),
    "class": ("^{}-[xy]+$", {"longer"}),
    "elsewhere": ("^{}-z", set()),
}
_KINDS = ("clientid", "username", "clientid_re", "username_re", "peerhost", "peerhost_net")


def _possible(case: Case) -> bool:
    return bool(case.kind.endswith("_re") or case.pattern == "exact")


@requirement("VAR-09", CREATE, LIFT)
@covered(
    kind=_KINDS,
    pattern=tuple(_PATTERNS),
    until=("none", "infinity", "seconds", "text"),
    protocol=(3, 4, 5),
    user_like_client=(False, True),
    possible=_possible,
)
def test_ban_of_a_kind(target: Target, case: Case) -> None:
    """A ban refuses exactly the clients that its kind and subject mean, until it is lifted, whatever its end."""
    names = {"same": target.sandbox.name("banned")}
    names["longer"] = f"{names['same']}-xy"
    field = case.kind.removesuffix("_re")
    clients = [_login(target, case, field, name) for name in names.values()]
    text, hit = _PATTERNS[case.pattern]
    who = text.format(names["same"]) if case.kind.endswith("_re") else names["same"]
    if field not in ("clientid", "username"):
        # From there no client comes.
        address = target.sandbox.address()
        who, hit = (f"{address}/32" if field == "peerhost_net" else address), set()
    expected = [name in hit for name in names]

    before = [_is_banned(target, case, *client) for client in clients]
    assert before == [False, False], f"before the ban the clients are refused: {before}"
    ban = target.bans.create(kind=case.kind, who=who, until=_end(case))
    banned = [_is_banned(target, case, *client) for client in clients]
    assert banned == expected, f"a ban of {case.kind} {who} refuses {names}: {banned}, expected {expected}"
    # The other name of a client is nobody's business.
    if field in ("clientid", "username") and not case.user_like_client:
        other = _login(target, case, "username" if field == "clientid" else "clientid", names["same"])
        assert not _is_banned(target, case, *other), f"a ban of {case.kind} {who} refuses a client by its other name"

    target.bans.delete(ban).expect(204)
    lifted = target.eventually(lambda: not any(_is_banned(target, case, *client) for client in clients))
    assert lifted, "a client is refused after the ban was lifted"


def _login(target: Target, case: Case, field: str, name: str) -> tuple[str, str]:
    """Client id and user name of a client that has ``name`` as ``field``, and with ``user_like_client`` as both."""
    other = name if case.user_like_client else target.sandbox.name("other")
    client_id, username = (other, name) if field == "username" else (name, other)
    if target.capabilities.no_authenticator is None and target.capabilities.profile.identity != "clientid":
        target.users.create(user_id=username)
    return client_id, username


def _end(case: Case) -> Any:
    later = int(time.time()) + _LATER_S
    match case.until:
        case "infinity":
            return "infinity"
        case "seconds":
            return later
        case "text":
            return datetime.fromtimestamp(later, UTC).isoformat()
    return None


def _is_banned(target: Target, case: Case, client_id: str, username: str) -> bool:
    client = target.mqtt(client_id, protocol=case.protocol, username=username, password=PASSWORD)
    try:
        client.connect().close()
    except MqttError as error:
        expected = BANNED if case.protocol == 5 else BANNED_BEFORE_MQTT_5
        if error.reason_code != expected:
            raise
        return True
    return False
