"""Which bodies are certainly invalid, also for a parser as lenient as EMQX's.

EMQX reads its configuration types from JSON with conversions (errata B8): strings for numbers and booleans, numbers
for strings, objects with numeric keys for arrays, null for "not given". What is deprecated it drops before it looks at
anything (seen on 5.8.9: ``auto_reconnect`` of tdengine as a text). A negative test may only demand a refusal where none
of these readings is valid; otherwise a healthy server would be accused.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

import jsonschema_rs

from conformance.contract.contract import Contract
from conformance.contract.json_schema import DIALECT

_NUMBER_TEXT = {"type": "string", "pattern": r"^\s*[-+]?[0-9]"}
_COMPONENTS = "urn:contract:lenient"
_KEPT = ("minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems", "required")


class Leniency:
    """Validators of one contract for lenient readings, compiled on first use."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._validator = cache(self._compile)

    def certainly_invalid(self, label: str, body: Any, resource_type: str | None = None) -> bool:
        """Whether no lenient reading of ``body`` satisfies the request schema of the operation."""
        if body is None or body == {} or body == []:
            # EMQX takes null, {} and [] for one another (behaviour of array and object operations).
            return not self._validator(label, resource_type).is_valid({}) and not self._validator(
                label, resource_type
            ).is_valid([])
        return not self._validator(label, resource_type).is_valid(body)

    def _compile(self, label: str, resource_type: str | None) -> Any:
        schema = self._contract.body_schema(label, resource_type) or {}
        root = {"$schema": DIALECT, "allOf": [lenient(schema, base=_COMPONENTS)]}
        return jsonschema_rs.validator_for(root, registry=self._components)

    @cached_property
    def _components(self) -> Any:
        schemas = self._contract.document["components"]["schemas"]
        converted = {name: lenient(schema) for name, schema in schemas.items()}
        document = {"$id": _COMPONENTS, "$schema": DIALECT, "components": {"schemas": converted}}
        return jsonschema_rs.Registry([(_COMPONENTS, document)], draft=jsonschema_rs.Draft7)


def lenient(schema: Mapping[str, Any], base: str = "") -> dict[str, Any]:
    """A JSON Schema that accepts every value some lenient reading of ``schema`` (OpenAPI 3.0) accepts.

    ``base`` is put before references to components.
    """
    if schema.get("deprecated"):
        return {}
    if "$ref" in schema:
        return {"$ref": base + schema["$ref"]}
    for union in ("oneOf", "anyOf"):
        if union in schema:
            return {"anyOf": [lenient(member, base) for member in schema[union]]}
    if "allOf" in schema:
        return {"allOf": [lenient(member, base) for member in schema["allOf"]]}
    kept = {key: schema[key] for key in _KEPT if key in schema}
    kind = schema.get("type")
    if "enum" in schema:
        members = list(schema["enum"])
        return {"enum": members + [str(member).lower() for member in members if not isinstance(member, str)]}
    if kind == "string":
        numbers_and_bytes = [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]
        return {"anyOf": [{"type": "string", **kept}, *numbers_and_bytes, *_null(schema)]}
    if kind in ("integer", "number"):
        return {"anyOf": [{"type": "number", **kept}, _NUMBER_TEXT, *_null(schema)]}
    if kind == "boolean":
        return {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}, *_null(schema)]}
    if kind == "array":
        items = lenient(schema.get("items", {}), base)
        indexed = {"type": "object", "propertyNames": {"pattern": "^[0-9]+$"}}
        return {"anyOf": [{"type": "array", "items": items, **kept}, indexed, {"type": "string"}, *_null(schema)]}
    if kind == "object" or "properties" in schema:
        wanted = _lenient_object(schema, kept, base)
        # An empty list is read as an empty object, which is only valid where nothing is required.
        empty_list = [] if wanted["required"] else [{"type": "array", "maxItems": 0}]
        return {"anyOf": [wanted, *empty_list, *_null(schema)]}
    return {}


def _lenient_object(schema: Mapping[str, Any], kept: dict[str, Any], base: str) -> dict[str, Any]:
    members: Mapping[str, Any] = schema.get("properties", {})
    # A field with a default may be missing, whatever the document says: the server fills it.
    required = {name for name in schema.get("required", ()) if "default" not in members.get(name, {})}
    result: dict[str, Any] = {"type": "object", **kept, "required": sorted(required)}
    if members:
        result["properties"] = {
            name: lenient(member, base) if name in required else {"anyOf": [lenient(member, base), {"type": "null"}]}
            for name, member in members.items()
        }
    if schema.get("additionalProperties") is False:
        result["additionalProperties"] = False
    return result


def _null(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "null"}] if schema.get("nullable") else []
