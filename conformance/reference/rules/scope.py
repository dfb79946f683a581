"""Where the expressions of a statement find their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conformance.reference.rules.values import UNDEFINED, decode_json
from conformance.reference.schema_registry.registry import SchemaRegistry

Row = dict[str, Any]


@dataclass(slots=True)
class Scope:
    """Where an expression finds its values: ``columns`` hold those of the event and what was selected so far."""

    columns: Row
    schemas: SchemaRegistry | None = None
    _decoded: dict[str, Any] = field(default_factory=dict)

    def with_columns(self, columns: Row) -> Scope:
        """The same event with other columns; what was decoded from its payload is kept."""
        return Scope(columns, self.schemas, self._decoded)

    def payload(self) -> Any:
        """The payload, decoded once if it is JSON text; raises `EvaluationError` if it is other text."""
        payload = self.columns.get("payload", UNDEFINED)
        if not isinstance(payload, str):
            return payload
        if payload not in self._decoded:
            self._decoded[payload] = decode_json(payload)
        return self._decoded[payload]
