"""Faults of what subscriptions deliver: QoS, options, groups (CLI-06, CLI-07, CLI-19, CLI-20).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from conformance.reference.mqtt import table
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.session import Session, Subscription
from conformance.reference.mqtt.topics import Filter, parse_filter
from conformance.reference.mqtt_operations import client_subscriptions
from tests.faults.seeded import broken, changed_body, edit, error_reply, in_each, on, scenario, seed, swallow

PULL = "https://github.com/emqx/emqx/pull/"
SUBSCRIBE = "POST /clients/{clientid}/subscribe"
OF_CLIENT = "GET /clients/{clientid}/subscriptions"
LIST = "GET /subscriptions"


def item(name: str) -> str:
    return scenario("client_subscriptions", name)


def with_options(subscription: Subscription, **options: int) -> Subscription:
    return replace(subscription, options=replace(subscription.options, **options))


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
    "the subscriptions of a client are listed without any option",
    on(OF_CLIENT, in_each(None, lambda entry: [entry.pop(name) for name in ("nl", "qos", "rap", "rh")]), 200),
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


def delivering_as_before(add: Callable[..., None]) -> Callable[..., None]:
    """Who subscribes anew is listed with the new options, and served with the former."""
    return lambda self, subscription: add(self, subscription) if subscription.is_new else None


def asking_for_nothing(subscribe: Callable[..., Any]) -> Callable[..., Any]:
    """What is retained is sent to every subscription through the API, whatever its retain handling."""

    def subscribed(call: Any, session: Session, parsed: Filter, wanted: Any) -> Any:
        answer = subscribe(call, session, parsed, wanted)
        if wanted["rh"] != 0:
            call.deployment.broker.send_retained(with_options(session.subscriptions[str(parsed)], rh=0))
        return answer

    return subscribed


def sending_to_groups(send: Callable[..., None]) -> Callable[..., None]:
    def send_retained(self: Broker, subscription: Subscription) -> None:
        plain = replace(subscription, filter=replace(subscription.filter, group=None))
        send(self, subscription if subscription.filter.group is None else plain)

    return send_retained


seed(
    "a subscription that is renewed delivers with its former QoS",
    broken(table.SubscriptionTable, "add", delivering_as_before),
    QOS,
    "CLI-06",
)
seed(
    "a subscription through the API gets what is retained whatever it asks for",
    broken(client_subscriptions, "_subscribe", asking_for_nothing),
    EFFECT,
    "CLI-20",
)
seed("a group gets what is retained", broken(Broker, "send_retained", sending_to_groups), EFFECT, "CLI-20")
for name in ("nl", "rap", "rh"):
    seed(
        f"a bulk subscription ignores {name}",
        changed_body(f"{SUBSCRIBE}/bulk", lambda body, name=name: [each.update({name: 0}) for each in body]),
        OPTIONS,
        "CLI-19",
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


seed(
    "a group has no subscriptions",
    on(LIST, in_each("data", lambda entry: entry.update(topic=entry["topic"].replace("$share/", "$shared/"))), 200),
    SHARED[0],
    "CLI-07",
)


def staying_in_their_groups(broker: Broker, session: Session) -> None:
    """A session that has ended leaves its topics, and no group."""
    for subscription in session.subscriptions.values():
        if subscription.filter.group is None:
            broker._table.discard(subscription.filter, session.clientid)
    session.subscriptions.clear()


def whoever_it_is(group: table._Group) -> Subscription:
    """Members take turns, whether they are connected or not."""
    group.turn += 1
    return list(group.members.values())[group.turn % len(group.members)]


seed(
    "a member that was kicked goes on to take its turn",
    (
        broken(Broker, "unsubscribe_all", lambda _: staying_in_their_groups),
        broken(table._Group, "next", lambda _: whoever_it_is),
    ),
    SHARED,
    "CLI-07",
)


def with_its_group(discard: Callable[..., None]) -> Callable[..., None]:
    """Whoever leaves a topic leaves its groups, too."""

    def discarded(self: table.SubscriptionTable, topic_filter: Filter, clientid: str) -> None:
        discard(self, topic_filter, clientid)
        if topic_filter.group is None and (entries := self._exact.get(topic_filter.topic)) is not None:
            for group in list(entries.groups):
                discard(self, replace(topic_filter, group=group), clientid)

    return discarded


seed(
    "who leaves a topic leaves its groups",
    broken(table.SubscriptionTable, "discard", with_its_group),
    tuple(scenario("client_subscriptions", f"shared_and_plain_are_two[{form}]") for form in ("share", "queue")),
    "CLI-29",
    origin=f"{PULL}10976",
)
