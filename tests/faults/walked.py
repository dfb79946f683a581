"""Faults of counts and pages of lists with a filter, and of the bounds of pages (PAG-13, PAG-14).

See `tests.faults.seeded`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.contract import paths
from conformance.scenarios.paged import LABELS
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import edit, error_reply, scenario, seed

USERS, CLIENT_RULES = f"GET {paths.USERS}", f"GET {paths.CLIENT_RULES}"
RETAINED = f"GET {paths.RETAINED_MESSAGES}"


def under(label: str, part: str, change: Callable[[dict[str, Any]], object]) -> Fault:
    """Change what a list answers to queries with a part of that text."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        concerned = request.is_for(label) and part in request.query and reply.status == 200
        return edit(change)(reply) if concerned else reply

    return fault


def counted_more(body: dict[str, Any]) -> None:
    """The count is that of a table with one row more."""
    if "count" in body["meta"]:
        body["meta"]["count"] += 1


def last(body: dict[str, Any]) -> None:
    body["meta"]["hasnext"] = False


def never_last(body: dict[str, Any]) -> None:
    if len(body["data"]) < body["meta"]["limit"]:
        body["meta"]["hasnext"] = True


CLIENTS = scenario("list_filters", "filters_of_clients")
SUBSCRIPTIONS = scenario("subscriptions", "pages_of_filtered_subscriptions")
RULES = scenario("rule_lists", "pages_of_filtered_rules")
BANS = scenario("list_filters", "filters_of_bans")
MESSAGES = scenario("retainer", "pages_of_filtered_messages")
for label, part, item in (
    ("GET /clients", "conn_state=", CLIENTS),
    ("GET /clients", "gte_created_at=", CLIENTS),
    ("GET /subscriptions", "qos=", SUBSCRIPTIONS),
    ("GET /subscriptions", "share_group=", SUBSCRIPTIONS),
    ("GET /banned", "peerhost=", BANS),
    ("GET /rules", "enable=true", RULES),
    (USERS, "is_superuser=true", scenario("list_filters", "filters_of_users")),
):
    seed(
        f"{label} with the filter {part} counts the whole list",
        under(label, part, counted_more),
        item,
        "PAG-13",
        origin="https://github.com/emqx/emqx/pull/9749",
    )


def as_asked(request: Request, forward: Callable[[], Reply]) -> Reply:
    """The count is the number of client ids that were asked for."""
    reply = forward()
    asked = request.query.count("clientid=") - request.query.count("like_clientid=")
    if not request.is_for("GET /clients") or asked < 2 or reply.status != 200:
        return reply
    return edit(lambda body: "count" in body["meta"] and body["meta"].update(count=asked))(reply)


def under_two(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Of two filters one decides what is counted."""
    reply = forward()
    both = "clientid=" in request.query and "proto_ver=" in request.query
    return edit(counted_more)(reply) if request.is_for("GET /clients") and both else reply


seed("clients are counted by the ids that are asked for", as_asked, CLIENTS, "PAG-13")
seed("clients are counted by one of two filters", under_two, CLIENTS, "PAG-13")
for label, part, item in (
    ("GET /rules", "action=", RULES),
    ("GET /subscriptions", "match_topic=", SUBSCRIPTIONS),
    (RETAINED, "topic=", MESSAGES),
    (CLIENT_RULES, "like_clientid=", scenario("list_filters", "filters_of_authorization_rules")),
):
    seed(f"{label} with the filter {part} has one page", under(label, part, last), item, "PAG-13")
    seed(f"{label} with the filter {part} never ends", under(label, part, never_last), item, "PAG-13")
seed(
    "the second page of rules with a topic is empty",
    under("GET /rules", "match_from=", lambda body: body["meta"]["page"] == 1 or body["data"].clear()),
    RULES,
    "PAG-13",
)
seed(
    "a list without a filter counts what is on the page",
    under(USERS, "page=1&limit=1", lambda body: body["meta"].update(count=1) if "count" in body["meta"] else None),
    scenario("lists", f"whole_list_knows_itself[{USERS}]"),
    "PAG-13",
)


def refused(label: str, part: str) -> Fault:
    return lambda request, forward: (
        error_reply(400, "BAD_REQUEST") if request.is_for(label) and part in request.query else forward()
    )


def taken(label: str, part: str) -> Fault:
    empty = {"data": [], "meta": {"page": 1, "limit": 1, "count": 0, "hasnext": False}}
    return lambda request, forward: (
        forward().with_json(empty, 200) if request.is_for(label) and part in request.query else forward()
    )


def bounds(label: str) -> str:
    return scenario("lists", f"page_and_limit_have_bounds[{label}]")


seed(
    "the longest page is called shorter than asked for",
    under(USERS, "limit=10000", lambda body: body["meta"].update(limit=1000)),
    bounds(USERS),
    "PAG-14",
)
seed("the longest page is refused", refused("GET /clients", "limit=10000"), bounds("GET /clients"), "PAG-14")
seed("page 0 of bans is the first", taken("GET /banned", "page=0"), bounds("GET /banned"), "PAG-14")
seed("a limit of 0 finds no rules", taken("GET /rules", "limit=0"), bounds("GET /rules"), "PAG-14")
seed("a negative limit finds no messages", taken(RETAINED, "limit=-1"), bounds(RETAINED), "PAG-14")


def twenty(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A page is of 20 elements unless the query says otherwise."""
    reply = forward()
    if request.method != "GET" or "limit=" in request.query or "meta" not in (reply.json or ()):
        return reply
    return edit(lambda body: (body["meta"].update(limit=20), body.update(data=body["data"][:20])))(reply)


for label in LABELS:
    seed(f"the default limit of {label} is 20", twenty, bounds(label), "PAG-14")
