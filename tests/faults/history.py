"""Faults that EMQX once had, as far as the items on every operation notice them.

To add one: call `seed` with ``origin=``; a fault of one area that a scenario must notice belongs to the module of that
area (`tests.faults.seeded` describes both kinds of faults). Run it with ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conformance.reference.bridges.bridges import Bridges
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import EMPTY, broken, edit, error_reply, fuzz, on, scenario, seed, swallow

PULL = "https://github.com/emqx/emqx/pull/"
AUTHZ = "/authorization/sources/built_in_database/rules"

CRASH = error_reply(500, "INTERNAL_ERROR", "The operation crashed")


def crash_if(label: str, condition: Callable[[Request], bool]) -> Fault:
    return swallow(label, CRASH, condition)


# --- unknown ids ------------------------------------------------------------------------------------------------------

for label, instead, number in (
    ("DELETE /rules/{id}", EMPTY, 10677),
    ("DELETE /clients/{clientid}", EMPTY, 6180),
    ("DELETE /mqtt/retainer/message/{topic}", EMPTY, 11211),
    ("DELETE /banned/{as}/{who}", error_reply(400, "BAD_REQUEST"), 11211),
    ("GET /connectors/{id}", error_reply(403, "UNAUTHORIZED_ROLE"), 10056),
):
    seed(
        f"{label} of something unknown answers {instead.status}",
        on(label, lambda _, instead=instead: instead, 404),
        fuzz("unknown_id", label),
        ("GEN-30", label, "unknown_id"),
        origin=f"{PULL}{number}",
    )
seed(
    "a connected client is unknown to its bulk subscription",
    on("POST /clients/{clientid}/subscribe/bulk", lambda _: error_reply(404, "CLIENTID_NOT_FOUND"), 200),
    fuzz("positive", "POST /clients/{clientid}/subscribe/bulk"),
    ("GEN-28", "POST /clients/{clientid}/subscribe/bulk", "accepts_valid"),
    origin=f"{PULL}9712",
)
seed(
    "an empty list of rules is not found",
    on(f"GET {AUTHZ}/all", lambda _: error_reply(404, "NOT_FOUND"), 200),
    fuzz("positive", f"GET {AUTHZ}/all"),
    ("GEN-28", f"GET {AUTHZ}/all", "accepts_valid"),
    origin=f"{PULL}5892",
)

# --- crashes ----------------------------------------------------------------------------------------------------------

for name, fault, subject, number in (
    (
        "a wrong address in the query crashes the list of clients",
        crash_if("GET /clients", lambda request: "ip_address=not" in request.query),
        ("boundaries", "GET /clients"),
        12269,
    ),
    (
        "a subscription without qos crashes",
        crash_if("POST /clients/{clientid}/subscribe", lambda request: "qos" not in (request.json or {"qos": 0})),
        ("positive", "POST /clients/{clientid}/subscribe"),
        9703,
    ),
    (
        "a connector that does not start in time crashes",
        on("POST /connectors/{id}/{operation}", lambda _: CRASH),
        ("positive", "POST /connectors/{id}/{operation}"),
        13148,
    ),
    (
        "the deletion of an action crashes",
        on("DELETE /actions/{id}", lambda _: CRASH, 204),
        ("positive", "DELETE /actions/{id}"),
        13913,
    ),
    (
        "an invalid connector crashes",
        on("POST /connectors", lambda _: CRASH, 400),
        ("boundaries", "POST /connectors-http"),
        10226,
    ),
    (
        "the list of bans crashes",
        on("GET /banned", lambda _: CRASH, 200),
        ("positive", "GET /banned"),
        17134,
    ),
):
    operation = subject[1].removesuffix("-http")
    seed(name, fault, fuzz(*subject), ("GEN-15", operation, "no_server_error"), origin=f"{PULL}{number}")

# --- answers ----------------------------------------------------------------------------------------------------------

seed(
    "an error of publish is a list",
    on("POST /publish", lambda reply: reply.with_json([reply.json]), 400),
    fuzz("boundaries", "POST /publish"),
    ("GEN-11", "POST /publish", "error_envelope"),
    ("GEN-14", "POST /publish", "response_schema"),
    origin=f"{PULL}11493",
)
seed(
    "the list of subscriptions answers a status that is not documented",
    on("GET /subscriptions", lambda reply: replace(reply, status=422), 400),
    fuzz("boundaries", "GET /subscriptions"),
    ("GEN-27", "GET /subscriptions", "documented_status"),
    origin=f"{PULL}9460",
)


def without_hasnext(request: Request, forward: Callable[[], Reply]) -> Reply:
    reply = forward()
    if request.is_for("GET /clients") and "like_" in request.query and reply.status == 200:
        return edit(lambda body: body["meta"].pop("hasnext"))(reply)
    return reply


seed(
    "a fuzzy search tells nothing of a next page",
    without_hasnext,
    fuzz("positive", "GET /clients"),
    ("GEN-14", "GET /clients", "response_schema"),
    origin=f"{PULL}9726",
)

# --- dependencies -----------------------------------------------------------------------------------------------------

seed(
    "an action is deleted although a rule uses it",
    broken(
        Bridges,
        "remove_action",
        lambda remove: lambda self, action, also_from_rules: remove(self, action, also_from_rules=True),
    ),
    scenario("flagship", "chain_is_deleted_from_the_top"),
    "FLOW-05",
    origin=f"{PULL}8902",
)
seed(
    "the refusal to delete an action does not name the rules",
    on("DELETE /actions/{id}", edit(lambda body: body.pop("rules")), 400),
    scenario("flagship", "chain_is_deleted_from_the_top"),
    "FLOW-05",
    origin=f"{PULL}12096",
)
