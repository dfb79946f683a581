"""Rules and the schema registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.contract import kinds
from conformance.target.http.answer import Answer
from conformance.target.resources.collection import Collection, Measured

AVRO_SOURCE = '{"type":"record","name":"reading","fields":[{"name":"value","type":"int"}]}'


class Rules(Measured):
    """``/rules``. A rule selects everything from a fresh topic of the sandbox and prints it."""

    kind = kinds.RULE

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        name = self.sandbox.name("rule")
        topic = self.sandbox.topic("from")
        return {"id": name, "name": name, "sql": f'SELECT * FROM "{topic}"', "actions": [{"function": "console"}]}

    def republish(self, source: str, destination: str, *, sql: str | None = None, **args: Any) -> str:
        """Create a rule that republishes what is published on ``source``; ``args`` refine the republish action."""
        statement = sql or f'SELECT * FROM "{source}"'
        action = {"function": "republish", "args": {"topic": destination, **args}}
        return self.create(sql=statement, actions=[action])

    def test(self, identifier: str, context: Mapping[str, Any], **body: Any) -> Answer:
        """Answer of a test of the rule with an event's context (``event_type`` included)."""
        return self.api.call("POST /rules/{id}/test", path={"id": identifier}, json={"context": context, **body})


class Schemas(Collection):
    """``/schema_registry``. A schema is an Avro record with one integer field, unless ``source`` says otherwise."""

    kind = kinds.SCHEMA

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"name": self.sandbox.name("schema"), "type": "avro", "source": AVRO_SOURCE}
