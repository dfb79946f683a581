"""Turn OpenAPI 3.0 schemas into JSON Schema (draft 7) for one direction.

What OpenAPI 3.0 adds is expressed (``nullable``, ``discriminator``); what no validator may judge is dropped. A body of
a request is closed where the contract closes it, a body of a response is open: a server may tell more (erratum B7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Direction = Literal["request", "response"]
Schema = Mapping[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"

_KEPT = frozenset(
    {
        "type", "enum", "required", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "multipleOf",
        "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    }
)  # fmt: skip


def to_json_schema(schema: Schema, direction: Direction, base: str = "") -> dict[str, Any]:
    """The JSON Schema of ``schema``; references to components stay references, made absolute with ``base``."""
    if "$ref" in schema:
        return {"$ref": base + schema["$ref"]}
    if schema.get("discriminator", {}).get("mapping"):
        return _chosen_by_property(schema, base)
    result: dict[str, Any] = {key: schema[key] for key in _KEPT & schema.keys()}
    if "properties" in schema:
        members = schema["properties"].items()
        result["properties"] = {name: to_json_schema(member, direction, base) for name, member in members}
    if isinstance(schema.get("items"), Mapping):
        result["items"] = to_json_schema(schema["items"], direction, base)
    additional = schema.get("additionalProperties")
    if isinstance(additional, Mapping):
        result["additionalProperties"] = to_json_schema(additional, direction, base)
    elif additional is False and direction == "request":
        result["additionalProperties"] = False
    for union in ("allOf", "anyOf", "oneOf"):
        if union in schema:
            result[union] = [to_json_schema(member, direction, base) for member in schema[union]]
    if "not" in schema:
        result["not"] = to_json_schema(schema["not"], direction, base)
    return _or_null(result) if schema.get("nullable") else result


def _chosen_by_property(schema: Schema, base: str) -> dict[str, Any]:
    """One condition for each value, so that an error is about the branch that was meant and not about all of them."""
    name: str = schema["discriminator"]["propertyName"]
    mapping: Mapping[str, str] = schema["discriminator"]["mapping"]
    return {
        "type": "object",
        "required": [name, *schema.get("required", ())],
        "properties": {name: {"enum": list(mapping)}},
        "allOf": [
            {
                "if": {"type": "object", "required": [name], "properties": {name: {"enum": [value]}}},
                "then": {"$ref": base + reference},
            }
            for value, reference in mapping.items()
        ],
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
