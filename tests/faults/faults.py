"""Seeded faults: for each, what a deployment does wrong, and which requirement must notice it, where and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.faults.proxy import Fault, Reply, Request

OPERATIONS = "conformance/fuzz/test_operations.py::"
ACCESS = "conformance/fuzz/test_access.py::"
FLAGSHIP = "conformance/scenarios/test_flagship.py::"
USERS = "/authentication/password_based:built_in_database/users"
MESSAGE_ID = "0" * 32


@dataclass(frozen=True)
class Seeded:
    """``kills``: (requirement, operation, check) that must fail; ``items``: the items that must notice."""

    name: str
    fault: Fault
    kills: frozenset[tuple[str, str | None, str]]
    items: tuple[str, ...]


FAULTS: list[Seeded] = []


def seed(name: str, fault: Fault, items: str | tuple[str, ...], *kills: tuple[str, str | None, str]) -> None:
    FAULTS.append(Seeded(name, fault, frozenset(kills), (items,) if isinstance(items, str) else items))


def on(label: str, change: Callable[[Reply], Reply | None], status: int | None = None) -> Fault:
    """Change the answers of an operation, all or those with a status."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply | None:
        reply = forward()
        return change(reply) if request.is_for(label) and status in (None, reply.status) else reply

    return fault


def swallow(label: str, reply: Reply, condition: Callable[[Request], bool] = lambda _: True) -> Fault:
    """Answer without doing anything."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        return reply if request.is_for(label) and condition(request) else forward()

    return fault


def edit(change: Callable[[Any], None]) -> Callable[[Reply], Reply]:
    """Change the JSON of an answer in place."""

    def apply(reply: Reply) -> Reply:
        value = reply.json
        change(value)
        return reply.with_json(value)

    return apply


def in_each(collection: str | None, change: Callable[[dict[str, Any]], object]) -> Callable[[Reply], Reply]:
    def apply(value: Any) -> None:
        for element in value[collection] if collection else value:
            change(element)

    return edit(apply)


EMPTY = Reply(204, {}, b"")
NOTHING = Reply(0, {}, b"")


def json_reply(status: int, value: Any) -> Reply:
    return NOTHING.with_json(value, status)


# --- credentials, methods, bodies -------------------------------------------------------------------------------------

seed(
    "a 401 does not say how to authenticate",
    on("GET /rules", lambda reply: reply.without_header("www-authenticate"), 401),
    f"{ACCESS}test_no_credentials[GET /rules]",
    ("GEN-01", "GET /rules", "www_authenticate"),
)
seed(
    "one operation forgot authentication",
    lambda request, forward: (
        json_reply(200, []) if request.is_for("GET /schema_registry") and not request.signed else forward()
    ),
    f"{ACCESS}test_no_credentials[GET /schema_registry]",
    ("GEN-01", "GET /schema_registry", "authentication_required"),
)
seed(
    "a wrong secret is reported like an unknown token",
    on("GET /rules", edit(lambda body: body.update(code="BAD_TOKEN")), 401),
    f"{ACCESS}test_wrong_credentials[GET /rules]",
    ("GEN-02", "GET /rules", "wrong_secret"),
)
seed(
    "405 does not list the methods that are allowed",
    on("DELETE /rules", lambda reply: reply.without_header("allow"), 405),
    f"{ACCESS}test_undocumented_method[/rules]",
    ("GEN-06", None, "method_not_allowed"),
)
seed(
    "malformed JSON is called an invalid parameter",
    on("POST /publish", edit(lambda body: body.update(code="INVALID_PARAMETER")), 400),
    f"{ACCESS}test_malformed_json[POST /publish]",
    ("GEN-08", "POST /publish", "malformed_json"),
    ("GEN-14", "POST /publish", "response_schema"),
)
seed(
    "another media type is a bad request",
    on("POST /banned", lambda reply: reply.with_json({"code": "BAD_REQUEST", "message": "no"}, 400), 415),
    f"{ACCESS}test_media_type[POST /banned]",
    ("GEN-09", "POST /banned", "media_type_refused"),
)

# --- answers ----------------------------------------------------------------------------------------------------------

seed(
    "an error has no message",
    on("GET /rules/{id}", edit(lambda body: body.pop("message")), 404),
    f"{OPERATIONS}test_unknown_id[GET /rules/{{id}}]",
    ("GEN-11", "GET /rules/{id}", "error_envelope"),
    ("GEN-14", "GET /rules/{id}", "response_schema"),
)
seed(
    "an error has a code nobody knows",
    on("GET /rules/{id}", edit(lambda body: body.update(code="NO_SUCH_RULE")), 404),
    f"{OPERATIONS}test_unknown_id[GET /rules/{{id}}]",
    ("GEN-12", "GET /rules/{id}", "error_code"),
    ("GEN-14", "GET /rules/{id}", "response_schema"),
)
seed(
    "204 comes with a body",
    on("DELETE /rules/{id}", lambda reply: replace(reply, body=b"gone"), 204),
    f"{OPERATIONS}test_positive[DELETE /rules/{{id}}]",
    ("GEN-13", "DELETE /rules/{id}", "empty_204"),
)
for label, name, change in (
    (f"GET {USERS}", "the list of users lost meta.hasnext", edit(lambda body: body["meta"].pop("hasnext"))),
    ("GET /rules", "the list of rules is a bare array", lambda reply: reply.with_json(reply.json["data"])),
    ("GET /rules/{id}", "a rule lost its topics", edit(lambda body: body.pop("from"))),
    ("GET /rules/{id}", "a rule is enabled by a text", edit(lambda body: body.update(enable="true"))),
    ("GET /connectors/{id}", "a connector has an unknown status", edit(lambda body: body.update(status="fine"))),
    ("GET /actions/{id}", "an action tells no status", edit(lambda body: body.pop("status"))),
    ("GET /actions/{id}/metrics", "a counter is negative text", edit(lambda b: b["metrics"].update(matched="-1"))),
    ("GET /rule_events", "an event has no name", in_each(None, lambda event: event.pop("event"))),
    ("GET /schema_registry/{name}", "a schema lost its source", edit(lambda body: body.pop("source"))),
    ("GET /action_types", "the types are an object", lambda reply: reply.with_json({"types": reply.json})),
):
    seed(name, on(label, change, 200), f"{OPERATIONS}test_positive[{label}]", ("GEN-14", label, "response_schema"))
seed(
    "JSON is cut off",
    on("GET /schema_registry", lambda reply: replace(reply, body=reply.body[:-1]), 200),
    f"{OPERATIONS}test_positive[GET /schema_registry]",
    ("GEN-14", "GET /schema_registry", "response_schema"),
)
seed(
    "a list crashes",
    on("GET /rules", lambda reply: reply.with_json({"code": "INTERNAL_ERROR", "message": "sorry"}, 500), 200),
    f"{OPERATIONS}test_positive[GET /rules]",
    ("GEN-15", "GET /rules", "no_server_error"),
)
seed(
    "an error shows a stack trace",
    on("GET /rules/{id}", edit(lambda b: b.update(message="{error,{badmatch,[{file,'rule.erl'},{line,7}]}}")), 404),
    f"{OPERATIONS}test_unknown_id[GET /rules/{{id}}]",
    ("GEN-16", "GET /rules/{id}", "no_internals"),
)
seed(
    "a creation answers 200",
    on("POST /schema_registry", lambda reply: replace(reply, status=200), 201),
    f"{OPERATIONS}test_examples[POST /schema_registry]",
    ("GEN-27", "POST /schema_registry", "documented_status"),
)
seed(
    "a request is dropped without an answer",
    lambda request, forward: None if request.is_for("GET /rule_events") else forward(),
    f"{OPERATIONS}test_positive[GET /rule_events]",
    ("GEN-31", "GET /rule_events", "answered"),
)
seed(
    "JSON comes as text",
    on("GET /rules", lambda reply: replace(reply, headers={**reply.headers, "content-type": "text/plain"}), 200),
    f"{OPERATIONS}test_positive[GET /rules]",
    ("GEN-33", "GET /rules", "media_type"),
)

# --- what is accepted and what is refused -----------------------------------------------------------------------------

ACCEPTED_MESSAGE = json_reply(200, {"id": MESSAGE_ID})
seed(
    "qos 3 is accepted",
    swallow(
        "POST /publish",
        ACCEPTED_MESSAGE,
        lambda request: isinstance(request.json, dict) and request.json.get("qos") == 3,
    ),
    f"{OPERATIONS}test_boundaries[POST /publish]",
    ("GEN-18", "POST /publish", "refuses_invalid"),
)
seed(
    "unknown fields are ignored",
    swallow("POST /publish", ACCEPTED_MESSAGE, lambda request: b"x_unknown_field" in request.body),
    f"{OPERATIONS}test_boundaries[POST /publish]",
    ("GEN-18", "POST /publish", "refuses_invalid"),
)
seed(
    "pages beyond the bounds are answered",
    on(
        f"GET {USERS}", lambda r: r.with_json({"data": [], "meta": {"page": 1, "limit": 1, "hasnext": False}}, 200), 400
    ),
    f"{OPERATIONS}test_boundaries[GET {USERS}]",
    ("GEN-18", f"GET {USERS}", "refuses_invalid"),
)
seed(
    "valid bans are refused",
    on("POST /banned", lambda reply: reply.with_json({"code": "BAD_REQUEST", "message": "not today"}, 400), 200),
    f"{OPERATIONS}test_positive[POST /banned]",
    ("GEN-28", "POST /banned", "accepts_valid"),
)
seed(
    "whatever is published is accepted",
    on("POST /publish", lambda reply: ACCEPTED_MESSAGE, 400),
    f"{OPERATIONS}test_negative[POST /publish]",
    ("GEN-29", "POST /publish", "refuses_invalid"),
)
seed(
    "an unknown schema is deleted",
    on("DELETE /schema_registry/{name}", lambda reply: EMPTY, 404),
    f"{OPERATIONS}test_unknown_id[DELETE /schema_registry/{{name}}]",
    ("GEN-30", "DELETE /schema_registry/{name}", "unknown_id"),
)
seed(
    "an example of the document is refused",
    on("POST /schema_registry", lambda reply: reply.with_json({"code": "BAD_REQUEST", "message": "no"}, 400), 201),
    f"{OPERATIONS}test_examples[POST /schema_registry]",
    ("GEN-32", "POST /schema_registry", "accepts_valid"),
)

# --- the flagship -----------------------------------------------------------------------------------------------------

NO_SUBSCRIBER = json_reply(202, {"reason_code": 16, "message": "no_matching_subscribers"})
seed(
    "published messages go nowhere",
    swallow("POST /publish", NO_SUBSCRIBER),
    f"{FLAGSHIP}test_message_reaches_the_sink",
    ("FLOW-01", "POST /publish", "message_reaches_the_sink"),
)
seed(
    "an action counts one delivery too many",
    on("GET /actions/{id}/metrics", edit(lambda b: b["metrics"].update(success=b["metrics"]["success"] + 1)), 200),
    f"{FLAGSHIP}test_metrics_count_the_messages",
    ("FLOW-02", "GET /actions/{id}/metrics", "metrics_count_the_messages"),
)
seed(
    "a rule test matches everything",
    on("POST /rules/{id}/test", lambda reply: reply.with_json(["ok"], 200), 412),
    f"{FLAGSHIP}test_rule_test_tells_match_from_mismatch",
    ("FLOW-03", "POST /rules/{id}/test", "rule_test_tells_match_from_mismatch"),
)
seed(
    "disabling does nothing",
    swallow("PUT /actions/{id}/enable/{enable}", EMPTY),
    f"{FLAGSHIP}test_disabled_action_delivers_nothing",
    ("FLOW-04", "GET /actions/{id}", "disabled_action_delivers_nothing"),
)
seed(
    "a connector in use is reported deleted",
    on("DELETE /connectors/{id}", lambda reply: EMPTY, 400),
    f"{FLAGSHIP}test_chain_is_deleted_from_the_top",
    ("FLOW-05", "DELETE /connectors/{id}", "chain_is_deleted_from_the_top"),
)
seed(
    "deleting a rule does nothing",
    swallow("DELETE /rules/{id}", EMPTY, lambda request: request.signed),
    f"{FLAGSHIP}test_deleted_chain_is_gone",
    ("FLOW-06", "GET /rules/{id}", "deleted_chain_is_gone"),
)
