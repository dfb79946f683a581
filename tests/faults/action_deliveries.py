"""Faults of what actions deliver and count (ACT)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.bridges import bridges, configuration, http_driver, mqtt_driver
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.drivers import Rejected
from conformance.reference.bridges.http_driver import HttpDriver, HttpRequest
from conformance.reference.bridges.metrics import ActionMetrics
from conformance.reference.bridges.mqtt_driver import MqttDriver
from conformance.reference.bridges.network import Unreachable
from conformance.reference.bridges.resources import NOT_INSTALLED, Action
from conformance.reference.rest.http import ApiError, Call, Handler, Reply
from conformance.reference.rules.engine import RuleEngine
from conformance.scenarios.chain import SITE
from tests.faults.seeded import (
    EMPTY,
    Broken,
    before,
    broken,
    broken_handler,
    edit,
    error_reply,
    nothing,
    on,
    scenario,
    seed,
    swallow,
    twice,
)

PULL = "https://github.com/emqx/emqx/pull/"
REFUSAL = error_reply(400, "BAD_REQUEST")

PULL = "https://github.com/emqx/emqx/pull/"
ENABLE, START = "PUT /actions/{id}/enable/{enable}", "POST /actions/{id}/{operation}"
METRICS, RESET = "GET /actions/{id}/metrics", "PUT /actions/{id}/metrics/reset"

# --- deliveries -------------------------------------------------------------------------------------------------------


def stopped(test: str) -> str:
    return scenario("action_deliveries", f"disabled_action_does_not_deliver[{test}]")


def started_if_enabled(handler: Handler) -> Handler:
    async def start(call: Call) -> Reply:
        if call.deployment.bridges.actions[call.path["id"]].config.get("enable") is False:
            raise ApiError(400, "BAD_REQUEST", "Forbidden operation, bridge not enabled")
        return await handler(call)

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

seed(
    "an MQTT action prints undefined for what a message lacks",
    broken(mqtt_driver, "render", lambda render: lambda template, data, **_: render(template, data)),
    LOOP,
    "ACT-11",
    origin=f"{PULL}12347",
)
seed(
    "an MQTT action loses the properties of messages",
    broken(MqttDriver, "_properties", lambda _: lambda self, data: {}),
    LOOP,
    "ACT-27",
    origin=f"{PULL}9398",
)
AS_CLIENT = scenario("action_deliveries", "mqtt_connector_is_the_client_that_it_says")
seed(
    "the prefix of an MQTT connector is lost in the ids of its clients",
    broken(mqtt_driver, "clientid", lambda make: lambda prefix, name, number: make("", name, number)),
    AS_CLIENT,
    "CON-27",
    origin=f"{PULL}13216",
)
for name, setting, value in (
    ("an MQTT connector has another client than its pool_size asks for", "pool_size", 3),
    ("an MQTT connector speaks MQTT 3.1.1, whatever its proto_ver", "proto_ver", "v4"),
    ("an MQTT connector resumes sessions, whatever its clean_start", "clean_start", False),
):
    seed(
        name,
        broken(
            MqttDriver,
            "__init__",
            lambda make, setting=setting, value=value: (
                lambda self, its_name, its_type, config, **options: make(
                    self, its_name, its_type, {**config, setting: value}, **options
                )
            ),
        ),
        AS_CLIENT,
        "CON-27",
    )

MOVED = scenario("action_deliveries", "action_that_is_enabled_and_moved_delivers")
seed(
    "an HTTP action without a body sends the payload alone",
    broken(http_driver, "_WHOLE_RESULT", lambda _: "${payload}"),
    MOVED,
    "ACT-26",
    origin=f"{PULL}9705",
)


def without_query(original: Callable[..., HttpRequest]) -> Callable[..., HttpRequest]:
    def request(self: HttpDriver, parameters: Any, data: Any) -> HttpRequest:
        rendered = original(self, parameters, data)
        return replace(rendered, path=rendered.path.partition("?")[0])

    return request


seed("the query in the path of an action is lost", broken(HttpDriver, "_request", without_query), MOVED, "ACT-24")


def raw_headers(original: Callable[..., Any]) -> Callable[..., Any]:
    def request(self: Any, parameters: Any, data: Any) -> Any:
        return replace(original(self, parameters, data), headers=dict(parameters.get("headers") or {}))

    return request


seed("the headers of an HTTP action are no templates", broken(HttpDriver, "_request", raw_headers), MOVED, "ACT-26")


def crash_without_body(original: Callable[..., Any]) -> Callable[..., Any]:
    async def send(self: Any, parameters: Any, data: Any) -> None:
        if parameters.get("body") == "":
            raise Rejected("The client crashed")
        await original(self, parameters, data)

    return send


seed(
    "an HTTP action crashes over an empty body",
    broken(HttpDriver, "send", crash_without_body),
    scenario("causes", "cause_has_its_counters[accepted]"),
    "ACT-23",
    "RUL-40",
    origin=f"{PULL}10086",
)


def async_alone(submit: Callable[..., None]) -> Callable[..., None]:
    def submitted(self: Action, data: Any, done: Any) -> None:
        if self.settings.get("resource_opts", {}).get("query_mode") != "sync":
            submit(self, data, done)

    return submitted


seed(
    "an action in sync mode delivers nothing",
    broken(Action, "submit", async_alone),
    MOVED,
    "ACT-24",
)
seed(
    "an MQTT action prints what is missing",
    broken(mqtt_driver, "render_bytes", lambda original: lambda template, data, missing: original(template, data)),
    LOOP,
    "ACT-11",
)


def requested(path: Callable[[str], str] = str, **headers: str) -> Broken:
    """The request of an action has another path, and other or more headers."""

    def change(request: HttpRequest) -> HttpRequest:
        return replace(request, path=path(request.path), headers={**request.headers, **headers})

    return broken(HttpDriver, "_request", lambda original: lambda *args: change(original(*args)))


REQUEST = scenario("action_deliveries", "request_is_as_configured")
seed(
    "an HTTP action prints what is missing as nothing",
    broken(http_driver, "render", lambda original: lambda *args: original(*args).replace("undefined", "")),
    REQUEST,
    "ACT-29",
)
OF_CONNECTOR = "of the connector"
for name, fault in (
    (
        "paths of connector and action are joined by two slashes",
        requested(lambda path: path.replace("/base", "/base/")),
    ),
    ("the path of the connector is left out", requested(lambda path: path.removeprefix("/base"))),
    ("the path of an action begins with two slashes", requested(lambda path: f"/{path}")),
    ("headers of the connector count more", requested(**{"x-site": OF_CONNECTOR})),
    ("headers of action and connector are both sent", requested(**{"X-Site": OF_CONNECTOR})),
    ("headers of an action are no templates", requested(**{"x-site": SITE})),
):
    seed(name, fault, REQUEST, "ACT-29")

AGAIN = scenario("action_deliveries", "connector_connects_again")


def never_again(check: Any) -> Any:
    """What was connected once is connected for good."""

    async def checked(self: MqttDriver) -> None:
        if not self.__dict__.setdefault("was_connected", False):
            await check(self)
            self.__dict__["was_connected"] = True

    return checked


def while_one_is_left(check: Any) -> Any:
    async def checked(self: MqttDriver) -> None:
        if not self._links:
            await check(self)

    return checked


seed(
    "an MQTT connector shows a lost connection as connected",
    broken(MqttDriver, "check", never_again),
    AGAIN,
    "CON-30",
    origin=f"{PULL}15850",
)
seed(
    "an MQTT connector replaces no client while another one is connected",
    broken(MqttDriver, "check", while_one_is_left),
    AGAIN,
    "CON-30",
    origin=f"{PULL}14550",
)


def lost_meanwhile(send: Any) -> Any:
    """What cannot be sent at once is not sent at all."""

    async def sent(self: MqttDriver, *arguments: Any) -> None:
        try:
            await send(self, *arguments)
        except Unreachable as error:
            raise Rejected(str(error)) from None

    return sent


seed(
    "an MQTT action loses what it gets without a connection",
    broken(MqttDriver, "send", lost_meanwhile),
    AGAIN,
    "CON-30",
    origin=f"{PULL}14671",
)

LOCAL = scenario("action_deliveries", "local_topic_needs_no_rule")
seed(
    "an HTTP action delivers texts only",
    broken(
        http_driver,
        "render_bytes",
        lambda original: lambda *given: original(*given).decode("utf-8", "replace").encode(),
    ),
    LOCAL,
    "ACT-16",
)
seed("a local topic is ignored", broken(Bridges, "_on_publish", nothing), LOCAL, "ACT-16")
seed("a local topic fits everything", broken(bridges, "matches", lambda _: lambda *args: True), LOCAL, "ACT-16")
seed(
    "an action of HTTP tries the asterisks for a secret",
    broken(configuration, "restore", lambda _: lambda new, old, **_: dict(new)),
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
        return await handler(call) if reachable else Reply(204)

    return start


seed(
    "an action does not say why it is disconnected",
    on("GET /actions/{id}", edit(lambda body: body.pop("status_reason", None))),
    STARTED,
    "CON-29",
)
seed("an action starts without a connection", broken_handler(START, start_unreachable), STARTED, "ACT-17")


def counting_anew(handler: Handler) -> Handler:
    async def start(call: Call) -> Reply:
        reply: Reply = await handler(call)
        for action in call.deployment.bridges.actions.values():
            if call.path["id"] in (action.id, action.connector_id):
                action.metrics.reset()
        return reply

    return start


for part in ("action", "connector"):
    seed(
        f"the start of a running {part} resets counters",
        broken_handler(f"POST /{part}s/{{id}}/{{operation}}", counting_anew),
        STARTED,
        "ACT-17",
    )

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
        if self.counters.total()["matched"] == 4:
            self.counters.clear("success")

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
    broken(ActionMetrics, "reset", lambda _: lambda self: self.counters.clear("matched", "success")),
    metrics("reset_starts_counting_again"),
    "ACT-07",
)


def reset_its_rules(call: Call) -> None:
    for rule in call.deployment.part(RuleEngine).all():
        if rule.uses_action(call.path["id"]):
            rule.metrics.reset()


def reset_its_actions(call: Call) -> None:
    rule, actions = call.deployment.part(RuleEngine).get(call.path["id"]), call.deployment.part(Bridges).actions
    for action in rule.actions if rule is not None else ():
        if isinstance(action, str) and action in actions:
            actions[action].metrics.reset()


for name, label, reset in (
    ("a reset of an action resets its rules", RESET, reset_its_rules),
    ("a reset of a rule resets its actions", "PUT /rules/{id}/metrics/reset", reset_its_actions),
):
    seed(name, before(label, reset), metrics("reset_starts_counting_again"), "ACT-07")
ZEROS = {"metrics": ActionMetrics().shown(), "node_metrics": []}
UNKNOWN = metrics("unknown_actions_have_no_metrics")
seed(
    "an unknown action has metrics",
    on(METRICS, lambda reply: reply.with_json(ZEROS, 200), 404),
    UNKNOWN,
    ("ACT-08", METRICS, "not_found"),
)
seed("an unknown action is reset", on(RESET, lambda _: EMPTY, 404), UNKNOWN, ("ACT-08", RESET, "not_found"))
