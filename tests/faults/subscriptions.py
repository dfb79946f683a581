"""Faults of subscriptions (CLI-05 to CLI-10, CLI-19 to CLI-21, SUB).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from conformance.reference import client_subscriptions, subscriptions
from conformance.reference.mqtt import table
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.table import Subscription, SubscriptionTable
from conformance.reference.mqtt.topics import parse_filter
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import (
    EMPTY,
    always,
    broken,
    broken_handler,
    edit,
    error_reply,
    in_each,
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


def with_options(subscription: Subscription, **options: int) -> Subscription:
    return replace(subscription, options=replace(subscription.options, **options))


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

# --- options ----------------------------------------------------------------------------------------------------------

QOS = item("qos_of_a_subscription")
OPTIONS = item("options_of_a_subscription")
EFFECT = item("options_have_their_effect")
seed(
    "a client cannot be subscribed without qos",
    swallow(SUBSCRIBE, error_reply(500, "INTERNAL_ERROR"), lambda request: "qos" not in request.json),
    QOS,
    "CLI-06",
    "GEN-15",
    origin=f"{PULL}9703",
)


def at_least(least: int) -> Callable[[Any], Any]:
    """A QoS below ``least`` is raised to it."""

    def raised(subscribe: Callable[..., Any]) -> Callable[..., Any]:
        return lambda call, session, parsed, wanted: subscribe(
            call, session, parsed, {**wanted, "qos": max(least, wanted["qos"])}
        )

    return raised


seed("the default QoS of a subscription is 1", broken(client_subscriptions, "_subscribe", at_least(1)), QOS, "CLI-06")
seed(
    "a subscription is listed with another QoS",
    on(OF_CLIENT, lambda reply: in_each(None, lambda entry: entry.update(qos=0))(reply), 200),
    QOS,
    "CLI-06",
)
seed(
    "messages are delivered with the QoS they were published with",
    broken(
        Session,
        "deliver",
        lambda deliver: (
            lambda self, message, subscription, retained=False: deliver(
                self, message, with_options(subscription, qos=2), retained
            )
        ),
    ),
    QOS,
    "CLI-06",
)
seed(
    "messages are delivered with the QoS of the subscription",
    broken(
        Session,
        "deliver",
        lambda deliver: (
            lambda self, message, subscription, retained=False: deliver(
                self, replace(message, qos=subscription.options.qos), subscription, retained
            )
        ),
    ),
    QOS,
    "CLI-06",
)
for name in ("nl", "rap", "rh"):
    seed(
        f"a subscription is listed without {name}",
        on(OF_CLIENT, lambda reply, name=name: in_each(None, lambda entry: entry.update({name: 0}))(reply), 200),
        OPTIONS,
        "CLI-19",
    )
    seed(
        f"a subscription is answered without {name}",
        on(SUBSCRIBE, lambda reply, name=name: edit(lambda body: body.update({name: 0}))(reply), 200),
        OPTIONS,
        "CLI-19",
    )
seed(
    "a subscription is answered without its prefix",
    on(SUBSCRIBE, edit(lambda body: body.update(topic=parse_filter(body["topic"]).topic)), 200),
    OPTIONS,
    "CLI-19",
    origin=f"{PULL}12598",
)
seed(
    "a client receives what it publishes in spite of no-local",
    broken(
        Session,
        "deliver",
        lambda deliver: (
            lambda self, message, subscription, retained=False: deliver(
                self, message, with_options(subscription, nl=0), retained
            )
        ),
    ),
    EFFECT,
    "CLI-20",
)
seed(
    "every message is delivered as it was retained",
    broken(
        Session,
        "deliver",
        lambda deliver: (
            lambda self, message, subscription, retained=False: deliver(
                self, message, with_options(subscription, rap=1), retained
            )
        ),
    ),
    EFFECT,
    "CLI-20",
)
seed(
    "retain as published is ignored",
    broken(
        Session,
        "deliver",
        lambda deliver: (
            lambda self, message, subscription, retained=False: deliver(
                self, message, with_options(subscription, rap=0), retained
            )
        ),
    ),
    EFFECT,
    "CLI-20",
)

# --- shared subscriptions ---------------------------------------------------------------------------------------------

SHARED = tuple(item(f"shared_subscription[{form}]") for form in ("share", "queue"))


def everybody(entries: table._Entries) -> Iterator[Subscription]:
    yield from entries.plain.values()
    for group in entries.groups.values():
        yield from group.members.values()


seed(
    "every member of a group gets every message",
    broken(table._Entries, "receivers", lambda _: everybody),
    SHARED,
    "CLI-07",
)
seed(
    "a member gets a message twice",
    broken(table._Entries, "receivers", lambda get: lambda self: [*get(self)] * 2),
    SHARED,
    "CLI-07",
)
seed(
    "a message to a group is lost now and then",
    broken(table._Group, "next", lambda turn: lambda self: turn(self) if self.turn != 3 else _nobody(self)),
    SHARED,
    "CLI-07",
)
seed(
    "shared subscriptions are listed without their prefix",
    on(OF_CLIENT, in_each(None, lambda entry: entry.update(topic=parse_filter(entry["topic"]).topic)), 200),
    SHARED,
    "CLI-07",
    origin=f"{PULL}12598",
)
seed(
    "shared subscriptions cannot be ended",
    broken(
        Broker,
        "unsubscribe",
        lambda unsubscribe: lambda self, session, parsed: parsed.group is None and unsubscribe(self, session, parsed),
    ),
    SHARED,
    "CLI-07",
    origin=f"{PULL}12598",
)


def _nobody(group: table._Group) -> Subscription:
    """A subscription whose session drops everything."""
    group.turn += 1

    class Dropping:
        def deliver(self, *_: object) -> None:
            pass

    return replace(next(iter(group.members.values())), session=Dropping())


def without(name: str) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    """A filter of GET /subscriptions is ignored."""

    def ignoring(wanted: Callable[..., bool]) -> Callable[..., bool]:
        return lambda subscription, query, **mode: wanted(
            subscription, {key: value for key, value in query.items() if key != name}, **mode
        )

    return ignoring


FILTERS = scenario("subscriptions", "filters_select")
seed(
    "subscriptions are not told by their group",
    broken(subscriptions, "_wanted", without("share_group")),
    FILTERS,
    "SUB-03",
    origin=f"{PULL}11833",
)
seed(
    "a group has no subscriptions",
    on(LIST, in_each("data", lambda entry: entry.update(topic=entry["topic"].replace("$share/", "$shared/"))), 200),
    SHARED[0],
    "CLI-07",
)
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

# --- the list of all --------------------------------------------------------------------------------------------------

OWN = scenario("subscriptions", "subscriptions_of_a_client")
MATCH = scenario("subscriptions", "subscriptions_that_match")
OF_NODE = scenario("subscriptions", "subscriptions_of_a_node")
seed(
    "subscriptions are not told by their client",
    broken(subscriptions, "_wanted", without("clientid")),
    (OWN, FILTERS, OF_NODE),
    "SUB-01",
    "SUB-03",
    "SUB-04",
)
seed(
    "the list of all has no shared subscriptions",
    broken(
        subscriptions,
        "_wanted",
        lambda wanted: (
            lambda subscription, *rest, **mode: (
                subscription.filter.group is None and wanted(subscription, *rest, **mode)
            )
        ),
    ),
    (OWN, FILTERS, MATCH),
    "SUB-01",
    "SUB-02",
    "SUB-03",
)
seed(
    "a client counts one subscription too many",
    on("GET /clients/{clientid}", edit(lambda body: body.update(subscriptions_cnt=body["subscriptions_cnt"] + 1)), 200),
    OWN,
    "SUB-01",
)
seed(
    "the list of all has other options",
    on(LIST, in_each("data", lambda entry: entry.update(qos=0)), 200),
    OWN,
    "SUB-01",
)
for name in ("topic", "qos"):
    seed(
        f"subscriptions are not told by their {name}",
        broken(subscriptions, "_wanted", without(name)),
        FILTERS,
        "SUB-03",
        origin=f"{PULL}7689",
    )
seed("every subscription matches", broken(subscriptions, "_wanted", without("match_topic")), MATCH, "SUB-02")
seed(
    "a subscription matches if its filter does",
    broken(subscriptions, "matches", lambda matches: lambda own, wanted: matches(wanted, own)),
    MATCH,
    "SUB-02",
)
seed(
    "a share prefix can be matched",
    broken(subscriptions, "_check_pattern", nothing),
    MATCH,
    ("SUB-02", LIST, "subscriptions_that_match"),
)
seed("every node has all subscriptions", broken(subscriptions, "check_node", always(True)), OF_NODE, "SUB-04")
seed("no node has a subscription", broken(subscriptions, "check_node", always(False)), OF_NODE, "SUB-04")
