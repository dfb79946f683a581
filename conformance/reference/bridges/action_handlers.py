"""The operations on actions (behaviour 2)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from conformance.reference.bridges.bridges import Bridges, sorted_by_id
from conformance.reference.bridges.configuration import (
    Configuration,
    action_shown,
    checked_name,
    configuration,
    with_enable,
)
from conformance.reference.bridges.connector_handlers import probe, probed_name
from conformance.reference.bridges.identifiers import ACTION, not_found, parse_id
from conformance.reference.bridges.metrics import ActionMetrics
from conformance.reference.bridges.resources import Action, Connector
from conformance.reference.defects import Defect
from conformance.reference.message import now_ms
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, SchemaFilter, handles

# Between looking for the name and writing the configuration the recorded server lets other requests in (GEN-23).
_UNGUARDED_SECONDS = 0.05


@handles("GET /action_types", filter=SchemaFilter.CHECK)
def list_action_types(call: Call) -> Reply:
    return Reply(200, call.deployment.types("actions"))


@handles("GET /actions", filter=SchemaFilter.CHECK)
def list_actions(call: Call) -> Reply:
    """All actions, sorted by id."""
    actions = sorted_by_id(call.deployment.part(Bridges).actions.values())
    return Reply(200, [action_shown(call.deployment, action) for action in actions])


@handles("POST /actions", filter=SchemaFilter.CHECK)
async def create_action(call: Call) -> Reply:
    """201 with the action; 400 if its connector is missing or of another type (ACT-01)."""
    name = checked_name(call)
    resource_type = call.body["type"]
    if f"{resource_type}:{name}" in call.deployment.part(Bridges).actions:
        raise ApiError(400, "ALREADY_EXISTS", "bridge already exists")
    if call.deployment.has(Defect.EQUAL_CREATIONS_AT_ONCE):
        await asyncio.sleep(_UNGUARDED_SECONDS)
    action = await _put(call, resource_type, name, None)
    return Reply(201, action_shown(call.deployment, action))


@handles("GET /actions/{id}", filter=SchemaFilter.CHECK)
def read_action(call: Call) -> Reply:
    return Reply(200, action_shown(call.deployment, _found(call)))


@handles("PUT /actions/{id}", filter=SchemaFilter.CHECK)
async def replace_action(call: Call) -> Reply:
    """The whole configuration is replaced and the counters start again; secrets given as ``******`` are kept."""
    old = _found(call)
    action = await _put(call, old.type, old.name, old)
    return Reply(200, action_shown(call.deployment, action))


@handles("DELETE /actions/{id}", filter=SchemaFilter.CHECK)
async def delete_action(call: Call) -> Reply:
    """Rules that use the action block it, or lose it with ``also_delete_dep_actions=true`` (ACT-03)."""
    action = _found(call)
    also_from_rules = call.query.get("also_delete_dep_actions") is True
    await call.deployment.part(Bridges).remove_action(action, also_from_rules=also_from_rules)
    return Reply(204)


@handles("PUT /actions/{id}/enable/{enable}", filter=SchemaFilter.CHECK)
async def enable_action(call: Call) -> Reply:
    action = _found(call)
    enable = call.path["enable"] == "true"
    if action.enabled != enable:
        changed = with_enable(action, enable)
        action.config, action.settings = changed.shown, changed.settings
        action.last_modified_at = now_ms()
        await action.install(_connector_of(call, action))
    return Reply(204)


@handles("POST /actions/{id}/{operation}", filter=SchemaFilter.CHECK)
async def start_action(call: Call) -> Reply:
    """``start`` is the only operation; the filter refuses others."""
    action = _found(call)
    connector = _connector_of(call, action)
    if not (action.enabled and connector.enabled):
        raise ApiError(400, "BAD_REQUEST", "Forbidden operation, bridge not enabled")
    if not await connector.check():
        raise ApiError(400, "BAD_REQUEST", connector.reason)
    return Reply(204)


@handles("GET /actions/{id}/metrics", filter=SchemaFilter.CHECK)
def read_metrics(call: Call) -> Reply:
    """Counters, summed and per node. The recorded server has zeros for an action that is not there (ACT-08)."""
    resource_type, name = parse_id(call.deployment, ACTION, call.path["id"])
    action = call.deployment.part(Bridges).actions.get(f"{resource_type}:{name}")
    if action is None and not call.deployment.has(Defect.METRICS_OF_AN_UNKNOWN_ACTION):
        raise not_found(ACTION, resource_type, name)
    metrics = action.metrics if action is not None else ActionMetrics()
    node_metrics = [{"node": node, "metrics": metrics.shown(node)} for node in call.deployment.nodes]
    return Reply(200, {"metrics": metrics.shown(), "node_metrics": node_metrics})


@handles("PUT /actions/{id}/metrics/reset", filter=SchemaFilter.CHECK)
def reset_metrics(call: Call) -> Reply:
    resource_type, name = parse_id(call.deployment, ACTION, call.path["id"])
    action = call.deployment.part(Bridges).actions.get(f"{resource_type}:{name}")
    if action is None:
        if call.deployment.has(Defect.METRICS_OF_AN_UNKNOWN_ACTION):
            raise Crash("{badmatch,{error,not_found}}")  # ACT-08
        raise not_found(ACTION, resource_type, name)
    action.metrics.reset()
    return Reply(204)


@handles("POST /actions_probe", filter=SchemaFilter.CHECK)
async def probe_action(call: Call) -> Reply:
    """Connect as the action's connector would, even a disabled one; nothing is stored."""
    resource_type = call.body["type"]
    connector = call.deployment.part(Bridges).connectors.get(f"{resource_type}:{call.body['connector']}")
    if connector is None:
        raise ApiError(400, "TEST_FAILED", f'Connector <<"{call.body["connector"]}">> not found')
    probed = Configuration(connector.config, dict(connector.settings))
    await probe(call, resource_type, f"{connector.name}_{probed_name(call)}", probed)
    return Reply(204)


def _found(call: Call) -> Action:
    return call.deployment.part(Bridges).action(*parse_id(call.deployment, ACTION, call.path["id"]))


def _connector_of(call: Call, action: Action) -> Connector:
    return call.deployment.part(Bridges).connectors[action.connector_id]


async def _put(call: Call, resource_type: str, name: str, old: Action | None) -> Action:
    bridges = call.deployment.part(Bridges)
    wanted = call.body["connector"]
    if not isinstance(wanted, str) or f"{resource_type}:{wanted}" not in bridges.connectors:
        raise _no_connector(resource_type, name, wanted)
    has = call.deployment.has
    if resource_type == "s3" and "resource_opts" not in call.body and has(Defect.S3_WITHOUT_RESOURCE_OPTIONS):
        raise Crash("{invalid_ejson,{error,function_clause}}")  # ACT-13
    new = configuration(call, resource_type, old)
    action = Action(resource_type, name, new.shown, new.settings)
    if has(Defect.ACTION_CREATED_AT):
        # The recorded server believes the client, and forgets the time of creation if it says nothing (ACT-12).
        action.created_at = call.checked.get("created_at", action.created_at)
    elif old is not None:
        action.created_at = old.created_at
    await bridges.put_action(action)
    return action


def _no_connector(resource_type: str, name: str, wanted: Any) -> ApiError:
    problem = {
        "conf_root_key": "actions",
        "connector_name": wanted,
        "bridge_type": resource_type,
        "bridge_name": name,
        "reason": "connector_not_found_or_wrong_type",
    }
    return ApiError(400, "BAD_REQUEST", json.dumps(problem, separators=(",", ":")))
