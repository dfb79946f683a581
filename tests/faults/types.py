"""Faults in the life of a connector or action of any type (TYP, CON, ACT)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.contract.fields import value_at
from conformance.reference.bridges import action_handlers, configuration, connector_handlers
from conformance.reference.bridges.redaction import REDACTED
from conformance.reference.rest.http import ApiError, Call, Handler, Reply
from tests.faults.seeded import (
    EMPTY,
    before,
    broken,
    broken_handler,
    edit,
    in_each,
    json_reply,
    on,
    scenario,
    seed,
    swallow,
    values,
)

PULL = "https://github.com/emqx/emqx/pull/"
LIST, READ, CHANGE = "GET /connectors", "GET /connectors/{id}", "PUT /connectors/{id}"
DELETE, ENABLE = "DELETE /connectors/{id}", "PUT /connectors/{id}/enable/{enable}"
ACTIONS, CHANGE_ACTION = "GET /actions", "PUT /actions/{id}"
ENABLE_ACTION = "PUT /actions/{id}/enable/{enable}"

LIFE = scenario("types", "connector[POST /connectors-pgsql]")
SECRETS = scenario("type_secrets", "connector[POST /connectors-pgsql]")
ACTION_LIFE = scenario("types", "action[POST /actions-http]")


def shown(**fields: Any) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    """Show every connector or action with other fields than it has."""
    return lambda original: lambda deployment, element: {**original(deployment, element), **fields}


# --- connectors -------------------------------------------------------------------------------------------------------

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


def reset_if_put_back(call: Call) -> None:
    if repeats_secrets(call):
        call.checked["ssl"]["depth"] = 3


seed(
    "a connector that is put back with other values loses one",
    before(CHANGE, reset_if_put_back),
    (
        values(f"{CHANGE}-mqtt"),
        scenario("types", "connector[POST /connectors-mqtt]"),
    ),
    ("GEN-60", CHANGE, "shows_values"),
    ("CON-06", CHANGE, "fixed_point"),
)


def unchanged(resource_type: str, *path: str) -> Callable[[Call], None]:
    """An update of a type that leaves one field as it was."""

    def change(call: Call) -> None:
        bridges = call.deployment.bridges
        element = (bridges.connectors if call.operation == CHANGE else bridges.actions).get(call.path["id"])
        if element is not None and element.type == resource_type:
            value = value_at(element.config, path)
            holder = value_at(call.checked, path[:-1])
            if value is not None and holder is not None:
                holder[path[-1]] = value

    return change


for collection, label, resource_type, path in (
    ("connector", CHANGE, "mysql", "server"),
    ("connector", CHANGE, "cassandra", "username"),
    ("connector", CHANGE, "pgsql", "pool_size"),
    ("connector", CHANGE, "oracle", "resource_opts.start_timeout"),
    ("action", CHANGE_ACTION, "kinesis", "resource_opts.health_check_interval"),
    ("action", CHANGE_ACTION, "matrix", "local_topic"),
):
    seed(
        f"an update of one type of {collection} leaves {path} as it was",
        before(label, unchanged(resource_type, *path.split("."))),
        values(f"{label}-{resource_type}"),
        ("GEN-60", label, "shows_values"),
    )
seed(
    "what is read of a connector cannot be put back",
    before(CHANGE, refuse_asterisks),
    (LIFE, SECRETS),
    ("CON-06", CHANGE, "answered"),
    ("CON-06", CHANGE, "taken_back"),
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

# --- actions ----------------------------------------------------------------------------------------------------------

seed(
    "an action is read with other parameters than it was given",
    broken(action_handlers, "action_shown", shown(parameters={"method": "put", "max_retries": 2})),
    ACTION_LIFE,
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
        action = call.deployment.bridges.actions.get(call.path["id"])
        if action is not None and action.config.get("description") == call.body.get("description", ""):
            call.checked["description"] = "again"
        return await handler(call)

    return change


seed(
    "an action that is put back is another one",
    broken_handler(CHANGE_ACTION, describe_what_is_put_back),
    ACTION_LIFE,
    ("TYP-02", CHANGE_ACTION, "fixed_point"),
)
seed(
    "actions are not listed",
    on(ACTIONS, edit(list.clear), 200),
    ACTION_LIFE,
    ("TYP-03", ACTIONS, "listed"),
)
seed(
    "enabling an action does nothing",
    swallow(ENABLE_ACTION, EMPTY),
    ACTION_LIFE,
    ("TYP-04", ENABLE_ACTION, "enabled"),
)
seed(
    "secrets of actions are shown",
    broken(configuration, "redact", lambda _: lambda config, **_: config),
    scenario("type_secrets", "action[POST /actions-snowflake]"),
    "CON-07",
    "TYP-05",
)
