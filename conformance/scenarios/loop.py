"""An MQTT connector from the target back to its own broker: what it delivers, and whom it is, can be observed there."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.target.addresses import split_listener
from conformance.target.resources.access import PASSWORD
from conformance.target.resources.collection import arranged
from conformance.target.target import Target

_ADDED = 12
"""What the target adds to prefix and name of a connector for the id of its client: of the node, and of the client."""


def loop(target: Target, **fields: Any) -> dict[str, Any]:
    """Fields of an enabled MQTT connector to the target's own listener; ``fields`` are set on top.

    Needs the capabilities mqtt and loop. Skips the item where the target does not reach its listener under the address
    that the suite knows; raises `ArrangeFailed` where it must, being on the same machine.
    """
    assert target.configuration.mqtt is not None, "needs('mqtt') is missing on the test"
    listener = split_listener(target.configuration.mqtt)
    prefix = target.sandbox.name("loop")
    limits = target.capabilities.profile.limits
    limits.check_client_id(len(prefix) + len(target.sandbox.name("connector")) + _ADDED)
    login = {}
    if target.capabilities.profile.demands_users and "username" not in fields:
        login = {"username": target.users.create(), "password": PASSWORD}
    if target.welcome.rules:
        login.setdefault("username", fields.get("username", target.sandbox.name("user")))
        target.welcome.allow_user(login["username"])
    limits.check_names(prefix, fields.get("username", login.get("username")))
    connector = {
        "type": "mqtt",
        "server": listener.address,
        "proto_ver": "v5",
        "clientid_prefix": prefix,
        "ssl": {"enable": listener.tls},
        "enable": True,
        **login,
        **fields,
    }
    probe = target.connectors.probe(target.connectors.body(**connector))
    if (probe.status, probe.code) == (400, "TEST_FAILED") and not target.shares_loopback:
        pytest.skip(f"the target does not reach its own MQTT listener at {listener.address}")
    arranged(probe, 204)
    return connector
