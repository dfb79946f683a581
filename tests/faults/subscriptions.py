"""Faults of the list of all subscriptions (SUB).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.mqtt_operations import subscriptions
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import always, broken, edit, in_each, nothing, on, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"
LIST = "GET /subscriptions"


def without(name: str) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    """A filter of GET /subscriptions is ignored."""

    def ignoring(wanted: Callable[..., bool]) -> Callable[..., bool]:
        return lambda subscription, query, *traits: wanted(
            subscription, {key: value for key, value in query.items() if key != name}, *traits
        )

    return ignoring


FILTERS = scenario("subscriptions", "filters_select")
seed(
    "subscriptions are not told by their group",
    broken(subscriptions, "_wanted", without("share_group")),
    FILTERS,
    "SUB-03",
    origin=f"{PULL}11833",
)
OWN = scenario("subscriptions", "subscriptions_of_a_client")
MATCH = scenario("subscriptions", "subscriptions_that_match")
OF_NODE = scenario("subscriptions", "subscriptions_of_a_node")
seed(
    "subscriptions are not told by their client",
    broken(subscriptions, "_wanted", without("clientid")),
    (OWN, FILTERS, OF_NODE),
    "SUB-01",
    "SUB-03",
    "SUB-04",
)
seed(
    "the list of all has no shared subscriptions",
    broken(
        subscriptions,
        "_wanted",
        lambda wanted: lambda subscription, *rest: subscription.filter.group is None and wanted(subscription, *rest),
    ),
    (OWN, FILTERS, MATCH),
    "SUB-01",
    "SUB-02",
    "SUB-03",
)
seed(
    "a client counts one subscription too many",
    on("GET /clients/{clientid}", edit(lambda body: body.update(subscriptions_cnt=body["subscriptions_cnt"] + 1)), 200),
    OWN,
    "SUB-01",
)


def never_less() -> Fault:
    """How many subscriptions a client has never falls."""
    most: dict[str, int] = {}

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if not request.is_for("GET /clients/{clientid}") or reply.status != 200:
            return reply
        count = reply.json["subscriptions_cnt"]
        most[request.path] = max(count, most.get(request.path, 0))
        return edit(lambda body: body.update(subscriptions_cnt=most[request.path]))(reply)

    return fault


seed("subscriptions that have ended are counted", never_less(), OWN, "SUB-01")
seed(
    "the list of all has other options",
    on(LIST, in_each("data", lambda entry: entry.update(qos=0)), 200),
    OWN,
    "SUB-01",
)
for option in ("nl", "rap", "rh"):
    seed(
        f"the list of all shows every {option} as 0",
        on(LIST, in_each("data", lambda entry, option=option: entry.update({option: 0})), 200),
        OWN,
        "SUB-01",
    )
for name in ("topic", "qos"):
    seed(
        f"subscriptions are not told by their {name}",
        broken(subscriptions, "_wanted", without(name)),
        FILTERS,
        "SUB-03",
        origin=f"{PULL}7689",
    )
seed("every subscription matches", broken(subscriptions, "_wanted", without("match_topic")), MATCH, "SUB-02")
seed(
    "a subscription matches if its filter does",
    broken(subscriptions, "matches", lambda matches: lambda own, wanted: matches(wanted, own)),
    MATCH,
    "SUB-02",
)
seed(
    "a share prefix can be matched",
    broken(subscriptions, "_check_pattern", nothing),
    MATCH,
    ("SUB-02", LIST, "subscriptions_that_match"),
)
seed(
    "every node has all subscriptions",
    broken(subscriptions, "nodes_asked", lambda _: lambda call: call.deployment.nodes),
    OF_NODE,
    "SUB-04",
)
seed("no node has a subscription", broken(subscriptions, "nodes_asked", always(())), OF_NODE, "SUB-04")


def groups(compare: Callable[[str, str], bool]) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    """A group is found by a name that is nearly its own."""

    def near(wanted: Callable[..., bool]) -> Callable[..., bool]:
        def make(subscription: Any, query: dict[str, Any], *traits: Any) -> bool:
            group, asked = subscription.filter.group or "", query.get("share_group")
            same = {"share_group": group} if asked and compare(group, asked) else {}
            return wanted(subscription, {**query, **same}, *traits)

        return make

    return near


for what, compare in {
    "in any case": lambda group, asked: group.casefold() == asked.casefold(),
    "by how its name begins": str.startswith,
}.items():
    seed(f"a group is found {what}", broken(subscriptions, "_wanted", groups(compare)), FILTERS, "SUB-03")
