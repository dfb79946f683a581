"""Faults in what connectors and actions refuse beyond their schemas (TYP-06)."""

from __future__ import annotations

from typing import Any

from conformance.reference.bridges import limits
from tests.faults.seeded import Broken, broken, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"
IMPOSSIBLE = "TYP-06"


def life(kind: str, resource_type: str) -> str:
    return scenario("types", f"{kind}[POST /{kind}s-{resource_type}]")


def fits(_: Any) -> Any:
    """Whatever a rule is asked about, it has nothing against it."""
    return lambda *_: None


for name, unchecked, item, number in (
    (
        "a URL may have a fragment, or a scheme that nobody speaks",
        Broken(limits.CONNECTOR_RULES, "http", fits),
        life("connector", "http"),
        13273,
    ),
    (
        "an Oracle connector needs neither SID nor service name",
        Broken(limits.CONNECTOR_RULES, "oracle", fits),
        life("connector", "oracle"),
        10892,
    ),
    (
        "a Kafka action may dispatch by an empty key",
        Broken(limits.ACTION_RULES, "kafka_producer", fits),
        life("action", "kafka_producer"),
        10841,
    ),
    (
        "the key of aggregated uploads may have any placeholder",
        Broken(limits.ACTION_RULES, "s3", fits),
        life("action", "s3"),
        13227,
    ),
    ("a duration may be longer than timers last", broken(limits, "_too_long", fits), life("connector", "pgsql"), 10930),
    ("health may be checked every zero seconds", broken(limits, "_durations", fits), life("action", "mysql"), 10726),
    ("an address may be empty, or end in any port", broken(limits, "_servers", fits), life("connector", "mqtt"), None),
):
    origin = None if number is None else f"{PULL}{number}"
    seed(name, unchecked, item, IMPOSSIBLE, origin=origin)
