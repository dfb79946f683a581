"""Faults of requests about several things at once (GEN)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from conformance.contract import paths
from conformance.reference.access import import_handlers
from conformance.reference.rest.http import Call, Handler
from tests.faults.proxy import Reply, Request
from tests.faults.seeded import Broken, broken, broken_handler, error_reply, scenario, seed, swallow

PUBLISH, IMPORT = "POST /publish/bulk", f"POST {paths.IMPORT_USERS}"
SUBSCRIBE, UNSUBSCRIBE = (f"POST /clients/{{clientid}}/{what}/bulk" for what in ("subscribe", "unsubscribe"))
KICK, RULES = "POST /clients/kickout/bulk", f"POST {paths.USER_RULES}"
KEYS = {PUBLISH: "topic", SUBSCRIBE: "topic", RULES: "username", f"POST {paths.CLIENT_RULES}": "clientid"}


def done(label: str, case: str) -> str:
    return scenario("batches", f"batch_is_carried_out_in_order[{label}-{case}]")


def refused(label: str, place: str) -> str:
    return scenario("batches", f"bad_element_refuses_the_batch[{label}-{place}]")


def taking(label: str, edit: Callable[[list[Any]], list[Any]]) -> Broken:
    """Some of the elements are carried out, or in another order."""

    def make(handler: Handler) -> Handler:
        return lambda call: handler(replace(call, body=edit(call.body), checked=edit(call.checked)))

    return broken_handler(label, make)


def first_of_each(name: str) -> Callable[[list[Any]], list[Any]]:
    return lambda body: [*{item[name]: item for item in reversed(body)}.values()]


for label, name in KEYS.items():
    seed(f"{label} keeps the first of two", taking(label, first_of_each(name)), done(label, "a key twice"), "GEN-63")

seed(
    "an import keeps the first of two rows",
    broken(
        import_handlers,
        "users_of_rows",
        lambda original: lambda *args, **options: [*reversed(original(*args, **options))],
    ),
    (
        done(IMPORT, "a key twice"),
        scenario("batches", "uploaded_batch_is_carried_out_in_order[a key twice]"),
    ),
    "GEN-63",
)
seed(
    "an import leaves out its last row",
    broken(import_handlers, "users_of_rows", lambda original: lambda *args, **options: original(*args, **options)[:-1]),
    done(IMPORT, "two elements"),
    "GEN-63",
)
seed("ten rules at most", taking(RULES, lambda body: body[:10]), done(RULES, "many elements"), "GEN-63")
seed(
    "two equal messages are one",
    taking(PUBLISH, lambda body: [item for number, item in enumerate(body) if item not in body[:number]]),
    done(PUBLISH, "the same twice"),
    "GEN-63",
)
seed(
    "the last of several clients stays",
    taking(KICK, lambda body: body[:2]),
    done(KICK, "many elements"),
    "GEN-63",
)
seed(
    "an unsubscription that is repeated is refused",
    swallow(
        UNSUBSCRIBE,
        error_reply(400, "BAD_REQUEST"),
        lambda request: len(request.json) > len({item["topic"] for item in request.json}),
    ),
    done(UNSUBSCRIBE, "the same twice"),
    "GEN-63",
)


def one_by_one(handler: Handler) -> Handler:
    """Each element is carried out before the next one is looked at."""

    def handle(call: Call) -> Reply:
        replies = [handler(replace(call, body=[item])) for item in call.body]
        return replies[-1]

    return handle


seed(
    "messages before a bad one are published",
    broken_handler(PUBLISH, one_by_one),
    refused(PUBLISH, "last"),
    "GEN-64",
)


def all_but_bad(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A bad row is left out instead of refusing the import."""
    reply = forward()
    if request.is_for(IMPORT) and reply.status == 400:
        return Reply(
            200, {"content-type": "application/json"}, b'{"total":3,"success":2,"override":0,"failed":1,"skipped":0}'
        )
    return reply


seed(
    "a bad row of an import is left out",
    all_but_bad,
    (refused(IMPORT, "first"), scenario("batches", "bad_row_refuses_the_upload[last]")),
    "GEN-64",
)
seed(
    "kicking out nobody finds nobody",
    swallow(KICK, error_reply(404, "CLIENTID_NOT_FOUND"), lambda request: request.json == []),
    scenario("batches", f"empty_batch[{KICK}]"),
    "GEN-65",
    "GEN-27",
)


def first_counts(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Of a repeated parameter the first one counts."""
    reply = forward()
    limits = parse_qs(request.query).get("limit", [])
    if request.is_for("GET /subscriptions") and len(limits) > 1:
        return reply.with_json({**reply.json, "meta": {**reply.json["meta"], "limit": int(limits[0])}})
    return reply


seed(
    "of a repeated parameter the first one counts",
    first_counts,
    scenario("batches", "repeated_parameter[GET /subscriptions]"),
    "GEN-66",
)
seed(
    "every message of a batch has the QoS of the first",
    taking(PUBLISH, lambda body: [{**item, "qos": body[0]["qos"]} for item in body]),
    done(PUBLISH, "two elements"),
    "GEN-63",
)
