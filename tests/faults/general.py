"""Faults of the requirements on every operation (GEN).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from dataclasses import replace

from tests.faults.seeded import EMPTY, edit, fuzz, in_each, json_reply, on, seed, swallow

USERS = "/authentication/password_based:built_in_database/users"
MESSAGE_ID = "0" * 32


def access(test: str, subject: str) -> str:
    return f"conformance/fuzz/test_access.py::test_{test}[{subject}]"


# --- credentials, methods, bodies -------------------------------------------------------------------------------------

seed(
    "a 401 does not say how to authenticate",
    on("GET /rules", lambda reply: reply.without_header("www-authenticate"), 401),
    access("no_credentials", "GET /rules"),
    ("GEN-01", "GET /rules", "www_authenticate"),
)
seed(
    "one operation forgot authentication",
    lambda request, forward: (
        json_reply(200, []) if request.is_for("GET /schema_registry") and not request.signed else forward()
    ),
    access("no_credentials", "GET /schema_registry"),
    ("GEN-01", "GET /schema_registry", "authentication_required"),
)
seed(
    "a wrong secret is reported like an unknown token",
    on("GET /rules", edit(lambda body: body.update(code="BAD_TOKEN")), 401),
    access("wrong_credentials", "GET /rules"),
    ("GEN-02", "GET /rules", "wrong_secret"),
)
seed(
    "405 does not list the methods that are allowed",
    on("DELETE /rules", lambda reply: reply.without_header("allow"), 405),
    access("undocumented_method", "/rules"),
    ("GEN-06", None, "method_not_allowed"),
)
seed(
    "malformed JSON is called an invalid parameter",
    on("POST /publish", edit(lambda body: body.update(code="INVALID_PARAMETER")), 400),
    access("malformed_json", "POST /publish"),
    ("GEN-08", "POST /publish", "malformed_json"),
    ("GEN-14", "POST /publish", "response_schema"),
)
seed(
    "another media type is a bad request",
    on("POST /banned", lambda reply: reply.with_json({"code": "BAD_REQUEST", "message": "no"}, 400), 415),
    access("media_type", "POST /banned"),
    ("GEN-09", "POST /banned", "media_type_refused"),
    origin="https://github.com/emqx/emqx/pull/13078",
)

# --- answers ----------------------------------------------------------------------------------------------------------

seed(
    "an error has no message",
    on("GET /rules/{id}", edit(lambda body: body.pop("message")), 404),
    fuzz("unknown_id", "GET /rules/{id}"),
    ("GEN-11", "GET /rules/{id}", "error_envelope"),
    ("GEN-14", "GET /rules/{id}", "response_schema"),
)
seed(
    "an error has a code nobody knows",
    on("GET /rules/{id}", edit(lambda body: body.update(code="NO_SUCH_RULE")), 404),
    fuzz("unknown_id", "GET /rules/{id}"),
    ("GEN-12", "GET /rules/{id}", "error_code"),
    ("GEN-14", "GET /rules/{id}", "response_schema"),
)
seed(
    "204 comes with a body",
    on("DELETE /rules/{id}", lambda reply: replace(reply, body=b"gone"), 204),
    fuzz("positive", "DELETE /rules/{id}"),
    ("GEN-13", "DELETE /rules/{id}", "empty_204"),
    origin="https://github.com/emqx/emqx/pull/17002",
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
    seed(name, on(label, change, 200), fuzz("positive", label), ("GEN-14", label, "response_schema"))
seed(
    "JSON is cut off",
    on("GET /schema_registry", lambda reply: replace(reply, body=reply.body[:-1]), 200),
    fuzz("positive", "GET /schema_registry"),
    ("GEN-14", "GET /schema_registry", "response_schema"),
)
seed(
    "a list crashes",
    on("GET /rules", lambda reply: reply.with_json({"code": "INTERNAL_ERROR", "message": "sorry"}, 500), 200),
    fuzz("positive", "GET /rules"),
    ("GEN-15", "GET /rules", "no_server_error"),
)
seed(
    "an error shows a stack trace",
    on("GET /rules/{id}", edit(lambda b: b.update(message="{error,{badmatch,[{file,'rule.erl'},{line,7}]}}")), 404),
    fuzz("unknown_id", "GET /rules/{id}"),
    ("GEN-16", "GET /rules/{id}", "no_internals"),
)
seed(
    "a creation answers 200",
    on("POST /schema_registry", lambda reply: replace(reply, status=200), 201),
    fuzz("examples", "POST /schema_registry"),
    ("GEN-27", "POST /schema_registry", "documented_status"),
)
seed(
    "a request is dropped without an answer",
    lambda request, forward: None if request.is_for("GET /rule_events") else forward(),
    fuzz("positive", "GET /rule_events"),
    ("GEN-31", "GET /rule_events", "answered"),
)
seed(
    "JSON comes as text",
    on("GET /rules", lambda reply: replace(reply, headers={**reply.headers, "content-type": "text/plain"}), 200),
    fuzz("positive", "GET /rules"),
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
    fuzz("boundaries", "POST /publish"),
    ("GEN-18", "POST /publish", "refuses_invalid"),
)
seed(
    "unknown fields are ignored",
    swallow("POST /publish", ACCEPTED_MESSAGE, lambda request: b"x_unknown_field" in request.body),
    fuzz("boundaries", "POST /publish"),
    ("GEN-18", "POST /publish", "refuses_invalid"),
)
seed(
    "pages beyond the bounds are answered",
    on(
        f"GET {USERS}", lambda r: r.with_json({"data": [], "meta": {"page": 1, "limit": 1, "hasnext": False}}, 200), 400
    ),
    fuzz("boundaries", f"GET {USERS}"),
    ("GEN-18", f"GET {USERS}", "refuses_invalid"),
)
seed(
    "valid bans are refused",
    on("POST /banned", lambda reply: reply.with_json({"code": "BAD_REQUEST", "message": "not today"}, 400), 200),
    fuzz("positive", "POST /banned"),
    ("GEN-28", "POST /banned", "accepts_valid"),
)
seed(
    "whatever is published is accepted",
    on("POST /publish", lambda reply: ACCEPTED_MESSAGE, 400),
    fuzz("negative", "POST /publish"),
    ("GEN-29", "POST /publish", "refuses_invalid"),
)
seed(
    "an unknown schema is deleted",
    on("DELETE /schema_registry/{name}", lambda reply: EMPTY, 404),
    fuzz("unknown_id", "DELETE /schema_registry/{name}"),
    ("GEN-30", "DELETE /schema_registry/{name}", "unknown_id"),
    origin="https://github.com/emqx/emqx/pull/11211",
)
seed(
    "an example of the document is refused",
    on("POST /schema_registry", lambda reply: reply.with_json({"code": "BAD_REQUEST", "message": "no"}, 400), 201),
    fuzz("examples", "POST /schema_registry"),
    ("GEN-32", "POST /schema_registry", "accepts_valid"),
)
