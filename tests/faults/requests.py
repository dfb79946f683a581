"""Faults of the requirements on how requests are read (GEN).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.contract import paths
from conformance.reference import app
from conformance.reference.http import Call, Handler
from conformance.reference.http import Reply as Answer
from tests.faults.proxy import Reply, Request
from tests.faults.refusals import carried_out_in_part
from tests.faults.seeded import broken, broken_handler, edit, error_reply, json_reply, on, seed, swallow


def item(test: str, subject: str = "") -> str:
    return f"conformance/fuzz/test_requests.py::test_{test}" + (f"[{subject}]" if subject else "")


# --- paths ------------------------------------------------------------------------------------------------------------

seed(
    "an unknown path is told in HTML",
    broken(app, "_path_not_found", lambda original: lambda accept: original("text/html")),
    item("unknown_path"),
    ("GEN-07", None, "unknown_path"),
)
seed(
    "an unknown path has a code of its own",
    broken(app, "_path_not_found", lambda _: lambda accept: Answer(404, {"code": "BAD_REQUEST", "message": "no"})),
    item("unknown_path"),
    ("GEN-07", None, "unknown_path"),
)
seed(
    "a longer path is cut to one that is known",
    lambda request, forward: (
        json_reply(200, []) if request.method == "GET" and request.path.startswith("/action_types/") else forward()
    ),
    item("unknown_path"),
    ("GEN-07", None, "unknown_path"),
)

# --- bodies -----------------------------------------------------------------------------------------------------------

EMPTY_LIST = json_reply(200, {"data": [], "meta": {"page": 1, "limit": 1, "hasnext": False}})
UNKNOWN = error_reply(404, "NOT_FOUND")
NO_JSON = error_reply(415, "UNSUPPORTED_MEDIA_TYPE")
for what, condition in (
    ("a charset", lambda request: "charset=utf-8" in request.content_type),
    ("capital letters", lambda request: "Application" in request.content_type),
):
    seed(
        f"JSON is no JSON with {what}",
        swallow("POST /publish", NO_JSON, condition),
        item("media_type_parameters", "POST /publish"),
        ("GEN-10", "POST /publish", "accepts_valid"),
    )
for label, ignorant in (("GET /rules", EMPTY_LIST), ("DELETE /schema_registry/{name}", UNKNOWN)):
    seed(
        f"malformed JSON is ignored by {label}",
        on(label, lambda reply, ignorant=ignorant: ignorant, 400),
        f"conformance/fuzz/test_access.py::test_malformed_json[{label}]",
        ("GEN-08", label, "malformed_json"),
    )
seed(
    "an unknown field of a rule is ignored",
    lambda request, forward: forward() if b"x_unknown" not in request.body else json_reply(200, {}),
    item("unknown_field", "PUT /rules/{id}"),
    ("GEN-17", "PUT /rules/{id}", "unknown_field"),
    ("GEN-14", "PUT /rules/{id}", "response_schema"),
)
seed(
    "an unknown query parameter is refused",
    swallow("GET /rules", error_reply(400, "BAD_REQUEST"), lambda request: "x_unknown" in request.query),
    item("unknown_query_parameter", "GET /rules"),
    ("GEN-17", "GET /rules", "unknown_parameter"),
)


def with_unknown_parameter(label: str, change: Callable[[Reply], Reply]) -> Any:
    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        return change(reply) if request.is_for(label) and "x_unknown" in request.query else reply

    return fault


seed(
    "an unknown query parameter filters",
    with_unknown_parameter("GET /action_types", lambda reply: reply.with_json([])),
    item("unknown_query_parameter", "GET /action_types"),
    ("GEN-17", "GET /action_types", "unknown_parameter"),
)

# --- reads ------------------------------------------------------------------------------------------------------------


def forgetful(label: str, delete: str) -> Any:
    """A read after which what was read is gone."""

    def make(original: Handler) -> Handler:
        def read(call: Call) -> Any:
            answer = original(call)
            app.ROUTES[delete].handler(call)
            return answer

        return read

    return broken_handler(label, make)


seed(
    "a schema is gone once it was read",
    forgetful("GET /schema_registry/{name}", "DELETE /schema_registry/{name}"),
    item("read_changes_nothing", "GET /schema_registry/{name}"),
    ("GEN-19", "GET /schema_registry/{name}", "read_is_safe"),
)


def counting(name: str) -> Callable[[Reply], Reply]:
    """Every read finds one more."""
    reads: list[None] = []

    def count(body: dict[str, Any]) -> None:
        reads.append(None)
        body[name] = f"read {len(reads)} times"

    return edit(count)


seed(
    "a rule remembers who read it",
    on("GET /rules/{id}", counting("description"), 200),
    item("read_changes_nothing", "GET /rules/{id}"),
    ("GEN-19", "GET /rules/{id}", "read_is_safe"),
)

# --- refusals ---------------------------------------------------------------------------------------------------------

TOUCHED = {"description": "touched"}
for label, part in (
    ("PUT /rules/{id}", lambda body: TOUCHED),
    (f"PUT {paths.USER}", lambda body: {"password": "other", "is_superuser": True}),
    (f"POST {paths.USER_RULES}", lambda body: body[:1]),
    (f"POST {paths.CLIENT_RULES}", lambda body: body[:1]),
    ("POST /publish/bulk", lambda body: [{"qos": 0, "payload_encoding": "plain", **body[0]}]),
    ("POST /clients/kickout/bulk", lambda body: body[:1]),
    ("POST /clients/{clientid}/subscribe/bulk", lambda body: [{"nl": 0, "rap": 0, "rh": 0, **body[0]}]),
    ("POST /clients/{clientid}/unsubscribe/bulk", lambda body: body[:1]),
):
    seed(
        f"{label} is refused and carried out in part",
        carried_out_in_part(label, part),
        item("invalid_write_changes_nothing", label),
        ("GEN-22", label, "refusal_changes_nothing"),
    )
