"""Faults of lists that are filtered (PAG).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference.access import ban_handlers
from conformance.reference.mqtt_operations import clients
from conformance.reference.rest.http import Call, Handler
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import EMPTY, Broken, broken, broken_handler, scenario, seed

USERS = f"GET {paths.USERS}"


def filtered(test: str) -> str:
    return scenario("list_filters", test)


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
for name, find in {
    "in any case": lambda part, session: part.lower() in session.clientid.lower(),
    "in the user name as well": lambda part, session: part in session.clientid or part in (session.username or ""),
}.items():
    seed(
        f"like_clientid finds {name}",
        broken(
            clients,
            "_contains",
            lambda original, find=find: (
                lambda call, part, text: (
                    (lambda session: find(part, session))
                    if "like_clientid" in call.query
                    else original(call, part, text)
                )
            ),
        ),
        filtered("substrings_of_clients_are_literal") if "case" in name else FILTERS_OF_CLIENTS,
        "PAG-10" if "case" in name else "PAG-07",
    )
for name, misread in {
    "in milliseconds are taken for seconds": lambda value: value * 1000 if isinstance(value, int) else value,
    "are read without their offset": lambda value: value.replace("+08:00", "Z") if isinstance(value, str) else value,
}.items():
    seed(
        f"instants in filters of clients {name}",
        broken(clients, "_milliseconds", lambda original, misread=misread: lambda value: original(misread(value))),
        FILTERS_OF_CLIENTS,
        "PAG-07",
    )


def of_a_node(handler: Handler) -> Handler:
    """On one node only the client id filters."""
    known = {"node", "clientid", "page", "limit"}

    def handle(call: Call) -> Any:
        query = {name: call.query[name] for name in call.query if name in known or "node" not in call.query}
        return handler(replace(call, query=query))

    return handle


seed(
    "of the filters of clients only the id is asked for beside a node",
    broken_handler("GET /clients", of_a_node),
    FILTERS_OF_CLIENTS,
    "PAG-07",
)
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


def beside_fields(handler: Handler) -> Handler:
    """Who asks for fields gets the clients that have one of the ids, whatever else is asked for."""
    known = {"fields", "clientid", "page", "limit"}

    def handle(call: Call) -> Any:
        everything = call.query.get("fields", "all") == "all"
        return handler(
            replace(call, query={name: call.query[name] for name in call.query if everything or name in known})
        )

    return handle


seed(
    "beside fields only the id of clients is asked for",
    broken_handler("GET /clients", beside_fields),
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
seed(
    "the filters of connections go by the age of sessions",
    broken(clients, "_connected_at", lambda _: clients._created_at),
    FILTERS_OF_CLIENTS,
    "PAG-07",
)
