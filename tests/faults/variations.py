"""Faults that only some combination of factors shows (VAR).

To add one: call `seed` with what is wrong, the item that must notice it (`tests.faults.cases` finds one by its values),
and the requirement that must fail, then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference.access.bans import BanTable
from conformance.reference.access.rules import Rule
from conformance.reference.mqtt import retained
from conformance.reference.mqtt.aliases import OutgoingAliases
from conformance.reference.mqtt.queues import MessageQueue
from conformance.reference.mqtt.retained import RetainedStore
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.table import SubscriptionTable
from conformance.reference.mqtt_operations import clients, subscriptions
from conformance.reference.rules import actions, index, testing
from tests.faults.cases import case
from tests.faults.seeded import always, broken, changed_body, scenario, seed

SCHEMA = "/schema_registry/{name}"
PULL = "https://github.com/emqx/emqx/pull/"

# --- deliveries -------------------------------------------------------------------------------------------------------


def changed(**fields: Any) -> Callable[[Any], Any]:
    """A delivery is queued otherwise than it came."""

    def make(push: Any) -> Any:
        def push_changed(self: MessageQueue, delivery: Any) -> Any:
            for name, value in fields.items():
                setattr(delivery, name, value)
            return push(self, delivery)

        return push_changed

    return make


seed(
    "a message that waits for its client is delivered with QoS 0",
    broken(MessageQueue, "push", changed(qos=0)),
    case("deliveries", "delivery", when="away", published=2, subscribed=2),
    "VAR-01",
)
seed(
    "a message that waits for its client comes marked retained",
    broken(MessageQueue, "push", changed(retain=True)),
    case("deliveries", "delivery", when="away", retain=False),
    "VAR-01",
)
for what, other in (
    ("backwards", lambda pairs: pairs[::-1]),
    ("once by name", lambda pairs: list(dict(pairs).items())),
):
    seed(
        f"user properties are delivered {what}",
        broken(
            Session,
            "deliver",
            lambda deliver, other=other: (
                lambda self, message, *arguments, **options: deliver(
                    self, replace(message, user_properties=other(message.user_properties)), *arguments, **options
                )
            ),
        ),
        case("deliveries", "delivery", via="mqtt5", subscriber=5, when="live"),
        "VAR-01",
        origin=f"{PULL}17573" if what == "backwards" else None,
    )


def without_rap(deliver: Any) -> Any:
    def deliver_unmarked(self: Session, message: Any, subscription: Any, retained: bool = False) -> None:
        subscription.options = replace(subscription.options, rap=0)
        deliver(self, message, subscription, retained)

    return deliver_unmarked


seed(
    "nothing is delivered retained as published",
    broken(Session, "deliver", without_rap),
    case("deliveries", "delivery", when="live", retain=True, retain_as_published=True),
    "VAR-01",
)
seed(
    "a topic alias stands for the topic before",
    broken(
        OutgoingAliases,
        "written",
        lambda written: lambda self, topic: ("", 1) if self._numbers else written(self, topic),
    ),
    case("deliveries", "delivery", aliases=True, match="hash"),
    "VAR-01",
)

# --- topic filters ----------------------------------------------------------------------------------------------------


def deeper(matches: Any) -> Any:
    """A filter with a wildcard also matches what lies deeper than it."""

    def match(topic: str, topic_filter: str) -> bool:
        levels = topic.split("/")[: topic_filter.count("/") + 1]
        return bool(matches("/".join(levels), topic_filter))

    return match


seed(
    "short filters with wildcards find deeper retained messages",
    broken(retained, "matches", deeper),
    (
        case("topic_filters", "retained_messages", filter="+"),
        case("topic_filters", "retained_messages", filter="a.+.b"),
    ),
    "VAR-02",
    origin=f"{PULL}12303",
)


def only_at_the_end(matches: Any) -> Any:
    """A plus matches no empty level."""

    def match(topic: str, topic_filter: str) -> bool:
        pairs = zip(topic.split("/"), topic_filter.split("/"), strict=False)
        return bool(matches(topic, topic_filter)) and not any(name == "" and level == "+" for name, level in pairs)

    return match


seed(
    "no filter finds retained messages of topics with an empty level",
    broken(retained, "matches", only_at_the_end),
    case("topic_filters", "retained_messages", filter="a.+.b"),
    "VAR-02",
)
seed(
    "deleting by a filter deletes everything below it",
    broken(
        RetainedStore,
        "delete",
        lambda delete: (
            lambda self, topic_filter: delete(
                self, f"{topic_filter.partition('+')[0]}#" if "+" in topic_filter else topic_filter
            )
        ),
    ),
    case("topic_filters", "retained_messages", filter="a.+.c.+"),
    "VAR-02",
)


def without_empty_levels(receivers: Any) -> Any:
    return lambda self, topic: receivers(self, topic.replace("//", "/"))


seed(
    "empty levels of topics do not count",
    broken(SubscriptionTable, "receivers", without_empty_levels),
    (case("topic_filters", "live_messages", filter="a.+.b"), case("topic_filters", "live_messages", filter="+.b")),
    "VAR-03",
)


def forgetting(name: str, over: str) -> Callable[[Any], Any]:
    """Of two filters together one is forgotten."""

    def make(wanted: Any) -> Any:
        def wanted_without(subscription: Any, query: dict[str, Any], traits: Any) -> Any:
            if over in query:
                query = {key: value for key, value in query.items() if key != name}
            return wanted(subscription, query, traits)

        return wanted_without

    return make


for forgotten, over in (("qos", "match_topic"), ("clientid", "topic"), ("match_topic", "clientid")):
    pair = "-".join(sorted((forgotten, over), key=["clientid", "topic", "qos", "match_topic"].index))
    seed(
        f"the filter {forgotten} of subscriptions is forgotten beside {over}",
        broken(subscriptions, "_wanted", forgetting(forgotten, over)),
        scenario("topic_filters", f"subscriptions[{pair}]"),
        "VAR-04",
    )

# --- clients ----------------------------------------------------------------------------------------------------------


def showing(change: Callable[[dict[str, Any]], object]) -> Any:
    """Clients are shown otherwise."""

    def make(client_object: Any) -> Any:
        def shown(session: Session) -> dict[str, Any]:
            view: dict[str, Any] = client_object(session)
            change(view)
            return view

        return shown

    return broken(clients, "client_object", make)


ANONYMOUS = ("authentication.enable=false",)
seed(
    "a client without user name is shown as the user undefined",
    showing(lambda view: view.update(username=view["username"] or "undefined")),
    case("client_kinds", "client_of_a_kind", username=False),
    "VAR-05",
    origin=f"{PULL}7931",
    settings=ANONYMOUS,
)
seed(
    "a client of MQTT 3.1 is shown as one of MQTT 3.1.1",
    showing(lambda view: view.update(proto_name="MQTT")),
    case("client_kinds", "client_of_a_kind", protocol=3, username=True),
    "VAR-05",
)
seed(
    "a client without keep-alive is shown with one",
    showing(lambda view: view.update(keepalive=view["keepalive"] or 60)),
    case("client_kinds", "client_of_a_kind", keepalive=0, username=True),
    "VAR-05",
)
seed(
    "a client that came again is shown with a clean start",
    showing(lambda view: view.update(clean_start=True)),
    case("client_kinds", "client_of_a_kind", session="resumed", username=True),
    "VAR-05",
)

# --- rules ------------------------------------------------------------------------------------------------------------

seed(
    "a rule hears deeper topics than its filter matches",
    broken(index, "matches", deeper),
    case("rule_topics", "topics_of_a_rule", filter="a.+"),
    "VAR-06",
)
seed(
    "a test of a rule asks for no topic",
    broken(testing, "concerns", always(True)),
    case("rule_topics", "topics_of_a_rule", filter="+.+"),
    "VAR-06",
)


def message_with(**fields: Any) -> Callable[[Any], Any]:
    def make(make_message: Any) -> Any:
        def made(rule: Any, args: Any, data: Any, columns: Any) -> Any:
            message = make_message(rule, args, data, columns)
            for name, value in fields.items():
                setattr(message, name, value(message, args) if callable(value) else value)
            return message

        return made

    return make


seed(
    "a message that is dispatched directly is retained",
    broken(
        actions, "_message", message_with(headers=lambda message, _: {"republish_by": message.headers["republish_by"]})
    ),
    case("rule_topics", "republish", direct=True, retain="retain"),
    "VAR-07",
)
seed(
    "rules hear what is dispatched directly",
    broken(
        actions, "_message", message_with(headers=lambda message, _: {"republish_by": message.headers["republish_by"]})
    ),
    scenario("rule_topics", "direct_messages_are_heard_by_no_rule"),
    "RUL-47",
    origin=f"{PULL}13516",
)
seed(
    "a message is never republished with more than QoS 1",
    broken(actions, "_message", message_with(qos=lambda message, _: min(message.qos, 1))),
    case("rule_topics", "republish", qos="qos2"),
    "VAR-07",
)
seed(
    "user properties of a column are forgotten beside an empty payload",
    broken(
        actions,
        "_message",
        message_with(user_properties=lambda message, args: message.user_properties if args["payload"] else []),
    ),
    case("rule_topics", "republish", payload="all", user_properties="made"),
    "VAR-07",
)

DOLLAR = scenario("topic_filters", "topics_that_begin_with_a_dollar")
seed(
    "wildcards find retained messages whose topics begin with a dollar",
    broken(
        retained,
        "matches",
        lambda matches: lambda topic, topic_filter: matches(topic.removeprefix("$"), topic_filter.removeprefix("$")),
    ),
    DOLLAR,
    "VAR-12",
    origin=f"{PULL}13742",
)
seed(
    "wildcards match topics that begin with a dollar",
    broken(
        SubscriptionTable,
        "_walk",
        lambda walk: lambda self, node, names, depth, hidden, found: walk(self, node, names, depth, False, found),
    ),
    DOLLAR,
    "VAR-12",
    origin=f"{PULL}14160",
)

# --- decisions and bans -----------------------------------------------------------------------------------------------


def for_rules(condition: Callable[[Rule, Any], bool], decided: bool) -> Callable[[Any], Any]:
    """On a condition a rule decides about everything, or nothing, on its topic."""

    def make(applies: Any) -> Any:
        def decide(self: Rule, request: Any) -> bool:
            if not condition(self, request):
                return bool(applies(self, request))
            return decided and bool(applies(replace(self, qos=(0, 1, 2), retain=None, action="all"), request))

        return decide

    return make


seed(
    "the QoS of a rule counts for messages only",
    broken(
        Rule,
        "applies",
        for_rules(lambda rule, request: request.action == "subscribe" and rule.action != "publish", True),
    ),
    case("rule_decisions", "decision", action="subscribe-by-subscribe", qos="qos-1-2-not-0"),
    "VAR-08",
)
seed(
    "a rule about retained messages decides about no subscription",
    broken(
        Rule,
        "applies",
        for_rules(lambda rule, request: request.action == "subscribe" and rule.retain is not None, False),
    ),
    case("rule_decisions", "decision", action="subscribe-by-all", retain="retained-not-other"),
    "VAR-08",
)


def also_hits(further: Callable[[BanTable, str, str | None], bool]) -> Any:
    def make(covers: Any) -> Any:
        return lambda self, clientid, username, host: (
            covers(self, clientid, username, host) or further(self, clientid, username)
        )

    return broken(BanTable, "covers", make)


def banned(table: BanTable, kind: str) -> list[str]:
    return [ban.who for ban in table.listed() if ban.kind == kind]


seed(
    "a ban of a client id hits all that begin with it",
    also_hits(lambda table, clientid, _: any(clientid.startswith(who) for who in banned(table, "clientid"))),
    case("ban_kinds", "ban_of_a_kind", kind="clientid"),
    "VAR-09",
)
seed(
    "a ban of a user name hits the client id as well",
    also_hits(lambda table, clientid, _: clientid in banned(table, "username")),
    case("ban_kinds", "ban_of_a_kind", kind="username", user_like_client=False),
    "VAR-09",
)
seed(
    "a ban of an address hits everybody",
    also_hits(lambda table, *_: bool(banned(table, "peerhost_net"))),
    case("ban_kinds", "ban_of_a_kind", kind="peerhost_net"),
    "VAR-09",
)

# --- updates ----------------------------------------------------------------------------------------------------------


def updated(resource: str, *fields: str) -> str:
    return case("updates", "update", resource=resource, changed="+".join(fields))


seed(
    "a rule is enabled whenever its SQL is changed",
    changed_body(
        "PUT /rules/{id}", lambda body: body.update(enable=True) if "sql" in body and "enable" not in body else None
    ),
    updated("rule", "description", "sql"),
    "VAR-10",
)
seed(
    "the actions of a rule go with a change of its name",
    changed_body(
        "PUT /rules/{id}", lambda body: body.update(actions=[]) if "name" in body and "actions" not in body else None
    ),
    updated("rule", "name", "enable"),
    "VAR-10",
)
seed(
    "a schema keeps its description when its source is changed",
    changed_body(
        f"PUT {SCHEMA}", lambda body: body.pop("description") if body["source"] != '{"type":"record"}' else None
    ),
    updated("schema", "description", "source"),
    "VAR-10",
)
seed(
    "a PUT of a connector always changes the kind of its pool",
    changed_body(
        "PUT /connectors/{id}",
        lambda body: body.update(pool_type="hash" if body.get("pool_type", "random") == "random" else "random"),
    ),
    updated("connector", "url", "connect_timeout", "pool_size"),
    "VAR-10",
)
seed(
    "an action is enabled when its path is changed",
    changed_body("PUT /actions/{id}", lambda body: body.update(enable=body["parameters"]["path"] == "/second")),
    updated("action", "parameters.path", "parameters.method", "parameters.body"),
    "VAR-10",
)


def fixed(field: str, value: Any) -> Callable[[dict[str, Any]], object]:
    """A field of the last rule of a body cannot be changed."""
    return lambda body: body["rules"][-1].update({field: value})


for field, value in (("qos", [0, 1, 2]), ("permission", "deny"), ("retain", "all")):
    seed(
        f"the {field} of an authorization rule cannot be changed",
        changed_body(f"PUT {paths.RULES_OF_CLIENT}", fixed(field, value)),
        case("updates", "update_of_authorization_rules", **{field: True}),
        "VAR-11",
    )
