"""Clients of every kind as GET /clients shows them (VAR)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.scenarios.factors import Case, covered
from conformance.scenarios.sessions import KEPT_S, is_away, kept
from conformance.target.mqtt import MqttClient, Will
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

LIST, READ = "GET /clients", "GET /clients/{clientid}"


def _connect(target: Target, case: Case, options: dict[str, Any]) -> MqttClient:
    """A client of the kind: new, or come again to its session; away, if it is that."""
    client = target.connect(**options)
    if case.session == "resumed":
        client.close()
        assert is_away(target, client.client_id), "a client that has disconnected is still shown as connected"
        client = target.connect(client.client_id, **{**options, "clean_start": False})
    if case.away:
        client.close()
        assert is_away(target, client.client_id), "a client that has disconnected is still shown as connected"
    return client


@requirement("VAR-05", READ, LIST)
@covered(
    protocol=(3, 4, 5),
    username=(True, False),
    session=("clean", "kept", "resumed"),
    away=(False, True),
    keepalive=(0, 30, 600),
    will=(False, True),
    receive_maximum=(None, 7),
    possible=lambda case: (
        not (case.away and case.session == "clean") and (case.receive_maximum is None or case.protocol == 5)
    ),
)
def test_client_of_a_kind(target: Target, case: Case) -> None:
    """A client is shown and listed as it is: who, by which protocol, with which session, connected or away."""
    options: dict[str, Any] = {"protocol": case.protocol, "keepalive_s": case.keepalive}
    options["receive_maximum"] = case.receive_maximum
    if case.will:
        options["will"] = Will(target.sandbox.topic("will"), "will")
    if not case.username and target.capabilities.profile.demands_users:
        not_demanded("the target lets no MQTT client in that has no user name")
    if case.username and not target.capabilities.profile.demands_users:
        options["username"] = target.sandbox.name("user")
    if case.session != "clean":
        options |= kept(target, case.protocol)
    client = _connect(target, case, options)

    limits = target.capabilities.profile.limits
    expiry_s = 0 if case.session == "clean" else KEPT_S if case.protocol == 5 else limits.expiry_of_old_clients_s
    # Older clients cannot be told of another keep-alive.
    keepalive_s = limits.keepalive_s if case.protocol == 5 else None
    expected: dict[str, Any] = {
        "clientid": client.client_id,
        "username": client.username,
        "connected": not case.away,
        "proto_name": "MQIsdp" if case.protocol == 3 else "MQTT",
        "proto_ver": case.protocol,
        "keepalive": case.keepalive if keepalive_s is None else keepalive_s,
        "clean_start": options.get("clean_start", True) and case.session != "resumed",
        "expiry_interval": client.limits.get("SessionExpiryInterval", expiry_s),
        "is_bridge": False,
    }
    if expected["expiry_interval"] is None:
        del expected["expiry_interval"]
    shown = target.clients.read(client.client_id)
    seen = {name: shown.get(name) for name in expected}
    assert seen == expected, f"shown as {seen}, expected {expected}"
    _expect_times(shown, away=case.away)
    query = {
        "clientid": client.client_id,
        "proto_ver": case.protocol,
        "clean_start": expected["clean_start"],
        "conn_state": "disconnected" if case.away else "connected",
        **({"username": client.username} if client.username else {}),
    }
    listed = [{name: entry.get(name) for name in expected} for entry in target.clients.listed(**query)]
    assert listed == [expected], f"{query} lists {listed}, expected {[expected]}"


_MOMENT = timedelta(milliseconds=100)


def _expect_times(shown: dict[str, Any], *, away: bool) -> None:
    """The session was made when or before its client connected, and that was before the client left, if it did."""
    names = ["created_at", "connected_at", *(["disconnected_at"] if away else [])]
    times = [datetime.fromisoformat(shown[name]) for name in names]
    # Each is taken on its own way through the server: a moment apart they may come in either order.
    ordered = all(before <= after + _MOMENT for before, after in pairwise(times))
    assert ordered, f"{names} are {times}, not one after the other"
    assert away or shown.get("disconnected_at") is None, "it is shown since when a connected client is away"
