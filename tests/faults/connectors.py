"""Faults of connectors (CON), and of what every connector and action type has in common (TYP)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.reference.bridges import action_handlers, configuration, connector_handlers, identifiers, redaction
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.connector_handlers import create_connector
from conformance.reference.bridges.redaction import REDACTED
from conformance.reference.bridges.resources import Connector
from conformance.reference.http import ApiError, Call, Handler, Reply
from tests.faults.proxy import Fault, Request
from tests.faults.proxy import Reply as Answer
from tests.faults.seeded import (
    EMPTY,
    broken,
    broken_handler,
    edit,
    error_reply,
    in_each,
    json_reply,
    on,
    scenario,
    seed,
    swallow,
)

PULL = "https://github.com/emqx/emqx/pull/"
CRASH = error_reply(500, "INTERNAL_ERROR", "The operation crashed")
CREATE, READ, CHANGE, DELETE = (
    "POST /connectors",
    "GET /connectors/{id}",
    "PUT /connectors/{id}",
    "DELETE /connectors/{id}",
)
ENABLE, START = "PUT /connectors/{id}/enable/{enable}", "POST /connectors/{id}/{operation}"
LIST, PROBE = "GET /connectors", "POST /connectors_probe"

LIFE = scenario("types", "connector[POST /connectors-pgsql]")
SECRETS = scenario("type_secrets", "connector[POST /connectors-pgsql]")


def shown(**fields: Any) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    """Show every connector with other fields than it has."""
    return lambda original: lambda deployment, connector: {**original(deployment, connector), **fields}


def before(label: str, action: Callable[[Call], None]) -> Any:
    """Do something before an operation is handled."""

    def make(handler: Handler) -> Handler:
        def handle(call: Call) -> Any:
            action(call)
            return handler(call)

        return handle

    return broken_handler(label, make)


# --- round trips ------------------------------------------------------------------------------------------------------

seed(
    "a connector is read with another database than it was given",
    broken(connector_handlers, "connector_shown", shown(database="other")),
    LIFE,
    "CON-01",
)
seed(
    "a default of connectors is not the documented one",
    broken(connector_handlers, "connector_shown", shown(disable_prepared_statements=True)),
    LIFE,
    "CON-01",
)
seed(
    "a connector shows its secrets to whoever created it",
    broken(connector_handlers, "connector_shown", shown(password="p")),
    LIFE,
    "CON-01",
)


def repeats_secrets(call: Call) -> bool:
    return call.body.get("password") == REDACTED


def refuse_asterisks(call: Call) -> None:
    if repeats_secrets(call):
        raise ApiError(400, "BAD_REQUEST", "A password of asterisks")


def shrink_if_put_back(call: Call) -> None:
    if repeats_secrets(call):
        call.checked["pool_size"] = 1


seed(
    "a connector that is put back is another one",
    before(CHANGE, shrink_if_put_back),
    LIFE,
    ("CON-06", CHANGE, "fixed_point"),
)
seed(
    "what is read of a connector cannot be put back",
    before(CHANGE, refuse_asterisks),
    (LIFE, SECRETS),
    ("CON-06", CHANGE, "answered"),
    ("TYP-05", CHANGE, "accepted"),
    origin=f"{PULL}18908",
)
seed("connectors are not listed", on(LIST, edit(list.clear), 200), LIFE, ("TYP-03", LIST, "listed"))
seed(
    "the list shows other connectors than there are",
    on(LIST, in_each(None, lambda connector: connector.update(description="listed")), 200),
    LIFE,
    ("TYP-03", LIST, "listed_as_read"),
)
seed(
    "deleting a connector does nothing",
    swallow(DELETE, EMPTY),
    LIFE,
    ("TYP-03", READ, "answered"),
    ("TYP-03", LIST, "unlisted"),
)
seed(
    "a deletion of a connector is answered with 200",
    on(DELETE, lambda _: json_reply(200, {}), 204),
    LIFE,
    ("TYP-03", DELETE, "answered"),
    ("GEN-27", DELETE, "documented_status"),
)
seed(
    "enabling a connector does nothing",
    swallow(ENABLE, EMPTY),
    (LIFE, scenario("connectors", "enabling_is_idempotent")),
    ("TYP-04", ENABLE, "enabled"),
    "CON-11",
)

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
    broken(configuration, "validate_name", lambda _: lambda name, strict=False: None),
    NAMES,
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
    broken(configuration, "validate_name", lambda original: lambda name, strict=False: original(name, strict=True)),
    scenario("connectors", "name_that_ends_in_a_newline_is_refused"),
    "CON-15",
    ("GEN-14", CREATE, "response_schema"),
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
        return await handler(call)  # type: ignore[misc]

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


def telling(label: str) -> Fault:
    """Repeat the password in the message of a 400."""

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        reply = forward()
        if not request.is_for(label) or reply.status != 400:
            return reply
        return edit(lambda body: body.update(message=f"Not with {request.json['password']}"))(reply)

    return fault


seed(
    "a failed probe shows the password",
    telling(PROBE),
    PROBED_TYPE,
    ("CON-07", PROBE, "unrepeated"),
    ("GEN-16", PROBE, "no_internals"),
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
        return await handler(call) if connector.enabled else Reply(204)  # type: ignore[misc]

    return start


def crash_if_unreachable(handler: Handler) -> Handler:
    async def start(call: Call) -> Reply:
        connector = call.deployment.bridges.connectors[call.path["id"]]
        if connector.enabled and not await connector.check():
            raise ApiError(500, "INTERNAL_ERROR", "timeout")
        return await handler(call)  # type: ignore[misc]

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

# --- secrets ----------------------------------------------------------------------------------------------------------


def shallow(_: Any) -> Callable[..., dict[str, Any]]:
    def redact(config: Mapping[str, Any]) -> dict[str, Any]:
        return {name: REDACTED if redaction.is_sensitive(name) else value for name, value in config.items()}

    return redact


def forgetting(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return lambda new, old: {name: value for name, value in original(new, old).items() if new[name] != REDACTED}


HIDDEN = ("CON-07", "TYP-05")
seed(
    "secrets are shown",
    broken(configuration, "redact", lambda _: lambda config: config),
    SECRETS,
    *HIDDEN,
    origin=f"{PULL}13225",
)
seed("secrets are hidden at the top only", broken(configuration, "redact", shallow), SECRETS, *HIDDEN)
seed(
    "one kind of secrets is shown",
    broken(redaction, "_SENSITIVE", lambda original: original - {"security_token"}),
    scenario("type_secrets", "connector[POST /connectors-rocketmq]"),
    *HIDDEN,
)
seed(
    "secrets are shown in the list",
    on(LIST, in_each(None, lambda connector: connector.update(password="p")), 200),
    SECRETS,
    ("CON-07", LIST, "hidden"),
)
seed(
    "a refused connector shows its password",
    telling(CREATE),
    SECRETS,
    ("CON-07", CREATE, "unrepeated"),
    ("GEN-16", CREATE, "no_internals"),
)
seed(
    "an update with asterisks loses the secrets",
    broken(configuration, "restore", forgetting),
    SECRETS,
    ("TYP-05", READ, "still_secret"),
)
overwriting = broken(configuration, "restore", lambda _: lambda new, old: dict(new))
seed(
    "an update with asterisks makes them the secret",
    overwriting,
    (
        scenario("connector_secrets", "http_connector_keeps_its_authorization"),
        scenario("connector_secrets", "mqtt_connector_keeps_its_password"),
    ),
    "CON-08",
    origin=f"{PULL}12948",
)


def forgetting_in_probes(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, resource_type, old=None: original(call, resource_type, None if call.operation == PROBE else old)


def borrowing_in_probes(original: Callable[..., Any]) -> Callable[..., Any]:
    def configure(call: Call, resource_type: str, old: Connector | None = None) -> Any:
        alike = [c for c in call.deployment.bridges.connectors.values() if c.type == resource_type]
        return original(call, resource_type, alike[0] if call.operation == PROBE and alike else old)

    return configure


for name, make, number in (
    ("a probe tries the asterisks for a secret", forgetting_in_probes, 12306),
    ("a probe under a new name borrows the secret of another connector", borrowing_in_probes, None),
):
    seed(
        name,
        broken(connector_handlers, "configuration", make),
        scenario("connector_secrets", "probe_uses_the_stored_secret"),
        "CON-09",
        origin=None if number is None else f"{PULL}{number}",
    )


def poisonous() -> Fault:
    """A number as a secret is stored behind a 500, and crashes the list."""
    poisoned: set[str] = set()

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        if request.is_for(CREATE) and request.json.get("password") == 0:
            poisoned.add(request.json["name"])
            return CRASH
        if request.is_for(DELETE):
            poisoned.clear()
        return CRASH if poisoned and request.is_for(LIST) else forward()

    return fault


seed(
    "a number as a secret makes the list unreadable",
    poisonous(),
    scenario("connector_secrets", "secret_that_is_a_number"),
    ("CON-16", LIST, "secret_that_is_a_number"),
    ("GEN-15", LIST, "no_server_error"),
    ("GEN-15", CREATE, "no_server_error"),
)
seed(
    "asterisks become a secret",
    overwriting,
    scenario("connector_secrets", "asterisks_are_no_secret"),
    "CON-17",
)


def objects_only(_: Any) -> Callable[..., dict[str, Any]]:
    def redact(config: Any) -> Any:
        if not isinstance(config, Mapping):
            return config
        return {name: REDACTED if redaction.is_sensitive(name) else redact(value) for name, value in config.items()}

    return redact


seed(
    "secrets in lists are shown",
    broken(configuration, "redact", objects_only),
    scenario("connector_secrets", "secrets_in_lists_are_hidden"),
    "CON-18",
)
