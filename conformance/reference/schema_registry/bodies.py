"""Checks the bodies of POST and PUT /schema_registry.

They are checked here and not by the schema filter, because a name that breaks the rule for names has an answer of its
own (SCH-08), which a pattern in the document would anticipate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.rest.checking import Checker, CheckError

_TYPES = ("avro", "protobuf", "json")
_JSON_TYPES = ("avro", "json")
_ANY_NAME = {"type": "string"}


class BodyCheck:
    """The checks of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._traits = deployment.traits
        self._checker = Checker(deployment.contract, deployment.traits)
        self._schemas = {
            label: _by_type(deployment, label) for label in ("POST /schema_registry", "PUT /schema_registry/{name}")
        }

    def check(self, label: str, body: Any) -> dict[str, Any]:
        """The body converted, by the schema of its type; raises `CheckError`."""
        if body is None and Defect.NO_ARRAY in self._traits:
            body = {}
        if not isinstance(body, dict):
            raise CheckError.of("bad_value_for_struct", "root", value=body)
        if body.get("type") not in _TYPES:
            raise CheckError.of("invalid_value", "root", field_name="type", expected=" | ".join(_TYPES))
        checked: dict[str, Any] = self._checker.check(self._schemas[label][body["type"]], body, "root")
        if body["type"] in _JSON_TYPES and Defect.SCHEMA_SOURCE_BEYOND_ASCII in self._traits:
            _check_as_bytes(checked["source"])
        return checked


def _check_as_bytes(source: str) -> None:
    """5.8.9 takes the characters of JSON for bytes, and those for UTF-8 (SCH-01); raises `CheckError`."""
    try:
        source.encode("latin-1").decode()
    except UnicodeEncodeError:
        raise CheckError.of("badarg", "root.source") from None
    except UnicodeDecodeError:
        raise CheckError.of("Invalid JSON string", "root.source") from None


def _by_type(deployment: Deployment, label: str) -> dict[str, Mapping[str, Any]]:
    contract = deployment.contract
    schemas: dict[str, Mapping[str, Any]] = {}
    for branch in contract.branches(contract.resolve(contract.operation(label).json_body or {})):
        schema = contract.resolve(branch)
        properties = dict(schema["properties"])
        if "name" in properties:
            properties["name"] = _ANY_NAME
        schemas[properties["type"]["enum"][0]] = {**schema, "properties": properties}
    return schemas
