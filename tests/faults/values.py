"""Faults of values that the contract lists, and of texts whose characters mean something elsewhere (GEN)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from conformance.contract import paths
from conformance.fuzz.boundaries import BEYOND_LATIN
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import EMPTY, error_reply, fuzz, json_reply, on, seed, swallow, values

BAD = error_reply(400, "BAD_REQUEST")


def queries(subject: str) -> str:
    return f"conformance/fuzz/test_values.py::test_values_of_queries[{subject}]"


def hostile(subject: str) -> str:
    return f"conformance/fuzz/test_hostile_texts.py::test_hostile_queries[{subject}]"


def ids(subject: str) -> str:
    return f"conformance/fuzz/test_hostile_texts.py::test_hostile_ids[{subject}]"


def query_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))


def asks(name: str, holds: Callable[[str], bool]) -> Callable[[Request], bool]:
    """Requests with a query parameter of some value."""
    return lambda request: name in query_of(request) and holds(query_of(request)[name])


def body_has(condition: Callable[[Any], bool]) -> Callable[[Request], bool]:
    """Requests with some body."""
    return lambda request: request.json is not None and condition(request.json)


# --- what no enumeration lists ---------------------------------------------------------------------------------

seed(
    "a word beyond Latin-1 that an enumeration does not list crashes its refusal",
    swallow(
        "PUT /connectors/{id}",
        error_reply(500, "INTERNAL_ERROR"),
        body_has(lambda body: BEYOND_LATIN in f"{body}"),
    ),
    fuzz("boundaries", "PUT /connectors/{id}-tablestore"),
    "GEN-15",
)

# --- values ----------------------------------------------------------------------------------------------------

seed(
    "the last member of an enumeration is unknown to a query",
    swallow("GET /clients", BAD, asks("conn_state", lambda value: value == "idle")),
    queries("GET /clients"),
    "GEN-60",
)
seed(
    "one field of clients cannot be asked for",
    swallow("GET /clients", BAD, asks("fields", lambda value: "seqno_q2_rec" in value)),
    queries("GET /clients"),
    "GEN-60",
)
seed(
    "a time is taken as a number only",
    swallow("GET /clients", BAD, asks("lte_connected_at", lambda value: "T" in value)),
    queries("GET /clients"),
    "GEN-60",
)
seed(
    "a query parameter needs another one",
    swallow("GET /subscriptions", BAD, lambda request: "durable" in request.query and "page" not in request.query),
    queries("GET /subscriptions"),
    "GEN-60",
)
seed(
    "a message without retain but with properties is refused",
    swallow("POST /publish", BAD, body_has(lambda body: "properties" in body and "retain" not in body)),
    values("POST /publish"),
    "GEN-60",
)
seed(
    "one version of MQTT is unknown to connectors",
    swallow("POST /connectors", BAD, body_has(lambda body: body.get("proto_ver") == "v3")),
    values("POST /connectors-mqtt"),
    "GEN-60",
)
seed(
    "an action cannot be given one of the methods of HTTP",
    swallow("PUT /actions/{id}", BAD, body_has(lambda body: body["parameters"].get("method") == "delete")),
    values("PUT /actions/{id}-http"),
    "GEN-60",
)


def unknown_before_values(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Who replaces a connector that does not exist is told nothing of the body; one version of MQTT is unknown."""
    if not request.is_for("PUT /connectors/{id}"):
        return forward()
    if "missing" in request.path:
        return error_reply(404, "NOT_FOUND", "no such connector")
    return BAD if request.json.get("proto_ver") == "v3" else forward()


seed(
    "values of connectors are looked at last, and one version of MQTT is unknown",
    unknown_before_values,
    values("PUT /connectors/{id}-mqtt"),
    "GEN-60",
)
seed(
    "a probe takes no log level of TLS but the default",
    swallow("POST /connectors_probe", BAD, body_has(lambda body: body.get("ssl", {}).get("log_level") == "emergency")),
    values("POST /connectors_probe-azure_event_hub_producer"),
    "GEN-60",
)


def shown_as(label: str, change: Callable[[dict[str, Any]], object]) -> Fault:
    """What an operation answers differs from what it was sent."""

    def apply(reply: Reply) -> Reply:
        value = reply.json
        if isinstance(value, dict):
            change(value)
        return reply.with_json(value) if isinstance(value, dict) else reply

    return on(label, apply)


seed(
    "a rule about messages that are not retained is about all",
    shown_as(f"GET {paths.RULES_OF_USER}", lambda entry: [rule.update(retain="all") for rule in entry["rules"]]),
    values(f"POST {paths.USER_RULES}"),
    "GEN-60",
)
seed(
    "a connector forgets an option of its resource",
    shown_as("POST /connectors", lambda body: body.get("resource_opts", {}).update(health_check_interval="15s")),
    values("POST /connectors-redis"),
    "GEN-60",
)

# --- texts ----------------------------------------------------------------------------------------------------


def crash_of_pattern(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A filter that is no regular expression crashes the list of bans."""
    reply = forward()
    if request.is_for("GET /banned") and "like_" in request.query and reply.status == 400:
        return error_reply(500, "INTERNAL_ERROR", "the match failed")
    return reply


seed(
    "a bad regular expression crashes the list of bans",
    crash_of_pattern,
    hostile("GET /banned"),
    "GEN-15",
    origin="https://github.com/emqx/emqx/pull/13885",
)
seed(
    "a bad regular expression finds no bans",
    lambda request, forward: (
        json_reply(200, {"data": [], "meta": {"page": 1, "limit": 100, "count": 0, "hasnext": False}})
        if (reply := forward()).status == 400 and request.is_for("GET /banned") and "like_" in request.query
        else reply
    ),
    hostile("GET /banned"),
    "GEN-61",
)


def decoded_twice(label: str, name: str) -> Fault:
    """A filter is percent-decoded twice, so that it finds nothing where it should."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        value = query_of(request).get(name, "")
        if request.is_for(label) and reply.status == 200 and unquote(value) != value:
            return reply.with_json({**reply.json, "data": []})
        return reply

    return fault


for label, name in (
    (f"GET {paths.USERS}", "like_user_id"),
    (f"GET {paths.CLIENT_RULES}", "like_clientid"),
    ("GET /clients", "like_clientid"),
    ("GET /rules", "like_description"),
):
    seed(f"{name} of {label} is decoded twice", decoded_twice(label, name), hostile(label), "GEN-61")

seed(
    "a quote in a filter of clients is refused",
    swallow("GET /clients", BAD, asks("username", lambda value: value == "'")),
    hostile("GET /clients"),
    "GEN-61",
)


def exact_as_pattern(request: Request, forward: Callable[[], Reply]) -> Reply:
    """An exact filter of bans forgets a star at its end."""
    value = query_of(request).get("username", "")
    if not (request.is_for("GET /banned") and value.endswith("*")):
        return forward()
    ban = {"as": "username", "who": value[:-1], "by": "mgmt_api", "reason": "", "at": "2022-01-01T00:00:00+00:00",
           "until": "infinity"}  # fmt: skip
    meta = {"page": 1, "limit": 100, "count": 1, "hasnext": False}
    return json_reply(200, {"data": [ban], "meta": meta})


seed("a star at the end of an exact filter of bans is a pattern", exact_as_pattern, hostile("GET /banned"), "GEN-61")

for label in (f"DELETE {paths.USER}", "DELETE /clients/{clientid}", f"DELETE {paths.RULES_OF_CLIENT}"):
    seed(
        f"{label} takes a star for a pattern",
        swallow(label, EMPTY, lambda request: request.path.endswith("%2A")),
        ids(label),
        "GEN-62",
    )
seed(
    "a retained message is looked up by a part of its topic",
    swallow(f"DELETE {paths.RETAINED_MESSAGE}", EMPTY, lambda request: "%27" in request.path),
    ids(f"DELETE {paths.RETAINED_MESSAGE}"),
    "GEN-62",
)

seed(
    "a rule about QoS 0 alone is about all",
    shown_as(f"GET {paths.RULES_OF_USER}", lambda entry: [rule.update(qos=[0, 1, 2]) for rule in entry["rules"]]),
    values(f"POST {paths.USER_RULES}"),
    "GEN-60",
)
