"""The stored schemas and their compiled form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.replication import Store
from conformance.reference.schema_registry.bodies import BodyCheck
from conformance.reference.schema_registry.serde import Serde, SerdeError, SourceError
from conformance.reference.unguarded import UnguardedWrites

_LONGEST_OF_PROTOBUF = 240
"""With `Defect.SCHEMA_NAME_TOO_LONG_FOR_PROTOBUF`."""

_WRITE_S = 0.03


# Imported with the first schema of their kind: their libraries would be a quarter of the start of a deployment.
def _avro(source: str) -> Serde:
    from conformance.reference.schema_registry.avro import AvroSerde

    return AvroSerde(source)


def _json(source: str) -> Serde:
    from conformance.reference.schema_registry.json_schema import JsonSerde

    return JsonSerde(source)


def _protobuf(source: str) -> Serde:
    from conformance.reference.schema_registry.protobuf import ProtobufSerde

    return ProtobufSerde(source)


def _protobuf_without_maps(source: str) -> Serde:
    from conformance.reference.schema_registry.protobuf import ProtobufSerde

    return ProtobufSerde(source, encodes_maps=False)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema as GET shows it."""

    name: str
    type: str
    source: str
    description: str = ""

    def as_object(self) -> dict[str, str]:
        return {"name": self.name, "type": self.type, "source": self.source, "description": self.description}


class SchemaRegistry:
    """All schemas of a deployment, by name."""

    def __init__(self, deployment: Deployment) -> None:
        self._forgets = deployment.has(Defect.SCHEMA_BROKEN_BY_A_REFUSED_CHANGE)
        self._limits_names = deployment.has(Defect.SCHEMA_NAME_TOO_LONG_FOR_PROTOBUF)
        protobuf = _protobuf_without_maps if deployment.has(Defect.PROTOBUF_MAPS_NOT_ENCODED) else _protobuf
        self._compilers: Mapping[str, Callable[[str], Serde]] = {"avro": _avro, "json": _json, "protobuf": protobuf}
        self._schemas: dict[str, Schema] = {}
        self._serdes: dict[str, Serde] = {}
        self.bodies = BodyCheck(deployment)
        self.writes = UnguardedWrites(_WRITE_S)

    def __contains__(self, name: str) -> bool:
        return name in self._schemas

    @property
    def replicated(self) -> Store:
        """What the other nodes of a cluster learn with a delay."""
        return Store(self, "_schemas")

    def all(self) -> list[Schema]:
        """Every schema, oldest first."""
        return list(self._schemas.values())

    def get(self, name: str) -> Schema | None:
        return self._schemas.get(name)

    def store(self, schema: Schema) -> None:
        """Create or replace a schema at once (SCH-04); raises `SourceError` and stores nothing if it does not compile.

        With `Defect.SCHEMA_BROKEN_BY_A_REFUSED_CHANGE` a failed replacement leaves the old one visible but unusable.
        """
        if self._forgets:
            self._serdes.pop(schema.name, None)
        if self._limits_names and schema.type == "protobuf" and len(schema.name) > _LONGEST_OF_PROTOBUF:
            raise SourceError("system_limit")
        self._serdes[schema.name] = self._compilers[schema.type](schema.source)
        self._schemas[schema.name] = schema

    def delete(self, name: str) -> bool:
        """False if there is no such schema."""
        self._serdes.pop(name, None)
        return self._schemas.pop(name, None) is not None

    def encode(self, name: str, value: Any, message: str | None = None) -> bytes:
        """Bytes of ``value``; raises `SerdeError` (``serde_not_found`` without such a schema)."""
        return self._serde(name).encode(value, message)

    def decode(self, name: str, raw: bytes, message: str | None = None) -> Any:
        """Value of ``raw``; raises `SerdeError`."""
        return self._serde(name).decode(raw, message)

    def check(self, name: str, data: Any, message: str | None = None) -> bool:
        """Whether ``data`` fits; raises `SerdeError` without such a schema."""
        return self._serde(name).check(data, message)

    def _serde(self, name: str) -> Serde:
        try:
            return self._serdes[name]
        except KeyError:
            raise SerdeError("serde_not_found") from None
