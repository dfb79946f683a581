"""Faults of the requirements on how requests are read (GEN).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from conformance.contract import paths
from conformance.reference.access.access import Access
from conformance.reference.pipeline import app
from conformance.reference.rest.http import Call, Handler
from conformance.reference.rest.http import Reply as Answer
from tests.faults.proxy import Reply, Request
from tests.faults.refusals import carried_out_in_part
from tests.faults.seeded import before, broken, broken_handler, edit, error_reply, json_reply, on, seed, swallow


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
    seed(
        f"a new rule is no JSON with {what}",
        swallow("POST /rules", NO_JSON, condition),
        item("media_type_parameters", "POST /rules"),
        ("GEN-10", "POST /rules", "accepts_valid"),
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

# --- ids --------------------------------------------------------------------------------------------------------------


def identifiers(test: str, path: str = "") -> str:
    return f"conformance/scenarios/test_identifiers.py::test_{test}" + (f"[{path}]" if path else "")


def decoded_again(original: Callable[..., list[str]]) -> Callable[..., list[str]]:
    return lambda raw_path, remove_dots: [unquote(segment) for segment in original(raw_path, remove_dots=remove_dots)]


def plus_is_a_space(original: Callable[..., list[str]]) -> Callable[..., list[str]]:
    return lambda raw_path, remove_dots: original(raw_path.replace(b"%2B", b"%20"), remove_dots=remove_dots)


for what, decode in (("decoded twice", decoded_again), ("read like a query", plus_is_a_space)):
    for test, path in (
        ("ids_are_decoded_once", paths.USER),
        ("ids_are_decoded_once", paths.RULES_OF_CLIENT),
        ("subjects_of_bans_are_decoded_once", ""),
        ("client_ids_are_decoded_once", ""),
    ):
        seed(
            f"{path or test}: ids are {what}",
            broken(app, "decode_segments", decode),
            identifiers(test, path),
            "GEN-20",
        )


def decoding_the_client_id(call: Call) -> None:
    call.path["clientid"] = unquote(call.path["clientid"])


for label in (
    "POST /clients/{clientid}/subscribe",
    "GET /clients/{clientid}/mqueue_messages",
    "GET /clients/{clientid}/authorization/cache",
):
    seed(
        f"the client id of {label} is decoded twice",
        before(label, decoding_the_client_id),
        identifiers("client_ids_are_decoded_once"),
        "GEN-20",
    )
seed(
    "topics are decoded twice",
    broken(app, "decode_segments", decoded_again),
    identifiers("topics_are_decoded_once"),
    "GEN-20",
)
seed(
    "ids of 255 bytes are too long",
    lambda request, forward: UNKNOWN if len(unquote(request.path.rpartition("/")[2])) >= 255 else forward(),
    identifiers("ids_are_decoded_once", paths.USER),
    "GEN-20",
)
seed(
    "dots are steps in a path",
    broken(app, "decode_segments", lambda original: lambda raw_path, remove_dots: original(raw_path, remove_dots=True)),
    identifiers("dots_are_no_steps"),
    "GEN-21",
)

seed(
    "the ban of two dots is every ban",
    broken(app, "decode_segments", lambda original: lambda raw_path, remove_dots: original(raw_path, remove_dots=True)),
    identifiers("dots_lift_no_ban"),
    "GEN-21",
)

# --- creations at once ------------------------------------------------------------------------------------------------


def concurrent(test: str, label: str) -> str:
    return f"conformance/scenarios/test_concurrency.py::test_{test}[{label}]"


def winning(label: str, status: int) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Whoever comes too late is told what the winner was told."""
    won: list[Reply] = []

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if request.is_for(label):
            won.extend([reply] * (reply.status == status))
            return won[-1] if reply.status in (400, 409) and won else reply
        return reply

    return fault


for label, test, requirement, status in (
    (f"POST {paths.USERS}", "one_of_equal_creations_wins", "GEN-23", 201),
    (f"POST {paths.USER_RULES}", "one_of_equal_creations_wins", "GEN-23", 204),
    ("POST /banned", "one_of_equal_creations_wins", "GEN-23", 200),
    ("POST /connectors", "one_of_equal_configurations_wins", "GEN-36", 201),
    ("POST /actions", "one_of_equal_configurations_wins", "GEN-36", 201),
    ("POST /rules", "one_of_equal_configurations_wins", "GEN-36", 201),
    ("POST /schema_registry", "one_of_equal_configurations_wins", "GEN-36", 201),
):
    seed(f"{label} is won by all who try at once", winning(label, status), concurrent(test, label), requirement)


def table_written_back(original: Handler) -> Handler:
    """Who creates a user writes back the table as it was before, with that user."""

    async def create(call: Call) -> Any:
        authenticator = call.deployment.part(Access).authenticator
        assert authenticator is not None
        users, before = authenticator.users, dict(authenticator.users)
        await asyncio.sleep(0.01)
        reply = original(call)
        mine = {call.body["user_id"]: users[call.body["user_id"]]}
        users.clear()
        users.update(before | mine)
        return reply

    return create


seed(
    "of users that are created at once one is left",
    broken_handler(f"POST {paths.USERS}", table_written_back),
    concurrent("different_creations_all_succeed", f"POST {paths.USERS}"),
    "GEN-23",
)
seed(
    "a duplicate user is a bad request",
    on(f"POST {paths.USERS}", lambda reply: error_reply(400, "BAD_REQUEST"), 409),
    concurrent("one_of_equal_creations_wins", f"POST {paths.USERS}"),
    "GEN-23",
)

# --- wrong bodies and filters -----------------------------------------------------------------------------------------


def wrong(test: str, label: str = "") -> str:
    return f"conformance/scenarios/test_wrong_bodies.py::test_{test}" + (f"[{label}]" if label else "")


def with_authorization(request: Request, forward: Callable[[], Reply]) -> Reply:
    reply = forward()
    if request.is_for(f"PUT {paths.RULES_OF_USER}") and reply.status == 400:
        return error_reply(400, "BAD_REQUEST", f"no such clause: {request.authorization}")
    return reply


seed(
    "an error repeats the credentials",
    with_authorization,
    wrong("error_repeats_no_credentials"),
    "GEN-24",
    ("GEN-16", f"PUT {paths.RULES_OF_USER}", "no_internals"),
)
seed(
    "a number is the topic of an authorization rule",
    on(f"PUT {paths.RULES_OF_USER}", lambda reply: Reply(204, {}, b""), 400),
    wrong("value_of_another_type_is_refused", f"PUT {paths.RULES_OF_USER}"),
    "GEN-25",
)
for text in (b"null", b"{}"):
    seed(
        f"{text.decode()} kicks nobody",
        swallow("POST /clients/kickout/bulk", Reply(204, {}, b""), lambda request, text=text: request.body == text),
        wrong("no_array_is_refused", "POST /clients/kickout/bulk"),
        "GEN-26",
    )
seed(
    "an empty filter crashes",
    swallow(
        f"GET {paths.USER_RULES}",
        error_reply(500, "INTERNAL_ERROR"),
        lambda request: request.query == "like_username=",
    ),
    wrong("empty_filter", f"GET {paths.USER_RULES}"),
    "GEN-39",
    ("GEN-15", f"GET {paths.USER_RULES}", "no_server_error"),
)

# --- effects ----------------------------------------------------------------------------------------------------------


def effects(test: str, label: str) -> str:
    return f"conformance/fuzz/test_effects.py::test_{test}[{label}]"


def growing(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Every PUT of a schema leaves a longer description."""
    if request.is_for("PUT /schema_registry/{name}"):
        puts.append(request.path)
    reply = forward()
    if request.is_for("GET /schema_registry/{name}") and reply.status == 200:
        return reply.with_json({**reply.json, "description": "more" * len(puts)})
    return reply


puts: list[str] = []
seed(
    "a schema grows with every PUT",
    growing,
    effects("put_again_changes_nothing", "PUT /schema_registry/{name}"),
    ("GEN-37", "PUT /schema_registry/{name}", "put_again"),
)


def stale(label: str, written: str) -> Callable[[Request, Callable[[], Reply]], Reply]:
    """The first read after a write shows what was there before."""
    known: list[Reply] = []
    late: list[bool] = []

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if request.is_for(written):
            late.append(True)
        elif request.is_for(label):
            if late and known:
                late.clear()
                return known[-1]
            known.append(reply)
        return reply

    return fault


seed(
    "a rule is read as it was before",
    stale("GET /rules/{id}", "PUT /rules/{id}"),
    effects("write_is_seen_at_once", "PUT /rules/{id}"),
    ("GEN-38", "PUT /rules/{id}", "seen_at_once"),
)
