"""Faults of actions (ACT), and of the life of an action of any type (TYP)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.bridges import action_handlers, bridges, configuration
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.metrics import ActionMetrics
from conformance.reference.bridges.mqtt_driver import MqttDriver
from conformance.reference.bridges.resources import NOT_INSTALLED, Action
from conformance.reference.http import ApiError, Call, Handler, Reply
from conformance.reference.rules.engine import RuleEngine
from tests.faults.proxy import Reply as Answer
from tests.faults.proxy import Request
from tests.faults.seeded import (
    EMPTY,
    broken,
    broken_handler,
    edit,
    error_reply,
    in_each,
    nothing,
    on,
    scenario,
    seed,
    swallow,
    twice,
)

PULL = "https://github.com/emqx/emqx/pull/"
CRASH = error_reply(500, "INTERNAL_ERROR", "The operation crashed")
REFUSAL = error_reply(400, "BAD_REQUEST")

CREATE, READ, CHANGE, DELETE = "POST /actions", "GET /actions/{id}", "PUT /actions/{id}", "DELETE /actions/{id}"
ENABLE, START = "PUT /actions/{id}/enable/{enable}", "POST /actions/{id}/{operation}"
LIST, PROBE, TYPES = "GET /actions", "POST /actions_probe", "GET /action_types"
METRICS, RESET = "GET /actions/{id}/metrics", "PUT /actions/{id}/metrics/reset"

LIFE = scenario("types", "action[POST /actions-http]")


def shown(**fields: Any) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    """Show every action with other fields than it has."""
    return lambda original: lambda deployment, action: {**original(deployment, action), **fields}


# --- round trips ------------------------------------------------------------------------------------------------------

seed(
    "an action is read with other parameters than it was given",
    broken(action_handlers, "action_shown", shown(parameters={"method": "put", "max_retries": 2})),
    LIFE,
    "TYP-01",
)
seed(
    "a default of actions is not the documented one",
    broken(action_handlers, "action_shown", shown(description="none")),
    scenario("types", "action[POST /actions-mqtt]"),
    "TYP-01",
)


def describe_what_is_put_back(handler: Handler) -> Handler:
    async def change(call: Call) -> Reply:
        again = call.deployment.bridges.actions[call.path["id"]].config.get("description")
        if again and again == call.body.get("description"):
            call.checked["description"] = "again"
        return await handler(call)  # type: ignore[misc]

    return change


seed(
    "an action that is put back is another one",
    broken_handler(CHANGE, describe_what_is_put_back),
    LIFE,
    ("TYP-02", CHANGE, "fixed_point"),
)
seed("actions are not listed", on(LIST, edit(list.clear), 200), LIFE, ("TYP-03", LIST, "listed"))
seed("enabling an action does nothing", swallow(ENABLE, EMPTY), LIFE, ("TYP-04", ENABLE, "enabled"))
seed(
    "secrets of actions are shown",
    broken(configuration, "redact", lambda _: lambda config: config),
    scenario("type_secrets", "action[POST /actions-snowflake]"),
    "CON-07",
    "TYP-05",
)

# --- connectors and rules ---------------------------------------------------------------------------------------------

CONNECTED = scenario("actions", "action_needs_a_connector_of_its_type")


def store(call: Call) -> None:
    config = {name: value for name, value in call.checked.items() if name not in ("type", "name")}
    action = Action(call.body["type"], call.body["name"], config, config)
    call.deployment.bridges.actions[action.id] = action


def store_anyway(handler: Handler) -> Handler:
    async def create(call: Call) -> Reply:
        try:
            return await handler(call)  # type: ignore[misc]
        except ApiError:
            store(call)
            raise

    return create


seed("an action that is refused is stored", broken_handler(CREATE, store_anyway), CONNECTED, "ACT-01")
seed(
    "an action without its connector crashes",
    on(CREATE, lambda _: CRASH, 400),
    CONNECTED,
    "ACT-01",
    ("GEN-15", CREATE, "no_server_error"),
    origin=f"{PULL}10066",
)
seed(
    "an action loses its connector",
    on(CHANGE, lambda _: error_reply(404, "NOT_FOUND"), 400),
    CONNECTED,
    "ACT-01",
)

RULES = scenario("actions", "action_names_its_rules")
for name, make in (
    ("an action names its rules in no order", lambda original: lambda *args: original(*args)[::-1]),
    ("an action names none of its rules", lambda _: lambda *args: []),
    ("an action names every rule twice", lambda original: lambda *args: sorted(original(*args) * 2)),
):
    seed(name, broken(Bridges, "rules_using", make), RULES, "ACT-02")
seed(
    "listed actions have no rules",
    on(LIST, in_each(None, lambda action: action.update(rules=[])), 200),
    RULES,
    "ACT-02",
)

USED = scenario("actions", "action_in_use_is_deleted_only_on_demand")


def take_rules_along(_: Any) -> Callable[..., Any]:
    def remove(self: RuleEngine, action_id: str) -> None:
        for rule in self.ids_using_action(action_id):
            del self._rules[rule]

    return remove


for name, fault, number in (
    (
        "an action that rules use is deleted",
        broken(Bridges, "remove_action", lambda original: lambda self, action, also_from_rules: original(
            self, action, also_from_rules=True)),
        8902,
    ),
    ("the refusal names no rules", on(DELETE, edit(lambda body: body.pop("rules", None)), 400), 12096),
    ("rules go with their action", broken(RuleEngine, "remove_action", take_rules_along), None),
    ("rules keep an action that is gone", broken(RuleEngine, "remove_action", nothing), None),
    ("an action in use is never deleted", swallow(DELETE, REFUSAL, lambda r: "true" in r.query), None),
    ("rules may go along maybe", swallow(DELETE, EMPTY, lambda r: "maybe" in r.query), None),
):  # fmt: skip
    seed(name, fault, USED, "ACT-03", origin=None if number is None else f"{PULL}{number}")

# --- types, times, optional fields ------------------------------------------------------------------------------------

ONLY_TYPES = scenario("actions", "only_offered_types_are_types")
seed(
    "a type is offered that is none",
    on(TYPES, edit(lambda types: types.append("webhook"))),
    ONLY_TYPES,
    "ACT-09",
    ("GEN-14", TYPES, "response_schema"),
)
seed("a type is offered twice", on(TYPES, edit(lambda types: types.append("http"))), ONLY_TYPES, "ACT-09")
seed(
    "a probe knows any type",
    swallow(PROBE, EMPTY, lambda request: request.json["type"] == "nosuchtype"),
    ONLY_TYPES,
    ("ACT-09", PROBE, "unknown_type"),
)
seed(
    "the type of an action is read regardless of case",
    swallow(CREATE, CRASH, lambda request: request.json["type"] == "HTTP"),
    ONLY_TYPES,
    ("ACT-09", CREATE, "unknown_type"),
    ("GEN-15", CREATE, "no_server_error"),
)
seed(
    "a type that is offered is refused",
    on(CREATE, lambda _: REFUSAL, 201),
    scenario("types", "action[POST /actions-redis]"),
    ("ACT-09", CREATE, "answered"),
)

TIMES = scenario("actions", "creation_time_is_set_by_the_server")


def as_the_client_says(request: Request, forward: Callable[[], Answer]) -> Answer:
    reply = forward()
    said = (request.json or {}).get("created_at") if request.is_for(CREATE) else None
    return edit(lambda body: body.update(created_at=said))(reply) if said and reply.status == 201 else reply


seed(
    "a change is a creation",
    on(CHANGE, edit(lambda body: body.update(created_at=body["created_at"] + 1)), 200),
    TIMES,
    ("ACT-12", CHANGE, "survives_put"),
)
seed(
    "an action is created anew whenever it is read",
    on(READ, edit(lambda body: body.update(created_at=body["last_modified_at"])), 200),
    TIMES,
    ("ACT-12", READ, "not_put"),
)
seed("the client says when an action was created", as_the_client_says, TIMES, ("ACT-12", CREATE, "not_posted"))
for label in (CREATE, CHANGE):
    seed(
        f"{label} insists on resource_opts",
        swallow(label, REFUSAL, lambda request: "resource_opts" not in request.json),
        scenario("actions", "optional_fields_may_be_left_out"),
        ("ACT-13", label, "optional"),
    )

# --- deliveries -------------------------------------------------------------------------------------------------------


def stopped(test: str) -> str:
    return scenario("action_deliveries", f"disabled_action_does_not_deliver[{test}]")


def started_if_enabled(handler: Handler) -> Handler:
    async def start(call: Call) -> Reply:
        if call.deployment.bridges.actions[call.path["id"]].config.get("enable") is False:
            raise ApiError(400, "BAD_REQUEST", "Forbidden operation, bridge not enabled")
        return await handler(call)  # type: ignore[misc]

    return start


BUSY = broken(Action, "enabled", lambda _: property(lambda self: True))
seed("a disabled action goes on", BUSY, stopped("action"), "ACT-10")
seed(
    "a disabled action goes on behind its status",
    (
        BUSY,
        broken(Action, "status", lambda original: property(
            lambda self: ("disconnected", NOT_INSTALLED) if self.config.get("enable") is False
            else original.fget(self))),
        broken_handler(START, started_if_enabled),
    ),
    stopped("action"),
    "ACT-10",
)  # fmt: skip
seed(
    "an action goes on without its connector",
    swallow("PUT /connectors/{id}/enable/{enable}", EMPTY),
    stopped("connector"),
    "ACT-10",
)
seed(
    "a disabled action can be started",
    on(START, lambda _: EMPTY, 400),
    (stopped("action"), stopped("connector")),
    "ACT-10",
)
seed(
    "an action stays disabled",
    swallow(ENABLE, EMPTY, lambda request: request.path.endswith("true")),
    stopped("action"),
    "ACT-10",
)

LOOP = scenario("action_deliveries", "mqtt_action_publishes_what_it_renders")
for name, fields in (
    ("an MQTT action ignores its QoS", {"qos": 0}),
    ("an MQTT action retains nothing", {"retain": False}),
    ("an MQTT action publishes an empty payload", {"payload": b""}),
):
    seed(
        name,
        broken(
            MqttDriver, "_message", lambda original, fields=fields: lambda *args: replace(original(*args), **fields)
        ),
        LOOP,
        "ACT-11",
    )

LOCAL = scenario("action_deliveries", "local_topic_needs_no_rule")
seed("a local topic is ignored", broken(Bridges, "_on_publish", nothing), LOCAL, "ACT-16")
seed("a local topic fits everything", broken(bridges, "matches", lambda _: lambda *args: True), LOCAL, "ACT-16")
seed(
    "an action of HTTP tries the asterisks for a secret",
    broken(configuration, "restore", lambda _: lambda new, old: dict(new)),
    scenario("action_deliveries", "http_action_keeps_its_authorization"),
    "ACT-14",
)

STARTED = scenario("action_deliveries", "only_start_is_an_operation")
seed(
    "any operation of an action is known",
    swallow(START, EMPTY, lambda request: request.path.endswith("/restart")),
    STARTED,
    "ACT-17",
)
seed("a running action cannot be started", on(START, lambda _: REFUSAL, 204), STARTED, "ACT-17")


def start_unreachable(handler: Handler) -> Handler:
    async def start(call: Call) -> Reply:
        action = call.deployment.bridges.actions[call.path["id"]]
        reachable = action.status[0] == "connected"
        return await handler(call) if reachable else Reply(204)  # type: ignore[misc]

    return start


seed("an action starts without a connection", broken_handler(START, start_unreachable), STARTED, "ACT-17")

PROBED = scenario("actions", "probe_creates_no_action")


def keep_what_is_probed(handler: Handler) -> Handler:
    async def probe(call: Call) -> Reply:
        reply = await handler(call)  # type: ignore[misc]
        store(call)
        return reply

    return probe


seed("a probe of an action creates it", broken_handler(PROBE, keep_what_is_probed), PROBED, "ACT-15")
seed("a probe of an action always succeeds", on(PROBE, lambda _: EMPTY, 400), PROBED, "ACT-15")
seed("a probe of an action always fails", on(PROBE, lambda _: error_reply(400, "TEST_FAILED"), 204), PROBED, "ACT-15")

# --- metrics ----------------------------------------------------------------------------------------------------------


def metrics(test: str) -> str:
    return scenario("action_metrics", test)


def both(original: Callable[..., None]) -> Callable[..., None]:
    def count(self: ActionMetrics, name: str, by: int = 1) -> None:
        original(self, name, by)
        if name == "failed":
            self.dropped("other")

    return count


def forgetful(original: Callable[..., None]) -> Callable[..., None]:
    def matched(self: ActionMetrics) -> None:
        original(self)
        if self.counters["matched"] == 4:
            self.counters["success"] = 0

    return matched


SUM = metrics("metrics_are_the_sum_over_the_nodes")
seed(
    "the whole is more than its nodes",
    on(METRICS, edit(lambda body: body["metrics"].update(success=7)), 200),
    SUM,
    "ACT-04",
)
seed(
    "a node is counted twice",
    on(METRICS, edit(lambda body: body.update(node_metrics=body["node_metrics"] * 2)), 200),
    SUM,
    "ACT-04",
)
MATCHED = metrics("matched_counts_the_messages")
seed("an action counts every message twice", broken(ActionMetrics, "matched", twice), MATCHED, "ACT-05")
seed("a counter starts again by itself", broken(ActionMetrics, "matched", forgetful), MATCHED, "ACT-05")
seed(
    "what a target refuses is a success",
    broken(ActionMetrics, "count", lambda original: lambda self, name, by=1: original(
        self, "success" if name == "failed" else name, by)),
    MATCHED,
    "ACT-05",
)  # fmt: skip
seed(
    "a failed message is dropped as well",
    broken(ActionMetrics, "count", both),
    metrics("every_message_is_accounted_for"),
    "ACT-06",
)
seed(
    "a reset resets nothing",
    broken(ActionMetrics, "reset", nothing),
    metrics("reset_starts_counting_again"),
    "ACT-07",
)
seed(
    "a reset forgets a counter",
    broken(ActionMetrics, "reset", lambda _: lambda self: self.counters.update(matched=0, success=0)),
    metrics("reset_starts_counting_again"),
    "ACT-07",
)
ZEROS = {"metrics": ActionMetrics().shown(), "node_metrics": []}
UNKNOWN = metrics("unknown_actions_have_no_metrics")
seed(
    "an unknown action has metrics",
    on(METRICS, lambda reply: reply.with_json(ZEROS, 200), 404),
    UNKNOWN,
    ("ACT-08", METRICS, "not_found"),
)
seed("an unknown action is reset", on(RESET, lambda _: EMPTY, 404), UNKNOWN, ("ACT-08", RESET, "not_found"))
