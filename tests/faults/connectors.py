"""Faults of connectors: names and ids, probing, enabling, starting, and what depends on them (CON)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.bridges import action_handlers, configuration, connector_handlers, identifiers
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.connector_handlers import create_connector
from conformance.reference.bridges.resources import Connector
from conformance.reference.defects import Defect
from conformance.reference.rest.checking import _Pass
from conformance.reference.rest.http import ApiError, Call, Handler, Reply
from tests.faults.proxy import Reply as Answer
from tests.faults.proxy import Request
from tests.faults.seeded import (
    EMPTY,
    before,
    broken,
    broken_handler,
    error_reply,
    having,
    in_each,
    nothing,
    on,
    scenario,
    seed,
    swallow,
)

PULL = "https://github.com/emqx/emqx/pull/"
CRASH = error_reply(500, "INTERNAL_ERROR", "The operation crashed")
CREATE, READ, CHANGE = "POST /connectors", "GET /connectors/{id}", "PUT /connectors/{id}"
DELETE, ENABLE = "DELETE /connectors/{id}", "PUT /connectors/{id}/enable/{enable}"
START = "POST /connectors/{id}/{operation}"
LIST, PROBE = "GET /connectors", "POST /connectors_probe"

# --- names and ids ----------------------------------------------------------------------------------------------------

TAKEN = scenario("connectors", "name_is_taken_once_per_type")


def overwrite(call: Call) -> None:
    call.deployment.bridges.connectors.pop(f"{call.body['type']}:{call.body['name']}", None)


def describe_anew(call: Call) -> None:
    connector = call.deployment.bridges.connectors.get(f"{call.body['type']}:{call.body['name']}")
    if connector is not None:
        connector.config["description"] = call.body.get("description", "")


def refuse_names_of_other_types(call: Call) -> None:
    if any(connector.name == call.body["name"] for connector in call.deployment.bridges.connectors.values()):
        raise ApiError(400, "ALREADY_EXISTS", "connector already exists")


for name, action in (
    ("a second connector of a name replaces the first", overwrite),
    ("a refused connector changes the one there is", describe_anew),
    ("connectors of all types share one set of names", refuse_names_of_other_types),
):
    seed(name, before(CREATE, action), TAKEN, "CON-02")

NAMES = scenario("connectors", "bad_names_are_refused")
seed(
    "names are not checked",
    broken(configuration, "validate_name", lambda _: lambda name, traits=(): None),
    NAMES,
    ("CON-03", CREATE, "name_refused"),
    ("CON-03", "POST /actions", "name_refused"),
    ("GEN-14", CREATE, "response_schema"),
    ("GEN-14", "POST /actions", "response_schema"),
)
for character, what in (("-", "a dash"), ("_", "an underscore")):
    seed(
        f"names may begin with {what}",
        broken(identifiers, "_NAME", lambda _, c=character: re.compile(rf"[{c}0-9a-zA-Z][-0-9a-zA-Z_]*")),
        NAMES,
        ("CON-03", CREATE, "name_refused"),
        ("CON-03", "POST /actions", "name_refused"),
        ("GEN-14", CREATE, "response_schema"),
        ("GEN-14", "POST /actions", "response_schema"),
    )
seed(
    "names may hold U+0000",
    (
        broken(identifiers, "_NAME", lambda _: re.compile(r"[0-9a-zA-Z][-0-9a-zA-Z_\0]*")),
        broken(_Pass, "_check_printable", nothing),
    ),
    scenario("connectors", "name_that_no_path_carries_is_refused"),
    ("CON-03", CREATE, "name_refused"),
    ("CON-03", "POST /actions", "name_refused"),
    ("GEN-14", CREATE, "response_schema"),
    ("GEN-14", "POST /actions", "response_schema"),
)
seed(
    "names may be longer",
    broken(identifiers, "MAX_NAME_BYTES", lambda _: 400),
    NAMES,
    ("CON-03", CREATE, "name_refused"),
    ("CON-03", "POST /actions", "name_refused"),
    ("GEN-14", CREATE, "response_schema"),
    ("GEN-14", "POST /actions", "response_schema"),
)
seed(
    "a newline may end a name",
    broken(configuration, "validate_name", having(Defect.NAME_WITH_A_LINE_BREAK)),
    scenario("connectors", "name_that_ends_in_a_newline_is_refused"),
    "CON-15",
)


def numbers_are_names(request: Request, forward: Callable[[], Answer]) -> Answer:
    name = (request.json or {}).get("name") if request.method == "POST" else None
    return CRASH if isinstance(name, int) else forward()


seed(
    "a number as a name crashes",
    numbers_are_names,
    scenario("connectors", "name_that_is_a_number_is_refused"),
    ("CON-20", CREATE, "name_refused"),
    ("CON-20", "POST /actions", "name_refused"),
    ("CON-20", "POST /schema_registry", "name_refused"),
    ("GEN-15", CREATE, "no_server_error"),
    ("GEN-15", "POST /actions", "no_server_error"),
    ("GEN-15", "POST /schema_registry", "no_server_error"),
)

UNKNOWN = scenario("connectors", "unknown_and_malformed_ids_are_not_found")
for label, instead, number in (
    (READ, error_reply(403, "UNAUTHORIZED_ROLE"), 10056),
    (CHANGE, error_reply(400, "BAD_REQUEST"), 10050),
    (ENABLE, error_reply(400, "BAD_REQUEST"), 10226),
    ("PUT /actions/{id}/enable/{enable}", EMPTY, None),
    (DELETE, EMPTY, None),
    ("DELETE /actions/{id}", EMPTY, None),
):
    seed(
        f"{label} of an unknown or malformed id answers {instead.status}",
        on(label, lambda _, instead=instead: instead, 404),
        UNKNOWN,
        ("CON-04", label, "not_found"),
        origin=None if number is None else f"{PULL}{number}",
    )
seed(
    "an id without colon is a bad request",
    swallow(READ, error_reply(400, "BAD_REQUEST"), lambda request: "%3A" not in request.path),
    UNKNOWN,
    ("CON-04", READ, "not_found"),
)
seed(
    "metrics of malformed ids are zeros",
    on("PUT /actions/{id}/metrics/reset", lambda _: EMPTY, 404),
    UNKNOWN,
    ("CON-04", "PUT /actions/{id}/metrics/reset", "not_found"),
)
for label in (READ, CHANGE, DELETE, ENABLE, START):
    seed(
        f"{label} crashes for an impossible name",
        swallow(label, CRASH, lambda request: len(request.path) > 270 or request.path.endswith("%3A")),
        scenario("connectors", "ids_with_impossible_names_are_not_found"),
        ("CON-05", label, "not_found"),
        ("GEN-15", label, "no_server_error"),
    )

# --- probing, enabling, starting --------------------------------------------------------------------------------------

PROBED = scenario("connectors", "probe_creates_nothing")
PROBED_TYPE = scenario("type_secrets", "probe[POST /connectors_probe-pgsql]")


def keep_what_is_probed(handler: Handler) -> Handler:
    async def probe(call: Call) -> Reply:
        if f"{call.body['type']}:{call.body['name']}" not in call.deployment.bridges.connectors:
            await create_connector(call)
        return await handler(call)

    return probe


def disturb_the_probed(call: Call) -> None:
    connector = call.deployment.bridges.connectors.get(f"{call.body['type']}:{call.body['name']}")
    if connector is not None:
        connector.config["description"] = "probed"


seed("a probe creates what it probes", broken_handler(PROBE, keep_what_is_probed), (PROBED, PROBED_TYPE), "CON-10")
seed("a probe changes the connector of its name", before(PROBE, disturb_the_probed), PROBED, "CON-10")
seed("a probe of nothing succeeds", on(PROBE, lambda _: EMPTY, 400), PROBED, "CON-10")
seed(
    "a failed probe is called a bad request",
    on(PROBE, lambda _: error_reply(400, "BAD_REQUEST"), 400),
    (PROBED, PROBED_TYPE),
    "CON-10",
)


seed(
    "a probe takes any name",
    tuple(
        broken(module, "probed_name", lambda _: lambda call: call.body["name"])
        for module in (connector_handlers, action_handlers)
    ),
    scenario("connectors", "probe_refuses_bad_names"),
    ("CON-19", PROBE, "name_refused"),
    ("CON-19", "POST /actions_probe", "name_refused"),
)

ENABLED = scenario("connectors", "enabling_is_idempotent")
seed(
    "a disabled connector is disconnected instead of stopped",
    broken(Connector, "status", lambda original: property(
        lambda self: original.fget(self) if self.enabled else "disconnected")),
    ENABLED,
    "CON-11",
)  # fmt: skip


def refuse_what_is_so(call: Call) -> None:
    connector = call.deployment.bridges.connectors.get(call.path["id"])
    if connector is not None and connector.enabled == (call.path["enable"] == "true"):
        raise ApiError(400, "BAD_REQUEST", "Nothing to do")


seed("disabling twice is refused", before(ENABLE, refuse_what_is_so), ENABLED, "CON-11")
seed("a connector can be enabled maybe", on(ENABLE, lambda _: EMPTY, 400), ENABLED, "CON-11")

STARTED = scenario("connectors", "only_an_enabled_connector_starts")
seed(
    "any operation of a connector is known",
    swallow(START, EMPTY, lambda request: request.path.endswith("/restart")),
    STARTED,
    "CON-12",
)
seed("a running connector cannot be started", swallow(START, error_reply(400, "BAD_REQUEST")), STARTED, "CON-12")


def start_disabled(handler: Handler) -> Handler:
    async def start(call: Call) -> Reply:
        connector = call.deployment.bridges.connectors[call.path["id"]]
        return await handler(call) if connector.enabled else Reply(204)

    return start


def crash_if_unreachable(handler: Handler) -> Handler:
    async def start(call: Call) -> Reply:
        connector = call.deployment.bridges.connectors[call.path["id"]]
        if connector.enabled and not await connector.check():
            raise ApiError(500, "INTERNAL_ERROR", "timeout")
        return await handler(call)

    return start


seed("a disabled connector can be started", broken_handler(START, start_disabled), STARTED, "CON-12")
seed(
    "starting an unreachable connector crashes",
    broken_handler(START, crash_if_unreachable),
    STARTED,
    "CON-12",
    ("GEN-15", START, "no_server_error"),
    origin=f"{PULL}13148",
)

# --- dependents -------------------------------------------------------------------------------------------------------

USED = scenario("connectors", "connector_in_use_is_not_deleted")


def only_enabled(original: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    return lambda self, connector: [action for action in original(self, connector) if action.enabled]


def of_any_type(_: Any) -> Callable[..., list[Any]]:
    def actions_of(self: Bridges, connector: Connector) -> list[Any]:
        found = [action for action in self.actions.values() if action.settings["connector"] == connector.name]
        return sorted(found, key=lambda action: action.name)

    return actions_of


def let_go(original: Callable[..., Any]) -> Callable[..., Any]:
    async def remove(self: Bridges, connector: Connector) -> None:
        actions = {action.id: self.actions.pop(action.id) for action in self.actions_of(connector) if action.enabled}
        await original(self, connector)
        self.actions |= actions

    return remove


seed("a connector in use is deleted", broken(Bridges, "remove_connector", let_go), USED, "CON-13")
seed("disabled actions do not hold their connector", broken(Bridges, "actions_of", only_enabled), USED, "CON-13")
seed(
    "a connector that was in use stays",
    on(DELETE, lambda _: CRASH, 204),
    USED,
    "CON-13",
    ("GEN-15", DELETE, "no_server_error"),
)

NAMED = scenario("connectors", "connector_names_its_actions")
for name, make in (
    ("a connector does not name disabled actions", only_enabled),
    ("a connector names the actions of its namesakes", of_any_type),
    ("a connector names its actions in no order", lambda original: lambda *args: original(*args)[::-1]),
):
    seed(name, broken(Bridges, "actions_of", make), NAMED, "CON-14")
seed(
    "listed connectors have no actions",
    on(LIST, in_each(None, lambda connector: connector.update(actions=[])), 200),
    NAMED,
    "CON-14",
)
