"""The operations on connectors (behaviour 1)."""

from __future__ import annotations

from conformance.reference.bridges.bridges import Bridges, ConnectorInUse, sorted_by_id
from conformance.reference.bridges.configuration import (
    Configuration,
    checked_name,
    configuration,
    connector_shown,
    unreadable_file,
    validation_error,
    with_enable,
)
from conformance.reference.bridges.identifiers import CONNECTOR, parse_id
from conformance.reference.bridges.network import BadAddress
from conformance.reference.bridges.resources import Connector
from conformance.reference.crashes import UNREACHABLE
from conformance.reference.defects import Defect
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, SchemaFilter, handles

_IN_USE = "Cannot delete connector while there are active channels defined for this connector"


@handles("GET /connectors", filter=SchemaFilter.CHECK)
def list_connectors(call: Call) -> Reply:
    """All connectors, sorted by id."""
    connectors = sorted_by_id(call.deployment.part(Bridges).connectors.values())
    return Reply(200, [connector_shown(call.deployment, connector) for connector in connectors])


@handles("POST /connectors", filter=SchemaFilter.CHECK)
async def create_connector(call: Call) -> Reply:
    """201 with the connector, whether its target can be reached or not."""
    name = checked_name(call)
    resource_type = call.body["type"]
    if f"{resource_type}:{name}" in call.deployment.part(Bridges).connectors:
        raise ApiError(400, "ALREADY_EXISTS", "connector already exists")
    _open_files(call)
    connector = await _put(call, resource_type, name, configuration(call, resource_type))
    return Reply(201, connector_shown(call.deployment, connector))


@handles("GET /connectors/{id}", filter=SchemaFilter.CHECK)
def read_connector(call: Call) -> Reply:
    return Reply(200, connector_shown(call.deployment, _found(call)))


@handles("PUT /connectors/{id}", filter=SchemaFilter.CHECK)
async def replace_connector(call: Call) -> Reply:
    """The whole configuration is replaced; secrets given as ``******`` are kept."""
    old = _found(call)
    statics = call.body.get("static_clientids") or []
    if call.deployment.has(Defect.STATIC_CLIENT_ID_AS_A_WORD) and any(
        isinstance(one, str) for static in statics for one in static["ids"]
    ):
        raise Crash("function_clause")  # while secrets are put back
    _open_files(call)
    connector = await _put(call, old.type, old.name, configuration(call, old.type, old))
    return Reply(200, connector_shown(call.deployment, connector))


@handles("DELETE /connectors/{id}", filter=SchemaFilter.CHECK)
async def delete_connector(call: Call) -> Reply:
    connector = _found(call)
    try:
        await call.deployment.part(Bridges).remove_connector(connector)
    except ConnectorInUse as error:
        channels = ",".join(f'<<"action:{user}:connector:{connector.id}">>' for user in error.action_ids)
        raise ApiError(400, "BAD_REQUEST", f'{{<<"{_IN_USE}">>,[{channels}]}}') from None
    return Reply(204)


@handles("PUT /connectors/{id}/enable/{enable}", filter=SchemaFilter.CHECK)
async def enable_connector(call: Call) -> Reply:
    connector = _found(call)
    enable = call.path["enable"] == "true"
    if connector.enabled != enable:
        await _put(call, connector.type, connector.name, with_enable(connector, enable))
    return Reply(204)


@handles("POST /connectors/{id}/{operation}", filter=SchemaFilter.CHECK)
async def start_connector(call: Call) -> Reply:
    """``start`` is the only operation; the filter refuses others."""
    connector = _found(call)
    if not connector.enabled:
        raise ApiError(400, "BAD_REQUEST", "Forbidden operation, connector not enabled")
    if not await connector.check():
        raise ApiError(400, "BAD_REQUEST", connector.reason)
    return Reply(204)


@handles("POST /connectors_probe", filter=SchemaFilter.CHECK)
async def probe_connector(call: Call) -> Reply:
    """Connect without storing anything; a stored connector of that name lends its secrets (CON-09)."""
    resource_type, name = call.body["type"], probed_name(call)
    stored = call.deployment.part(Bridges).connectors.get(f"{resource_type}:{name}")
    await probe(call, resource_type, name, configuration(call, resource_type, stored))
    return Reply(204)


def probed_name(call: Call) -> str:
    """The name in a probe. The recorded server takes any, the document only valid ones."""
    unchecked = call.deployment.has(Defect.PROBE_NAME_UNCHECKED)
    return str(call.body["name"]) if unchecked else checked_name(call)


async def probe(call: Call, resource_type: str, name: str, probed: Configuration) -> None:
    """Connect with a configuration, enabled or not, and end it again; raises `ApiError` 400 TEST_FAILED."""
    settings = {**probed.settings, "enable": True}
    connector = call.deployment.part(Bridges).make_connector(resource_type, name, probed.shown, settings)
    try:
        await connector.start()
    except BadAddress as error:
        raise validation_error(str(error), "TEST_FAILED") from None
    connected = connector.connected
    await connector.stop()
    if not connected:
        told = UNREACHABLE if call.deployment.has(Defect.CRASH_TOLD_IN_A_REFUSAL) else {}
        raise ApiError(400, "TEST_FAILED", told.get(resource_type, connector.reason))


def _open_files(call: Call) -> None:
    if (field := unreadable_file(call.body)) is not None:
        raise validation_error(f"bad_ssl_config: the {field} cannot be opened")


def _found(call: Call) -> Connector:
    return call.deployment.part(Bridges).connector(*parse_id(call.deployment, CONNECTOR, call.path["id"]))


async def _put(call: Call, resource_type: str, name: str, new: Configuration) -> Connector:
    bridges = call.deployment.part(Bridges)
    connector = bridges.make_connector(resource_type, name, new.shown, new.settings)
    try:
        await bridges.put_connector(connector)
    except BadAddress as error:
        raise validation_error(str(error)) from None
    return connector
