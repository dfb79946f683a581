"""Faults of running rules: what they count, republish, hear of and select (RUL, PUB-10).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.nodes import NodeCounters
from conformance.reference.rest.http import Reply as Answered
from conformance.reference.rules import actions, engine, evaluator, index
from conformance.reference.rules.actions import ActionRunner
from conformance.reference.rules.engine import RuleEngine
from conformance.reference.rules.functions.registry import FUNCTIONS
from conformance.reference.rules.metrics import RuleMetrics
from tests.faults.proxy import Reply, Request
from tests.faults.rules import instead
from tests.faults.seeded import (
    EMPTY,
    Broken,
    always,
    broken,
    edit,
    json_reply,
    nothing,
    on,
    scenario,
    seed,
    swallow,
    twice,
)  # fmt: skip

METRICS = "GET /rules/{id}/metrics"

# --- counters ---------------------------------------------------------------------------------------------------------

MATCHES, FAILURES, AGAIN = (
    scenario("rule_metrics", name) for name in ("matches_add_up", "failures_add_up", "counters_start_again")
)


def not_ended_as(unwanted: str) -> Callable[..., Any]:
    return lambda original: lambda self, outcome: None if outcome == unwanted else original(self, outcome)


def failed_as(kind: str) -> Callable[..., Any]:
    return lambda original: lambda self, _: original(self, kind)


seed("a match counts twice", broken(RuleMetrics, "matched", twice), MATCHES, "RUL-10")
seed("what passes is not counted", broken(RuleMetrics, "passed", nothing), MATCHES, "RUL-10")
seed("what fails is not counted", broken(RuleMetrics, "failed", nothing), MATCHES, "RUL-10")
seed("every action counts twice", broken(RuleMetrics, "action_started", twice), MATCHES, "RUL-10")
seed("a success is not counted", broken(RuleMetrics, "action_ended", not_ended_as("success")), MATCHES, "RUL-10")
seed("a discarded action has no end", broken(RuleMetrics, "action_ended", not_ended_as("discarded")), MATCHES, "RUL-10")
seed("an exception is no result", broken(RuleMetrics, "failed", failed_as("no_result")), FAILURES, "RUL-11")
seed("no result is an exception", broken(RuleMetrics, "failed", failed_as("exception")), FAILURES, "RUL-11")
seed(
    "an exception is not a failure",
    on(METRICS, edit(lambda body: body["metrics"].update(failed=body["metrics"]["failed.no_result"]))),
    FAILURES,
    "RUL-11",
)


class Stuck(NodeCounters):
    """Counters that do not count."""

    def add(self, name: str, by: int = 1) -> None:
        pass


def stop_counting(call: Any, _run: Callable[[], Any]) -> Any:
    metrics = call.deployment.rules.get(call.path["id"]).metrics
    metrics._counts = Stuck(metrics._counts.total())
    return Answered(204)


async def keep_counters(call: Any, run: Callable[[], Any]) -> Any:
    rules, rule_id = call.deployment.rules, call.path["id"]
    old = rules.get(rule_id)
    answered = await run()
    if old is not None:
        rules.store(replace(rules.get(rule_id), metrics=old.metrics))
    return answered


seed("a reset does nothing", swallow("PUT /rules/{id}/metrics/reset", EMPTY), AGAIN, "RUL-12")
seed("a reset stops the counting", instead("PUT /rules/{id}/metrics/reset", stop_counting), AGAIN, "RUL-12")
seed("a changed rule keeps its counters", instead("PUT /rules/{id}", keep_counters), AGAIN, "RUL-12")


def keep_rates(original: Callable[[RuleMetrics], None]) -> Callable[[RuleMetrics], None]:
    def reset(self: RuleMetrics) -> None:
        rates = getattr(self, "_rates", None)
        original(self)
        self._rates = rates or self._rates

    return reset


async def keep_if_switched(call: Any, run: Callable[[], Any]) -> Any:
    rules, rule_id = call.deployment.rules, call.path["id"]
    old = rules.get(rule_id)
    answered = await run()
    if old is not None and rules.get(rule_id).enable is not old.enable:
        rules.store(replace(rules.get(rule_id), metrics=old.metrics))
    return answered


seed("a reset keeps the rates", broken(RuleMetrics, "reset", keep_rates), AGAIN, "RUL-12")
seed(
    "a rule that is switched keeps its counters",
    instead("PUT /rules/{id}", keep_if_switched),
    scenario("republish", "matching_message_is_republished_once"),
    "RUL-12",
)

SUM = scenario("rule_metrics", "metrics_are_the_sum_over_the_nodes")
seed("the metrics are those of another rule", on(METRICS, edit(lambda body: body.update(id="x"))), SUM, "RUL-24")
seed(
    "a node counts more than all nodes together",
    on(METRICS, edit(lambda body: body["node_metrics"][0]["metrics"].update({"actions.total": 99}))),
    SUM,
    "RUL-24",
)

UNHEARD = scenario("rule_metrics", "publish_to_rules_alone_has_no_subscriber")
NO_SUBSCRIBER = json_reply(202, {"reason_code": 16, "message": "no_matching_subscribers"})


def to_rule(request: Request) -> bool:
    return "/from-" in (request.json or {}).get("topic", "")


def subscribed(request: Request, forward: Callable[[], Reply]) -> Reply:
    reply = forward()
    to_a_rule = request.is_for("POST /publish") and to_rule(request)
    return reply.with_json({"id": "0" * 32}, 200) if to_a_rule and reply.status == 202 else reply


seed("a rule is a subscriber", subscribed, UNHEARD, "PUB-10")
seed("rules get only what somebody subscribes to", swallow("POST /publish", NO_SUBSCRIBER, to_rule), UNHEARD, "PUB-10")

# --- republished ------------------------------------------------------------------------------------------------------

ONCE = scenario("republish", "matching_message_is_republished_once")


def run_all(original: Callable[[RuleEngine], None]) -> Callable[[RuleEngine], None]:
    def refresh(self: RuleEngine) -> None:
        kept = self._rules
        self._rules = {name: replace(rule, enable=True) for name, rule in kept.items()}
        original(self)
        self._rules = kept

    return refresh


def stay_off(call: Any, run: Callable[[], Any]) -> Any:
    if call.body.get("enable"):
        call.body["enable"] = False
    return run()


seed("a message is republished twice", broken(ActionRunner, "_republish", twice), ONCE, "RUL-09")
seed("no condition is checked", broken(evaluator, "_holds", always(True)), ONCE, "RUL-09")
seed(
    "+ stands for any number of levels",
    broken(index, "matches", lambda original: lambda topic, source: original(topic, source.replace("+", "#"))),
    ONCE,
    "RUL-09",
)
seed("a disabled rule runs", broken(RuleEngine, "_refresh", run_all), ONCE, "RUL-09")
seed("a rule is not enabled again", instead("PUT /rules/{id}", stay_off), ONCE, "RUL-09")
seed(
    "a deleted rule runs",
    broken(RuleEngine, "delete", lambda original: lambda self, name: self._rules.pop(name, None) is not None),
    ONCE,
    "RUL-09",
)


def blind(original: Callable[..., None]) -> Callable[..., None]:
    """A rule does not know its own messages."""

    def republish(self: ActionRunner, rule: Any, args: Any, data: Any, columns: Any, origin: Any) -> None:
        if origin is not None and origin.headers.get("republish_rounds", 0) < 4:
            origin.headers.pop("republish_by", None)
        original(self, rule, args, data, columns, origin)

    return republish


def deaf(original: Callable[..., Any]) -> Callable[..., Any]:
    """A rule is not run for its own messages."""

    def apply(self: RuleEngine, rule: Any, columns: Any, origin: Any = None, **options: Any) -> Any:
        if origin is not None and origin.headers.get("republish_by") == rule.id:
            return None
        return original(self, rule, columns, origin, **options)

    return apply


LOOP = scenario("republish", "rule_does_not_feed_itself")
seed("a rule feeds itself", broken(ActionRunner, "_republish", blind), LOOP, "RUL-13")
seed("a rule does not see its own message", broken(RuleEngine, "apply", deaf), LOOP, "RUL-13")


def message(**changes: Any) -> Any:
    """Every republished message is another in these fields."""
    return broken(actions, "_message", lambda original: lambda *args: replace(original(*args), **changes))


def unrendered(name: str) -> Any:
    """A template is taken by the letter, without what is in braces."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        return lambda rule, args, *rest: original(rule, {**args, name: args[name].replace("${", "")}, *rest)

    return broken(actions, "_message", make)


TEMPLATES, DEFAULTS = (
    scenario("republish", f"{name}_the_message") for name in ("templates_make", "default_templates_keep")
)
seed("the topic of a republish is no template", unrendered("topic"), TEMPLATES, "RUL-26")
seed("the payload of a republish is no template", unrendered("payload"), TEMPLATES, "RUL-26")
seed("everything is republished with QoS 0", message(qos=0), (TEMPLATES, DEFAULTS), "RUL-26")
seed("nothing republished is retained", message(retain=False), TEMPLATES, "RUL-26")
seed("what is republished comes from the API", message(from_clientid="http_api"), TEMPLATES, "RUL-26")
seed(
    "a republished payload is a text",
    broken(
        actions,
        "render_bytes",
        lambda original: lambda *given: original(*given).decode("utf-8", "replace").encode(),
    ),
    DEFAULTS,
    "RUL-26",
)
seed("the original payload is lost", message(payload=b""), DEFAULTS, "RUL-26")

PROPERTIES = scenario("republish", "properties_of_a_republished_message")
seed("user properties are not passed on", message(user_properties=[("new", "1")]), PROPERTIES, "RUL-27")
seed("user properties are the original ones", message(user_properties=[("old", "0")]), PROPERTIES, "RUL-27")
seed(
    "a republished message has no content type",
    message(properties={"message_expiry_interval": 9}),
    PROPERTIES,
    "RUL-27",
)
seed("a republished message never expires", message(properties={"content_type": "text/plain"}), PROPERTIES, "RUL-27")

# --- events -----------------------------------------------------------------------------------------------------------

CLIENT, COLUMNS = (scenario("rule_events", f"events_{name}") for name in ("of_a_client", "have_their_columns"))


def without(event: str) -> Any:
    def make(original: Callable[..., None]) -> Callable[..., None]:
        return lambda self, name, context: None if name == event else original(self, name, context)

    return broken(RuleEngine, "_on_event", make)


def column(name: str, value: Any) -> Any:
    return broken(engine, "imported", lambda original: lambda context: {**original(context), name: value})


for event in (
    "client_connected", "client_disconnected", "session_subscribed", "session_unsubscribed", "message_dropped"
):  # fmt: skip
    seed(f"no rule hears of {event}", without(event), CLIENT, "RUL-20")
for event in (
    "client_connack",
    "client_check_authn_complete",
    "client_check_authz_complete",
    "message_delivered",
    "message_acked",
    "delivery_dropped",
):
    seed(f"no rule hears of {event}", without(event), COLUMNS, "RUL-28")
seed("rules hear of everything twice", broken(RuleEngine, "_on_event", twice), CLIENT, "RUL-20")
for name, value in (("qos", 0), ("reason", "closed"), ("username", "nobody"), ("topic", "t")):
    seed(f"every event has another {name}", column(name, value), CLIENT, "RUL-20")
seed("a rule hears of every client", broken(evaluator, "_holds", always(True)), COLUMNS, "RUL-28")
seed(
    "an event has not all its columns",
    broken(
        engine,
        "imported",
        lambda original: lambda context: {k: v for k, v in original(context).items() if k != "flags"},
    ),
    COLUMNS,
    "RUL-28",
    "RUL-46",
)


def event_with(event: str, **columns: Callable[[dict[str, Any]], Any]) -> Any:
    """Events of that name have other values in some columns: what each makes of the columns."""

    def make(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def changed(context: Any) -> dict[str, Any]:
            told = original(context)
            if told.get("event") != event:
                return told
            return {**told, **{name: value(told) for name, value in columns.items()}}

        return changed

    return broken(engine, "imported", make)


def of(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda told: told[name]


def without_doubles(told: dict[str, Any]) -> dict[str, Any]:
    pairs = [{"key": key, "value": value} for key, value in told["pub_props"]["User-Property"].items()]
    return {**told["pub_props"], "User-Property-Pairs": pairs}


NOTHING_TOLD: Callable[[dict[str, Any]], Any] = lambda _: {"User-Property": {}}  # noqa: E731

for what, event, columns in (
    ("expires in milliseconds", "client.connected", {"expiry_interval": lambda told: told["expiry_interval"] * 1000}),
    ("has another keep-alive", "client.connack", {"keepalive": lambda _: 0}),
    ("connected when it left", "client.disconnected", {"connected_at": of("disconnected_at")}),
    ("was shut down when it was kicked", "client.disconnected", {"reason": lambda _: "shutdown"}),
    ("is a superuser like everybody", "client.check_authn_complete", {"is_superuser": lambda _: True}),
    ("publishes when it subscribes", "client.check_authz_complete", {"action": lambda _: "publish"}),
    ("is the publisher of what it gets", "message.delivered", {"from_clientid": of("clientid")}),
    ("is the user that published what it gets", "message.acked", {"from_username": of("username")}),
    ("misses no payload", "delivery.dropped", {"payload": lambda _: ""}),
    ("publishes no properties", "message.dropped", {"pub_props": NOTHING_TOLD}),
    ("publishes each property once", "message.publish", {"pub_props": without_doubles}),
    ("publishes by seconds", "message.publish", {"publish_received_at": lambda told: told["timestamp"] // 1000}),
    ("connected from elsewhere", "client.connected", {"peername": lambda told: f"{told['peername']}0"}),
):
    seed(f"a client {what}, says the event", event_with(event, **columns), COLUMNS, "RUL-46")

# --- statements -------------------------------------------------------------------------------------------------------

EACH, COMPUTED = (scenario("rule_sql", name) for name in ("foreach_acts_on_each_element", "expressions_are_computed"))
seed(
    "FOREACH stops after the first element",
    broken(engine, "run", lambda original: lambda *args, **options: original(*args, **options)[:1]),
    EACH,
    "RUL-25",
)
seed("INCASE lets everything pass", broken(evaluator, "_holds", always(True)), EACH, "RUL-25")
seed("upper does not change a text", Broken(FUNCTIONS, "upper", lambda _: str), COMPUTED, "RUL-29")
seed("no CASE has a value", broken(evaluator, "_case", nothing), COMPUTED, "RUL-29")
