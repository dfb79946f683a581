"""The five operations of tag Schema Registry (behaviour 4)."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.bridges.identifiers import InvalidName, validate_name
from conformance.reference.http import ApiError, Call, Crash, Reply, SchemaFilter, handles
from conformance.reference.schema_registry.registry import Schema, SchemaRegistry
from conformance.reference.schema_registry.serde import SourceError

_WRITE_S = 0.04
"""How long a create takes in strict mode, where a second one of the same name passes meanwhile (GEN-23)."""


@handles("GET /schema_registry", SchemaFilter.CHECK)
def list_schemas(call: Call) -> Reply:
    return Reply(200, [schema.as_object() for schema in call.deployment.schemas.all()])


@handles("POST /schema_registry", SchemaFilter.CHECK)
async def create_schema(call: Call) -> Reply:
    """201 with the schema; 400 ALREADY_EXISTS, or BAD_REQUEST with ``kind`` for a bad name."""
    schemas, name = call.deployment.schemas, call.body["name"]
    if not isinstance(name, str):
        raise Crash("badarg")  # the check lets integers pass for strings and hands them on as they are
    try:
        validate_name(name, strict=call.deployment.strict)
    except InvalidName as error:
        raise ApiError(400, "BAD_REQUEST", str(error), kind="validation_error") from None
    if name in schemas:
        raise ApiError(400, "ALREADY_EXISTS", "Schema already exists")
    if call.deployment.strict:
        await asyncio.sleep(_WRITE_S)
    return Reply(201, _stored(schemas, _schema(name, call.checked)))


@handles("GET /schema_registry/{name}", SchemaFilter.CHECK)
def read_schema(call: Call) -> Reply:
    return Reply(200, _found(call).as_object())


@handles("PUT /schema_registry/{name}", SchemaFilter.CHECK)
def update_schema(call: Call) -> Reply:
    """200 with the schema; a description that is left out stays (erratum B18)."""
    old = _found(call)
    changes = {"description": old.description, **call.body}
    changed = {**call.checked, "description": _text(changes["description"])}
    return Reply(200, _stored(call.deployment.schemas, _schema(old.name, changed)))


@handles("DELETE /schema_registry/{name}", SchemaFilter.CHECK)
def delete_schema(call: Call) -> Reply:
    """204; rules that use the schema fail from now on, nothing refuses its deletion (SCH-07)."""
    if not call.deployment.schemas.delete(call.path["name"]):
        raise _not_found()
    return Reply(204)


def _schema(name: str, checked: dict[str, Any]) -> Schema:
    return Schema(name, checked["type"], checked["source"], checked.get("description", ""))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _stored(schemas: SchemaRegistry, schema: Schema) -> dict[str, str]:
    try:
        schemas.store(schema)
    except SourceError as error:
        raise ApiError(400, "BAD_REQUEST", f"{{post_config_update,emqx_schema_registry_config,{error}}}") from None
    return schema.as_object()


def _found(call: Call) -> Schema:
    schema = call.deployment.schemas.get(call.path["name"])
    if schema is None:
        raise _not_found()
    return schema


def _not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "Schema not found")
