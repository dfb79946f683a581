"""JSON Schemas by jsonschema: encoding and decoding validate."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft6Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from conformance.reference.schema_registry.serde import SerdeError, SourceError

_NO_REMOTE_SCHEMAS: Registry[Any] = Registry()


class JsonSerde:
    """One compiled JSON Schema."""

    def __init__(self, source: str) -> None:
        """Compile ``source`` (JSON text) as the draft its ``$schema`` names, draft 6 without; raises `SourceError`."""
        try:
            schema = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"not JSON: {error}") from None
        if not isinstance(schema, dict):
            raise SourceError("bad_schema_object")
        draft = validator_for(schema, default=Draft6Validator)
        if "$schema" in schema and draft is Draft6Validator and "draft-06" not in str(schema["$schema"]):
            raise SourceError(f"wrong_draft: {schema['$schema']}")
        try:
            draft.check_schema(schema)
        except SchemaError as error:
            raise SourceError(f"schema_invalid: {error.message}") from None
        except RecursionError:
            raise SourceError("schema_invalid: nested too deeply") from None
        self._validator: Validator = draft(schema, registry=_NO_REMOTE_SCHEMAS)

    def encode(self, value: Any, message: str | None) -> bytes:
        """JSON text of ``value``."""
        self._validate(value, message)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)
        return text.encode("utf-8", "surrogateescape")

    def decode(self, raw: bytes, message: str | None) -> Any:
        value = _decoded(raw)
        self._validate(value, message)
        return value

    def check(self, data: Any, message: str | None) -> bool:
        try:
            self._validate(_decoded(data) if isinstance(data, bytes) else data, message)
        except SerdeError:
            return False
        return True

    def _validate(self, value: Any, message: str | None) -> None:
        if message is not None:
            raise SerdeError("badarg")
        try:
            self._validator.validate(value)
        except (ValidationError, Unresolvable, RecursionError) as error:
            raise SerdeError("badmatch") from error


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise SerdeError("badmatch") from None
