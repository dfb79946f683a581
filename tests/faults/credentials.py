"""Faults of the requirements on credentials: who is let in, as whom, and what a refusal leaves (GEN).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable

from conformance.contract import paths
from conformance.reference.pipeline import app
from conformance.reference.rest.credentials import check_role
from conformance.reference.rest.http import ApiError
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.refusals import carried_out_after_all
from tests.faults.seeded import Broken, broken, edit, error_reply, json_reply, on, seed


def item(test: str, subject: str) -> str:
    return f"conformance/fuzz/test_credentials.py::test_{test}[{subject}]"


def with_scheme(label: str, scheme: str, change: Callable[[Reply], Reply]) -> Fault:
    """Change the answers of an operation to requests whose Authorization header starts like that."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        return change(reply) if request.is_for(label) and (request.authorization or "-").startswith(scheme) else reply

    return fault


UNAUTHORIZED = error_reply(401, "BAD_TOKEN")

# --- bearer and basic -------------------------------------------------------------------------------------------------

seed(
    "one list takes no bearer tokens",
    with_scheme("GET /rule_events", "Bearer", lambda reply: UNAUTHORIZED),
    item("bearer_reads_what_basic_reads", "GET /rule_events"),
    ("GEN-03", "GET /rule_events", "bearer_as_basic"),
)
seed(
    "a bearer token sees fewer types",
    with_scheme("GET /action_types", "Bearer", edit(lambda types: types.pop())),
    item("bearer_reads_what_basic_reads", "GET /action_types"),
    ("GEN-03", "GET /action_types", "bearer_as_basic"),
)

# --- the order of checks ----------------------------------------------------------------------------------------------

BAD_JSON = error_reply(400, "BAD_REQUEST", "Invalid json message received")


def parsed_first(request: Request, forward: Callable[[], Reply]) -> Reply:
    return BAD_JSON if request.is_for("POST /publish") and request.json is None else forward()


seed(
    "a body is parsed before the credentials are checked",
    parsed_first,
    item("credentials_come_first", "POST /publish"),
    ("GEN-04", "POST /publish", "credentials_first"),
)
for status, name in ((401, "credentials_come_first"), (403, "roles_come_first")):
    seed(
        f"what does not exist is looked up before a {status}",
        on("DELETE /rules/{id}", lambda reply: error_reply(404, "NOT_FOUND"), status),
        item(name, "DELETE /rules/{id}"),
        ("GEN-04", "DELETE /rules/{id}", "credentials_first"),
    )

# --- roles ------------------------------------------------------------------------------------------------------------


def role_check(allowed: Callable[[str, str], bool | None]) -> Broken:
    """Decide by role and label whether a request is allowed; None leaves it to the deployment."""

    def make(original: Callable[[str, str], None]) -> Callable[[str, str], None]:
        def check(role: str, label: str) -> None:
            decision = allowed(role, label)
            if decision is None:
                original(role, label)
            elif not decision:
                raise ApiError(403, "UNAUTHORIZED_ROLE", "not you")

        return check

    return broken(app, "check_role", make)


assert app.check_role is check_role
seed(
    "a viewer may delete rules",
    role_check(lambda role, label: True if (role, label) == ("viewer", "DELETE /rules/{id}") else None),
    item("viewer_writes_nothing", "DELETE /rules/{id}"),
    ("GEN-05", "DELETE /rules/{id}", "viewer_forbidden"),
)
seed(
    "a viewer may not see who is banned",
    role_check(lambda role, label: False if (role, label) == ("viewer", "GET /banned") else None),
    item("viewer_reads", "GET /banned"),
    ("GEN-05", "GET /banned", "viewer_reads"),
)
seed(
    "a publisher may list clients",
    role_check(lambda role, label: True if (role, label) == ("publisher", "GET /clients") else None),
    item("publisher_only_publishes", "GET /clients"),
    ("GEN-05", "GET /clients", "publisher_forbidden"),
)
seed(
    "a publisher publishes one message at a time only",
    role_check(lambda role, label: False if (role, label) == ("publisher", "POST /publish/bulk") else None),
    item("publisher_only_publishes", "POST /publish/bulk"),
    ("GEN-05", "POST /publish/bulk", "publisher_publishes"),
)
seed(
    "a role that does not suffice is called a bad request",
    on("POST /banned", edit(lambda body: body.update(code="BAD_REQUEST")), 403),
    (item("viewer_writes_nothing", "POST /banned"), item("publisher_only_publishes", "POST /banned")),
    ("GEN-05", "POST /banned", "viewer_forbidden"),
    ("GEN-05", "POST /banned", "publisher_forbidden"),
    ("GEN-14", "POST /banned", "response_schema"),
)

# --- malformed headers ------------------------------------------------------------------------------------------------

TYPES = json_reply(200, ["http"])
for what, header in (
    ("an unknown scheme", "Token"),
    ("Basic that is no base64", "Basic %"),
    ("Basic without a colon", "Basic bm8tY29sb24="),
    ("an illegal bearer token", "Bearer {"),
    ("an empty header", ""),
):
    seed(
        f"{what} lets everybody in",
        lambda request, forward, header=header: (
            TYPES
            if request.is_for("GET /action_types")
            and request.authorization is not None
            and (request.authorization.startswith(header) if header else not request.authorization)
            else forward()
        ),
        item("malformed_authorization", "GET /action_types"),
        ("GEN-34", "GET /action_types", "malformed_authorization"),
    )
seed(
    "Digest is malformed",
    with_scheme("GET /action_types", "Digest", lambda reply: Reply(400, {}, b"")),
    item("malformed_authorization", "GET /action_types"),
    ("GEN-34", "GET /action_types", "digest_refused"),
)

# --- what a refusal leaves --------------------------------------------------------------------------------------------


for label, status in (
    ("POST /connectors", 401),
    ("DELETE /actions/{id}", 403),
    ("PUT /actions/{id}/enable/{enable}", 403),
    ("PUT /actions/{id}/metrics/reset", 403),
    ("PUT /rules/{id}", 401),
    ("POST /rules/{id}/test", 403),
    ("PUT /rules/{id}/metrics/reset", 401),
    ("POST /schema_registry", 403),
    (f"PUT {paths.USER}", 403),
    (f"POST {paths.IMPORT_USERS}", 401),
    (f"POST {paths.USER_RULES}", 403),
    (f"PUT {paths.RULES_OF_CLIENT}", 401),
    (f"POST {paths.RULES_OF_ALL}", 403),
    ("DELETE /clients/{clientid}", 401),
    ("POST /clients/kickout/bulk", 403),
    ("DELETE /clients/{clientid}/authorization/cache", 403),
    ("POST /clients/{clientid}/subscribe", 403),
    ("POST /clients/{clientid}/unsubscribe/bulk", 401),
    ("POST /publish", 401),
    ("POST /publish/bulk", 403),
    (f"DELETE {paths.RETAINED_MESSAGE}", 403),
    ("POST /banned", 401),
    ("DELETE /banned", 403),
    (f"DELETE {paths.BAN}", 401),
):
    seed(
        f"{label} is refused with {status} and carried out",
        carried_out_after_all(label, status),
        item("unauthorized_write_changes_nothing", label),
        ("GEN-35", label, "refusal_changes_nothing"),
    )
