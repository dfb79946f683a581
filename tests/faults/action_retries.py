"""Faults of deliveries to sinks that are busy, refuse, hang up or are slow, and of changed actions (ACT)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.bridges import http_driver
from conformance.reference.bridges.buffer import ActionBuffer
from conformance.reference.bridges.drivers import Rejected
from conformance.reference.bridges.http_driver import HttpDriver
from conformance.reference.bridges.metrics import ActionMetrics
from conformance.reference.bridges.mqtt_driver import MqttDriver
from conformance.reference.bridges.network import Unreachable
from conformance.reference.rest.http import Handler
from tests.faults.seeded import Broken, broken, broken_handler, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"
BUSY, REFUSED, UNRELIABLE, CHANGED = (
    scenario("action_retries", test)
    for test in (
        "busy_sink_gets_the_message_again[503]",
        "refused_message_is_not_sent_again[500]",
        "unreliable_sink_gets_every_message",
        "message_right_after_a_change_is_delivered",
    )
)
TOO_BUSY = BUSY.replace("503", "429")


def transient(*statuses: int) -> Broken:
    return broken(http_driver, "_TRANSIENT_STATUSES", lambda _: frozenset(statuses))


def uncounted(*names: str) -> Callable[..., Any]:
    return lambda original: lambda self, name: None if name in names else original(self, name)


seed("429 is a refusal", transient(503), TOO_BUSY, "ACT-18")
seed("503 is a refusal", transient(429), BUSY, "ACT-18")
seed("what is sent again is not counted", broken(ActionMetrics, "count", uncounted("retried")), BUSY, "ACT-18")
seed("500 is sent again", transient(429, 500, 503), REFUSED, "ACT-19")


def redirected_is_accepted(original: Callable[..., Any]) -> Callable[..., Any]:
    async def exchange(self: HttpDriver, request: Any) -> int:
        status: int = await original(self, request)
        return 200 if 300 <= status < 400 else status

    return exchange


seed(
    "a redirection is a success",
    broken(HttpDriver, "_exchange", redirected_is_accepted),
    REFUSED.replace("500", "302"),
    "ACT-19",
)
seed("what the sink refuses is not counted", broken(ActionMetrics, "count", uncounted("failed")), REFUSED, "ACT-19")


def hanging_up_refuses(original: Callable[..., Any]) -> Callable[..., Any]:
    async def exchange(self: HttpDriver, request: Any) -> int:
        try:
            status: int = await original(self, request)
        except Unreachable as error:
            raise Rejected(str(error)) from None
        return status

    return exchange


def sent_twice(original: Callable[..., Any]) -> Callable[..., Any]:
    async def send(self: HttpDriver, parameters: Any, data: Any) -> None:
        await original(self, parameters, data)
        await original(self, parameters, data)

    return send


seed(
    "a sink that hangs up refuses",
    broken(HttpDriver, "_exchange", hanging_up_refuses),
    f"{UNRELIABLE}[closing]",
    "ACT-20",
)
seed("every message is sent twice", broken(HttpDriver, "send", sent_twice), f"{UNRELIABLE}[slow]", "ACT-20")


def losing_one(handler: Handler) -> Handler:
    """After the request the next message is lost."""

    async def handle(call: Any) -> Any:
        reply = handler(call)
        reply = await reply if hasattr(reply, "__await__") else reply
        lost.append(call)
        return reply

    return handle


lost: list[Any] = []


def dropping_lost(original: Callable[..., Any]) -> Callable[..., Any]:
    def add(self: ActionBuffer, data: Any, done: Any) -> None:
        if lost:
            lost.clear()
            return
        original(self, data, done)

    return add


for label, change in (
    ("PUT /actions/{id}", "update of the action"),
    ("PUT /connectors/{id}", "update of the connector"),
    ("PUT /actions/{id}/enable/{enable}", "enabling the action"),
    ("PUT /connectors/{id}/enable/{enable}", "enabling the connector"),
    ("POST /connectors/{id}/{operation}", "start"),
):
    seed(
        f"the message after {label} is lost",
        (broken(ActionBuffer, "add", dropping_lost), broken_handler(label, losing_one)),
        f"{CHANGED}[{change}]",
        "ACT-21",
    )

TEMPLATE = scenario("action_deliveries", "mqtt_action_without_template_sends_everything")


def needs_a_template(original: Callable[..., Any]) -> Callable[..., Any]:
    async def send(self: MqttDriver, parameters: Any, data: Any) -> None:
        if parameters.get("payload"):
            await original(self, parameters, data)

    return send


seed(
    "an MQTT action with an empty payload template sends nothing",
    broken(MqttDriver, "send", needs_a_template),
    TEMPLATE,
    "ACT-22",
    origin=f"{PULL}9672",
)
