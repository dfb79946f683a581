"""Faults of fields without effect, and of what is told of a sender (IGN).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference.mqtt import connection, sessions
from conformance.reference.mqtt_operations import publish
from conformance.reference.rest.http import Call, Handler
from tests.faults.cases import case
from tests.faults.seeded import broken, broken_handler, changed_body, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"

# --- the client id of a message ---------------------------------------------------------------------------------------


def forged(change: Callable[[Any, dict[str, Any]], object]) -> Any:
    """A message is changed by what its body says."""

    def make(make_message: Any) -> Any:
        def made(call: Call, item: dict[str, Any]) -> Any:
            message = make_message(call, item)
            change(message, item)
            return message

        return made

    return broken(publish, "_message", make)


def is_banned(call: Call, clientid: Any) -> bool:
    return bool(clientid) and bool(call.deployment.access.is_banned(clientid, None, "127.0.0.1"))


seed(
    "the client id in a message to publish is its sender",
    forged(lambda message, item: setattr(message, "from_clientid", item.get("clientid") or message.from_clientid)),
    (
        case("ignored_fields", "client_id_of_a_message", forged="subscriber", no_local=True),
        case("ignored_fields", "client_id_of_a_message", forged="nobody", via="bulk"),
    ),
    "IGN-01",
    origin=f"{PULL}9667",
)
seed(
    "an empty client id in a message to publish is its sender",
    forged(lambda message, item: setattr(message, "from_clientid", item.get("clientid", message.from_clientid))),
    case("ignored_fields", "client_id_of_a_message", forged="nothing", via="single"),
    "IGN-01",
)


def unheard(routed: Any) -> Any:
    def route(call: Call, message: Any) -> Any:
        items = call.body if isinstance(call.body, list) else [call.body]
        if any(is_banned(call, item.get("clientid")) for item in items):
            return {"id": message.id}
        return routed(call, message)

    return route


seed(
    "a message with the client id of a banned client is not published",
    broken(publish, "_routed", unheard),
    case("ignored_fields", "client_id_of_a_message", forged="banned", via="bulk"),
    "IGN-01",
)

# --- senders ----------------------------------------------------------------------------------------------------------

seed(
    "rules are told of an address for what the API publishes",
    forged(lambda message, _: message.headers.update(peerhost="127.0.0.1")),
    case("ignored_fields", "sender_of_a_message", via="single"),
    "IGN-02",
)


def anonymous(message_of: Any) -> Any:
    def make(*args: Any) -> Any:
        message = message_of(*args)
        message.from_username = None
        return message

    return make


seed(
    "the user of a client's message is not kept",
    broken(connection, "message_of", anonymous),
    case("ignored_fields", "sender_of_a_message", via="mqtt5", username=True),
    "IGN-02",
)


def without_user(make: Any) -> Any:
    def message(**fields: Any) -> Any:
        return make(**{**fields, "from_username": None})

    return message


seed(
    "the user of a will is not kept",
    broken(sessions, "Message", without_user),
    case("ignored_fields", "sender_of_a_message", via="will", username=True),
    "IGN-02",
)

# --- bodies -----------------------------------------------------------------------------------------------------------


DEPRECATED = "deprecated_fields_of_bridges"
seed(
    "the former options of requests decide about the new ones",
    changed_body("PUT /connectors/{id}", lambda body: body.update(connect_timeout="7s") if "request" in body else None),
    scenario("ignored_fields", f"{DEPRECATED}[connector]"),
    "IGN-03",
)
seed(
    "the former pause before connecting again is the interval of health checks",
    changed_body(
        "PUT /connectors/{id}",
        lambda body: body["resource_opts"].update(health_check_interval=body.get("reconnect_interval", "15s")),
    ),
    scenario("ignored_fields", f"{DEPRECATED}[mqtt-connector]"),
    "IGN-03",
)
seed(
    "the former time of a request is that of the action",
    changed_body(
        "PUT /actions/{id}",
        lambda body: body["resource_opts"].update(request_ttl=body["parameters"].get("request_timeout", "45s")),
    ),
    scenario("ignored_fields", f"{DEPRECATED}[action]"),
    "IGN-03",
)


def by_body(handler: Handler) -> Handler:
    def handle(call: Call) -> Any:
        return handler(replace(call, path={"id": call.body.get("id", call.path["id"])}))

    return handle


seed(
    "the id in the body decides which rule is changed",
    broken_handler("PUT /rules/{id}", by_body),
    scenario("ignored_fields", "id_in_the_body_of_a_rule"),
    "IGN-04",
)


def superusers(rows: Any) -> None:
    for row in rows:
        row.setdefault("is_superuser", row.get("superuser", False))


seed(
    "a field that no user has makes an imported one a superuser",
    changed_body(f"POST {paths.IMPORT_USERS}", superusers),
    scenario("ignored_fields", "other_fields_of_imported_users"),
    "IGN-05",
)
