"""Avro schemas by fastavro, with the checks it lacks."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from conformance.reference.schema_registry.serde import SerdeError, SourceError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_NAMED = ("record", "error", "enum", "fixed")
_MEMBERS = {
    "record": "fields",
    "error": "fields",
    "enum": "symbols",
    "fixed": "size",
    "array": "items",
    "map": "values",
}


class AvroSerde:
    """One compiled Avro schema; the data are the bare datum, without a container."""

    def __init__(self, source: str) -> None:
        """Compile ``source`` (JSON text); raises `SourceError`."""
        try:
            schema = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"not JSON: {error}") from None
        try:
            _check(schema)
            self._schema = fastavro.parse_schema(schema)
        except SourceError:
            raise
        except (SchemaParseException, UnknownType, TypeError, ValueError, LookupError, AttributeError) as error:
            raise SourceError(f"invalid avro schema: {error}") from None
        except RecursionError:
            raise SourceError("invalid avro schema: nested too deeply") from None

    def encode(self, value: Any, message: str | None) -> bytes:
        _no_message(message)
        stream = io.BytesIO()
        try:
            fastavro.schemaless_writer(stream, self._schema, _binaries(self._schema, value), strict=True)
        except Exception as error:
            # fastavro raises whatever the mismatch runs into.
            raise SerdeError("$avro_encode_error") from error
        return stream.getvalue()

    def decode(self, raw: bytes, message: str | None) -> Any:
        _no_message(message)
        stream = io.BytesIO(raw)
        try:
            value = fastavro.schemaless_reader(stream, self._schema, None)
        except Exception as error:
            raise SerdeError("avro_decode_error") from error
        return _texts(value)

    def check(self, data: Any, message: str | None) -> bool:
        try:
            if isinstance(data, bytes):
                self.decode(data, message)
            else:
                self.encode(data, message)
        except SerdeError:
            return False
        return True


def _no_message(message: str | None) -> None:
    if message is not None:
        raise SerdeError("badarg")


def _check(schema: Any) -> None:
    """Refuse what fastavro lets pass: types without their members, names that are none (libraries 4)."""
    if isinstance(schema, list):
        for branch in schema:
            _check(branch)
    elif isinstance(schema, dict):
        kind = schema.get("type")
        if kind is None:
            raise SourceError("not_found: type")
        if isinstance(kind, str):
            member = _MEMBERS.get(kind)
            if member is not None and member not in schema:
                raise SourceError(f"not_found: {member} of {kind}")
            if kind in _NAMED and not _NAME.fullmatch(str(schema.get("name", ""))):
                raise SourceError(f"invalid name: {schema.get('name')}")
        for inner in (kind, schema.get("items"), schema.get("values")):
            if isinstance(inner, dict | list):
                _check(inner)
        for field in schema.get("fields", ()):
            if not isinstance(field, dict) or not _NAME.fullmatch(str(field.get("name", ""))):
                raise SourceError("invalid field name")
            _check(field)
    elif not isinstance(schema, str):
        raise SourceError(f"not a schema: {schema!r}")


def _binaries(schema: Any, value: Any) -> Any:
    """Texts where the schema wants bytes become bytes."""
    kind = schema.get("type") if isinstance(schema, dict) else schema
    if kind in ("bytes", "fixed") and isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if kind in ("record", "error") and isinstance(value, dict):
        return {
            **value,
            **{
                field["name"]: _binaries(field["type"], value[field["name"]])
                for field in schema["fields"]
                if field["name"] in value
            },
        }
    if kind == "array" and isinstance(value, list):
        return [_binaries(schema["items"], item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _binaries(schema["values"], item) for key, item in value.items()}
    return value


def _texts(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value
