"""Faults of subscribing and unsubscribing clients through the API (CLI-05, CLI-08 to CLI-10, CLI-21, CLI-27).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.session import Session, Subscription
from conformance.reference.mqtt.table import SubscriptionTable
from conformance.reference.mqtt.topics import parse_filter
from conformance.reference.mqtt_operations import client_subscriptions, subscriptions
from conformance.reference.rest.http import Call, Handler
from conformance.reference.rest.http import Reply as Answer
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import (
    EMPTY,
    Broken,
    always,
    broken,
    broken_handler,
    changed_body,
    edit,
    edited,
    error_reply,
    json_reply,
    nothing,
    on,
    scenario,
    seed,
    swallow,
)

PULL = "https://github.com/emqx/emqx/pull/"
SUBSCRIBE = "POST /clients/{clientid}/subscribe"
SUBSCRIBE_SEVERAL = f"{SUBSCRIBE}/bulk"
UNSUBSCRIBE = "POST /clients/{clientid}/unsubscribe"
UNSUBSCRIBE_SEVERAL = f"{UNSUBSCRIBE}/bulk"
OF_CLIENT = "GET /clients/{clientid}/subscriptions"
LIST = "GET /subscriptions"
NO_SUBSCRIPTIONS = json_reply(200, {"data": [], "meta": {"page": 1, "limit": 100, "hasnext": False, "count": 0}})


def item(name: str) -> str:
    return scenario("client_subscriptions", name)


# --- subscribing and unsubscribing ------------------------------------------------------------------------------------

ONE = item("subscription_through_the_api")
BULK = item("several_subscriptions_through_the_api")
seed(
    "subscriptions through the API receive nothing",
    broken(SubscriptionTable, "add", nothing),
    (ONE, BULK),
    "CLI-05",
)
seed("a client shows no subscriptions", on(OF_CLIENT, lambda _: json_reply(200, []), 200), (ONE, BULK), "CLI-05")
seed("the list of all shows no subscriptions", on(LIST, lambda _: NO_SUBSCRIPTIONS, 200), (ONE, BULK), "CLI-05")
seed("unsubscribing does nothing", swallow(UNSUBSCRIBE, EMPTY), ONE, "CLI-05")
seed(
    "messages still come after unsubscribing",
    broken(SubscriptionTable, "discard", nothing),
    ONE,
    "CLI-05",
)
seed(
    "unsubscribing ends every subscription",
    broken(
        Broker,
        "unsubscribe",
        lambda _: lambda self, session, topic_filter: self.unsubscribe_all(session),
    ),
    (ONE, BULK),
    "CLI-05",
)
seed(
    "only what is subscribed can be unsubscribed",
    broken_handler(UNSUBSCRIBE, lambda handler: lambda call: _known(call) and handler(call)),
    ONE,
    "CLI-05",
    "GEN-15",
)
seed(
    "a client that has just connected is unknown to its bulk subscription",
    on(SUBSCRIBE_SEVERAL, lambda _: error_reply(404, "CLIENTID_NOT_FOUND"), 200),
    BULK,
    ("CLI-05", SUBSCRIBE_SEVERAL, "several_subscriptions_through_the_api"),
    origin=f"{PULL}9712",
)


def _known(call: Any) -> bool:
    session = call.deployment.broker.sessions[call.path["clientid"]]
    return bool(session.subscriptions[call.body["topic"]])


def only_the_first(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda call: handler(replace(call, body=call.body[:1]))


seed("only the first of several is subscribed", broken_handler(SUBSCRIBE_SEVERAL, only_the_first), BULK, "CLI-05")
seed("only the first of several is unsubscribed", broken_handler(UNSUBSCRIBE_SEVERAL, only_the_first), BULK, "CLI-05")

OF_ANY_VERSION = broken(
    client_subscriptions,
    "_subscribe",
    lambda subscribe: (
        lambda call, session, parsed, wanted: (
            subscribe(call, session, parsed, wanted)
            if session.peer.version == 5
            else {"clientid": session.clientid, "node": session.peer.node, **wanted}
        )
    ),
)
seed("the API subscribes no client of MQTT 3.1.1", OF_ANY_VERSION, BULK, "CLI-05")


def without_prefix(body: list[dict[str, Any]]) -> None:
    for each in body:
        each["topic"] = parse_filter(each["topic"]).topic


seed(
    "a bulk unsubscription takes a group for its topic",
    changed_body(UNSUBSCRIBE_SEVERAL, without_prefix),
    BULK,
    "CLI-05",
    origin=f"{PULL}12598",
)

# --- sessions whose client is away ------------------------------------------------------------------------------------

AWAY = item("subscriptions_of_an_absent_client")


def only_of_the_present(label: str, answer: Reply) -> Broken:
    """The operation knows no client that is away, and answers something else."""

    def make(handler: Handler) -> Handler:
        def handle(call: Call) -> Any:
            session = client_subscriptions.session_of(call)
            return handler(call) if session.connected else Answer(answer.status, answer.json if answer.body else None)

        return handle

    return broken_handler(label, make)


for label, answer in (
    (SUBSCRIBE, error_reply(404, "CLIENTID_NOT_FOUND")),
    (UNSUBSCRIBE, EMPTY),
    (OF_CLIENT, json_reply(200, [])),
):
    seed(
        f"{label} answers {answer.status} for a client that is away",
        only_of_the_present(label, answer),
        AWAY,
        "CLI-27",
    )
seed(
    "the list of all has no subscriptions of clients that are away",
    broken(
        subscriptions,
        "_wanted",
        lambda wanted: lambda subscription, *rest: subscription.session.connected and wanted(subscription, *rest),
    ),
    AWAY,
    "CLI-27",
)


def forgetting(attach: Callable[..., None]) -> Callable[..., None]:
    """A client that comes back has the subscriptions that it made itself: none, of this item."""

    def attached(self: Session, *rest: Any) -> None:
        self.broker.unsubscribe_all(self)
        attach(self, *rest)

    return attached


seed("subscriptions through the API end with the connection", broken(Session, "attach", forgetting), AWAY, "CLI-27")

# --- bulk forms that fail in part -------------------------------------------------------------------------------------

IN_PART = item("bulk_subscription_that_fails_in_part")
seed(
    "a bulk subscription does not tell what failed",
    on(SUBSCRIBE_SEVERAL, lambda reply: reply.with_json(reply.json["succeed"]), 200),
    IN_PART,
    "CLI-23",
)
seed(
    "a bulk subscription says that all failed",
    on(SUBSCRIBE_SEVERAL, edit(lambda body: body.update(succeed=[], failed=body["failed"] * 2)), 200),
    IN_PART,
    "CLI-23",
)
seed(
    "a bulk subscription counts its failures twice",
    on(SUBSCRIBE_SEVERAL, edit(lambda body: body.update(failed=body["failed"] * 2)), 200),
    IN_PART,
    "CLI-23",
)
seed(
    "a bulk subscription that fails in part subscribes to nothing",
    broken(Broker, "subscribe", lambda _: lambda self, *args: Subscription(*args)),
    IN_PART,
    "CLI-23",
)

# --- what is refused --------------------------------------------------------------------------------------------------

NO_LOCAL = item("no_local_on_a_shared_subscription")
seed(
    "no-local is allowed for a group",
    broken(client_subscriptions, "_filter", lambda _: lambda call, wanted: parse_filter(wanted["topic"])),
    NO_LOCAL,
    "CLI-08",
)
seed(
    "no-local for a group is a bad request like any",
    on(SUBSCRIBE, edit(lambda body: body.update(code="BAD_REQUEST")), 400),
    NO_LOCAL,
    "CLI-08",
)


def subscribing(check: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is refused is subscribed to all the same."""

    def subscribed(call: Any, wanted: Any) -> Any:
        parsed = parse_filter(wanted["topic"])
        session = client_subscriptions.session_of(call)
        client_subscriptions._subscribe(call, session, parsed, wanted)
        return check(call, wanted)

    return subscribed


MALFORMED = tuple(
    item(f"malformed_filter[{which}]")
    for which in ("levels after the last", "wildcard in a level", "wildcard in a group")
)
seed("a refused no-local is subscribed", broken(client_subscriptions, "_filter", subscribing), NO_LOCAL, "CLI-08")
seed("a refused filter is subscribed", broken(client_subscriptions, "_filter", subscribing), MALFORMED[:2], "CLI-09")
seed(
    "any text is a topic filter",
    broken(client_subscriptions, "is_topic_filter", always(True)),
    MALFORMED[:2],
    ("CLI-09", SUBSCRIBE, "malformed_filter"),
)
seed(
    "a malformed group crashes",
    swallow(SUBSCRIBE, error_reply(500, "UNKNOWN_ERROR"), lambda request: "$share/a+b" in request.json["topic"]),
    MALFORMED[2],
    ("CLI-09", SUBSCRIBE, "malformed_filter"),
    "GEN-15",
)
NO_TOPIC = item("unsubscribe_without_topic")
seed(
    "unsubscribing without a topic crashes",
    swallow(UNSUBSCRIBE, error_reply(500, "INTERNAL_ERROR"), lambda request: request.json == {}),
    NO_TOPIC,
    ("CLI-10", UNSUBSCRIBE, "unsubscribe_without_topic"),
    "GEN-15",
)
seed(
    "unsubscribing without a topic is fine",
    swallow(UNSUBSCRIBE, EMPTY, lambda request: request.json == {}),
    NO_TOPIC,
    ("CLI-10", UNSUBSCRIBE, "unsubscribe_without_topic"),
)


def ending_all() -> Fault:
    """Who unsubscribes without a topic is told that this is wrong, and has no subscriptions any more."""
    ended: set[str] = set()

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        client = request.path.rpartition("/")[0]
        if request.is_for(UNSUBSCRIBE) and request.json == {}:
            ended.add(client)
        return json_reply(200, []) if request.is_for(OF_CLIENT) and client in ended else forward()

    return fault


seed("unsubscribing without a topic ends every subscription", ending_all(), NO_TOPIC, "CLI-10")
for label, answer in (
    (SUBSCRIBE, json_reply(200, {"clientid": "c", "topic": "t", "qos": 0, "nl": 0, "rap": 0, "rh": 0, "node": "n"})),
    (SUBSCRIBE_SEVERAL, json_reply(200, [])),
    (UNSUBSCRIBE, EMPTY),
    (UNSUBSCRIBE_SEVERAL, EMPTY),
    (OF_CLIENT, json_reply(200, [])),
):
    seed(
        f"{label} takes an unknown client for one without subscriptions",
        on(label, lambda _, answer=answer: answer, 404),
        item("unknown_client_has_no_subscriptions"),
        ("CLI-21", label, "unknown_client_has_no_subscriptions"),
    )


def without_options(shown: dict[str, Any], subscription: Any) -> None:
    if not subscription.session.connected:
        shown["qos"] = 0


seed(
    "the list of all shows no QoS of clients that are away",
    broken(subscriptions, "subscription_object", edited(without_options)),
    AWAY,
    "CLI-27",
)
