"""The five operations of tag Schema Registry (behaviour 4)."""

from __future__ import annotations

from typing import Any

from conformance.reference.bridges.identifiers import InvalidName, validate_name
from conformance.reference.defects import Defect
from conformance.reference.rest.checking import CheckError
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, SchemaFilter, handles, unsupported_media_type
from conformance.reference.schema_registry.registry import Schema, SchemaRegistry
from conformance.reference.schema_registry.serde import SourceError

_LONGEST_IN_A_FOLDER = 244
"""With `Defect.SCHEMA_NAME_TOO_LONG_FOR_A_FOLDER`."""


@handles("GET /schema_registry", SchemaFilter.CHECK)
def list_schemas(call: Call) -> Reply:
    return Reply(200, [schema.as_object() for schema in call.deployment.part(SchemaRegistry).all()])


@handles("POST /schema_registry", SchemaFilter.BY_HANDLER)
async def create_schema(call: Call) -> Reply:
    """201 with the schema; 400 ALREADY_EXISTS, or BAD_REQUEST with ``kind`` for a bad name."""
    schemas, checked = call.deployment.part(SchemaRegistry), _checked(call)
    name = call.body["name"]
    if not isinstance(name, str):
        raise Crash("badarg")  # a defect lets an integer pass for a string, and hands it on as it is
    try:
        validate_name(name, call.deployment.traits)
    except InvalidName as error:
        raise ApiError(400, "BAD_REQUEST", str(error), kind="validation_error") from None
    if name in schemas:
        raise ApiError(400, "ALREADY_EXISTS", "Schema already exists")
    if call.deployment.has(Defect.SCHEMA_NAME_TOO_LONG_FOR_A_FOLDER) and len(name) > _LONGEST_IN_A_FOLDER:
        raise ApiError(400, "BAD_REQUEST", "{config_update_crashed,{badmatch,{error,enametoolong}}}")
    if call.deployment.has(Defect.EQUAL_CREATIONS_AT_ONCE):
        await schemas.writes.wait(name)
    return Reply(201, _stored(schemas, _schema(name, checked)))


@handles("GET /schema_registry/{name}", SchemaFilter.CHECK)
def read_schema(call: Call) -> Reply:
    return Reply(200, _found(call).as_object())


@handles("PUT /schema_registry/{name}", SchemaFilter.BY_HANDLER)
def update_schema(call: Call) -> Reply:
    """200 with the schema; a description that is left out stays (erratum B18)."""
    checked = _checked(call)
    old = _found(call)
    if "description" not in call.body:
        checked["description"] = old.description
    return Reply(200, _stored(call.deployment.part(SchemaRegistry), _schema(old.name, checked)))


@handles("DELETE /schema_registry/{name}", SchemaFilter.CHECK)
def delete_schema(call: Call) -> Reply:
    """204; rules that use the schema fail from now on, nothing refuses its deletion (SCH-07)."""
    if not call.deployment.part(SchemaRegistry).delete(call.path["name"]):
        raise _not_found()
    return Reply(204)


def _schema(name: str, checked: dict[str, Any]) -> Schema:
    return Schema(name, checked["type"], checked["source"], checked.get("description", ""))


def _checked(call: Call) -> dict[str, Any]:
    if isinstance(call.body, str):
        raise unsupported_media_type()  # what the filter makes of a JSON text that is no object (GEN-09)
    try:
        return call.deployment.part(SchemaRegistry).bodies.check(call.operation, call.body)
    except CheckError as error:
        raise error.as_bad_request() from None


def _stored(schemas: SchemaRegistry, schema: Schema) -> dict[str, str]:
    try:
        schemas.store(schema)
    except SourceError as error:
        raise ApiError(400, "BAD_REQUEST", f"{{post_config_update,emqx_schema_registry_config,{error}}}") from None
    return schema.as_object()


def _found(call: Call) -> Schema:
    schema = call.deployment.part(SchemaRegistry).get(call.path["name"])
    if schema is None:
        raise _not_found()
    return schema


def _not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "Schema not found")
