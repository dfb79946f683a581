"""Faults of lists: pages, counts, elements and filters (PAG).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference import clients, pagination
from conformance.reference.access import ban_handlers
from conformance.reference.http import Call, Handler
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import EMPTY, Broken, broken, broken_handler, edit, error_reply, in_each, on, seed, swallow

USERS = f"GET {paths.USERS}"
RETAINED = f"GET {paths.RETAINED_MESSAGES}"
LABELS = (
    "GET /clients",
    "GET /subscriptions",
    "GET /rules",
    "GET /banned",
    USERS,
    f"GET {paths.USER_RULES}",
    f"GET {paths.CLIENT_RULES}",
    RETAINED,
)


def listed(test: str, label: str = "") -> str:
    return f"conformance/scenarios/test_lists.py::test_{test}" + (f"[{label}]" if label else "")


def filtered(test: str) -> str:
    return f"conformance/scenarios/test_list_filters.py::test_{test}"


# --- pages ------------------------------------------------------------------------------------------------------------

Cut = Callable[[list[Any], int, int], tuple[list[Any], bool]]


def cut(cutting: Cut) -> Broken:
    """How items are cut into pages: from items, page and limit to those of the page, and whether more follow."""
    return broken(
        pagination,
        "page_of",
        lambda _: lambda items, page, limit, strict: cutting(list(items), page, limit),
    )


def overlapping(items: Sequence[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    start = max(0, (page - 1) * limit - 1)
    return list(items[start : start + limit]), start + limit < len(items)


def leaving_out(items: Sequence[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    start = (page - 1) * (limit + 1)
    return list(items[start : start + limit]), start + limit < len(items)


def losing_after_the_first(items: Sequence[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    start = (page - 1) * limit
    return list(items[start + (page > 1) : start + limit]), start + limit < len(items)


for label in LABELS:
    seed(f"pages of {label} overlap", cut(overlapping), listed("pages_are_complete", label), "PAG-01")
    seed(
        f"pages of {label} after the first lose an element",
        cut(losing_after_the_first),
        listed("pages_are_complete", label),
        "PAG-01",
    )
seed(
    "between two pages an element is lost",
    cut(leaving_out),
    listed("pages_are_complete", "GET /rules"),
    "PAG-01",
    origin="https://github.com/emqx/emqx/pull/13196",
)


def sized(items: Sequence[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    return list(items[(page - 1) * limit :]), False


seed("the limit is ignored", cut(sized), listed("page_has_its_number_and_limit", "GET /clients"), "PAG-02")
for name in ("page", "limit"):
    seed(
        f"meta says another {name}",
        on(USERS, edit(lambda body, name=name: body["meta"].update({name: 1})), 200),
        listed("page_has_its_number_and_limit", USERS),
        "PAG-02",
    )
seed(
    "a page beyond the end is not found",
    lambda request, forward: (
        error_reply(400, "BAD_REQUEST") if request.is_for("GET /banned") and "page=1000" in request.query else forward()
    ),
    listed("page_beyond_the_end", "GET /banned"),
    "PAG-03",
)
seed(
    "a page beyond the end is the last one",
    cut(lambda items, page, limit: (items[-limit:], False)),
    listed("page_beyond_the_end", RETAINED),
    "PAG-03",
)
seed(
    "a page beyond the end says that more follow",
    cut(lambda items, page, limit: (items[(page - 1) * limit : page * limit], True)),
    listed("page_beyond_the_end", "GET /subscriptions"),
    "PAG-03",
)
for label in LABELS:
    for hasnext in (False, True):
        seed(
            f"hasnext of {label} is always {str(hasnext).lower()}",
            cut(lambda items, page, limit, hasnext=hasnext: (items[(page - 1) * limit : page * limit], hasnext)),
            listed("hasnext_is_no_lie", label),
            "PAG-04",
        )
    seed(
        f"a full last page of {label} says that more follow",
        broken(
            pagination,
            "page_of",
            lambda original: lambda items, page, limit, strict: original(items, page, limit, strict=True),
        ),
        listed("hasnext_is_exact", label),
        "PAG-05",
        origin="https://github.com/emqx/emqx/issues/18531",
    )
for what, wrong in (("too high", 1), ("too low", -1)):
    seed(
        f"the count is {what}",
        on("GET /clients", edit(lambda body, wrong=wrong: body["meta"].update(count=body["meta"]["count"] + wrong))),
        listed("count_is_the_number_of_elements", "GET /clients"),
        "PAG-06",
    )
for label in LABELS:
    seed(
        f"the count of {label} is that of the page",
        on(label, edit(lambda body: "count" in body["meta"] and body["meta"].update(count=len(body["data"]))), 200),
        listed("count_is_the_number_of_elements", label),
        "PAG-06",
    )
    seed(
        f"{label} is not counted",
        on(label, edit(lambda body: body["meta"].pop("count", None)), 200),
        listed("count_is_the_number_of_elements", label),
        "PAG-06",
    )
for label, exact in (
    ("GET /clients", "clientid="),
    ("GET /subscriptions", "clientid="),
    ("GET /rules", "enable="),
    ("GET /banned", "clientid="),
    (USERS, "is_superuser="),
):
    seed(
        f"{label} with the filter {exact} has the count of all",
        lambda request, forward, label=label, exact=exact: (
            edit(lambda body: body["meta"].update(count=body["meta"]["count"] + 1))(forward())
            if request.is_for(label) and exact in request.query and "like_" not in request.query
            else forward()
        ),
        listed("count_is_the_number_of_elements", label),
        "PAG-06",
    )

# --- elements ---------------------------------------------------------------------------------------------------------

for label, collection, name, value in (
    ("GET /connectors", None, "description", "another"),
    ("GET /rules", "data", "created_at", "2020-01-01T00:00:00.000+00:00"),
    (USERS, "data", "is_superuser", True),
    ("GET /clients", "data", "keepalive", 7),
):
    seed(
        f"{label} shows another {name}",
        on(label, in_each(collection, lambda element, name=name, value=value: element.update({name: value})), 200),
        listed("element_is_what_its_own_get_shows", label),
        "PAG-08",
    )
for name, label in (("actions", "GET /actions"), ("schemas", "GET /schema_registry")):
    seed(
        f"{label} forgets what is new",
        on(label, edit(lambda elements: elements.clear()), 200),
        listed("configured_is_listed_until_it_is_deleted", name),
        "PAG-09",
    )
seed(
    "a deleted schema stays in the list",
    swallow("DELETE /schema_registry/{name}", EMPTY),
    listed("configured_is_listed_until_it_is_deleted", "schemas"),
    "PAG-09",
)
seed(
    "a deleted user stays in the list",
    swallow(f"DELETE {paths.USER}", EMPTY),
    listed("people_are_listed_until_they_are_deleted"),
    "PAG-09",
)
seed(
    "a retained message is not listed",
    on(RETAINED, edit(lambda body: body["data"].clear()), 200),
    listed("sessions_and_messages_are_listed_while_they_exist"),
    "PAG-09",
)
seed(
    "a retained message is listed for ever",
    swallow(f"DELETE {paths.RETAINED_MESSAGE}", EMPTY),
    listed("sessions_and_messages_are_listed_while_they_exist"),
    "PAG-09",
)

# --- filters ----------------------------------------------------------------------------------------------------------


def without(name: str) -> Broken:
    """A filter of clients that is ignored."""

    def make(original: Callable[[Call], Any]) -> Callable[[Call], Any]:
        return lambda call: original(
            replace(call, query={key: value for key, value in call.query.items() if key != name})
        )

    return broken(clients, "_tests", make)


FILTERS_OF_CLIENTS = filtered("filters_of_clients")
for name in (
    "clientid",
    "username",
    "ip_address",
    "proto_ver",
    "clean_start",
    "conn_state",
    "like_clientid",
    "like_username",
    "gte_created_at",
    "lte_created_at",
    "gte_connected_at",
    "lte_connected_at",
):
    seed(f"the filter {name} of clients is ignored", without(name), FILTERS_OF_CLIENTS, "PAG-07")
seed(
    "the last of two filters of clients counts",
    broken(clients, "_tests", lambda original: lambda call: original(call)[-1:]),
    FILTERS_OF_CLIENTS,
    "PAG-07",
)


def ignored(label: str, name: str) -> Broken:
    """A filter of another list that is ignored."""

    def make(handler: Handler) -> Handler:
        return lambda call: handler(replace(call, query={key: call.query[key] for key in call.query if key != name}))

    return broken_handler(label, make)


for label, test, names in (
    (USERS, "filters_of_users", ("like_user_id", "is_superuser")),
    (f"GET {paths.USER_RULES}", "filters_of_authorization_rules", ("like_username",)),
    (f"GET {paths.CLIENT_RULES}", "filters_of_authorization_rules", ("like_clientid",)),
    ("GET /banned", "filters_of_bans", ("clientid", "username", "peerhost")),
    ("GET /banned", "filters_of_bans", ("like_clientid", "like_username", "like_peerhost", "like_peerhost_net")),
):
    for name in names:
        seed(f"the filter {name} of {label} is ignored", ignored(label, name), filtered(test), "PAG-07")


def finds_nothing(label: str, names: str) -> Fault:
    """No element passes a filter."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if request.is_for(label) and re.search(names, request.query) and reply.status == 200:
            return reply.with_json({**reply.json, "data": []})
        return reply

    return fault


seed(
    "no user is found by the flag of superusers",
    finds_nothing(USERS, "is_superuser=true"),
    filtered("filters_of_users"),
    "PAG-07",
)
seed(
    "no rules are found by the name of a client",
    finds_nothing(f"GET {paths.CLIENT_RULES}", "like_clientid"),
    filtered("filters_of_authorization_rules"),
    "PAG-07",
)
seed(
    "bans of a pattern of usernames are not found",
    broken(ban_handlers, "_FUZZY", lambda fuzzy: {**fuzzy, "like_username": ("username",)}),
    filtered("filters_of_bans"),
    "PAG-07",
)
seed(
    "of two filters of bans one is taken",
    lambda request, forward: (
        replace(EMPTY, status=200, headers={"content-type": "application/json"}, body=b'{"data":[],"meta":{}}')
        if request.is_for("GET /banned") and request.query.count("=") == 2 and "page" not in request.query
        else forward()
    ),
    filtered("filters_of_bans"),
    "PAG-07",
    ("GEN-14", "GET /banned", "response_schema"),
)
for character in ("%25", "_", "%2A", ".", "%5B"):
    seed(
        f"{character} in like_user_id is a pattern",
        finds_nothing(USERS, f"like_user_id=.*a{re.escape(character)}b"),
        filtered("substrings_are_literal"),
        "PAG-10",
    )
seed(
    "like_description finds nothing",
    lambda request, forward: (
        forward()
        if not (request.is_for("GET /rules") and "like_description" in request.query)
        else forward().with_json({"data": [], "meta": {"page": 1, "limit": 1000, "hasnext": False}})
    ),
    filtered("substrings_are_literal"),
    "PAG-10",
)
seed(
    "like_clientid is a regular expression",
    broken(
        clients,
        "_contains",
        lambda _: lambda call, part, text: lambda session: re.search(part.replace("[", "."), text(session) or ""),
    ),
    filtered("substrings_of_clients_are_literal"),
    "PAG-10",
)
seed(
    "fields of clients are ignored",
    broken(clients, "_selected", lambda _: lambda view, fields: view),
    filtered("fields_of_clients"),
    "PAG-11",
)
seed(
    "of several fields of clients the first is shown",
    broken(
        clients,
        "_selected",
        lambda original: lambda view, fields: original(view, fields if fields == "all" else fields[:1]),
    ),
    filtered("fields_of_clients"),
    "PAG-11",
)
for name in ("clientid", "username"):

    def last(original: Callable[[Call], Any], name: str = name) -> Callable[[Call], Any]:
        return lambda call: original(
            replace(call, query={key: value[-1:] if key == name else value for key, value in call.query.items()})
        )

    seed(
        f"of several values of {name} the last counts",
        broken(clients, "_tests", last),
        filtered("repeated_filters_of_clients"),
        "PAG-12",
    )
