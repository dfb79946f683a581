"""Rules and the schema registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.contract import kinds
from conformance.target.http.answer import Answer
from conformance.target.resources.collection import Collection, Measured

AVRO_SOURCE = '{"type":"record","name":"reading","fields":[{"name":"value","type":"int"}]}'

REPUBLISH_DEFAULTS = {
    "qos": "${qos}",
    "retain": "${retain}",
    "payload": "${payload}",
    "mqtt_properties": {},
    "user_properties": "${user_properties}",
    "direct_dispatch": False,
}


class Rules(Measured):
    """``/rules``. A rule selects everything from a fresh topic of the sandbox and prints it."""

    kind = kinds.RULE

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        name = self.sandbox.name("rule")
        topic = self.sandbox.topic("from")
        return {"id": name, "name": name, "sql": f'SELECT * FROM "{topic}"', "actions": [{"function": "console"}]}

    def republishing(self, source: str, destination: str, *, sql: str | None = None, **args: Any) -> dict[str, Any]:
        """Fields of a rule that republishes what is published on ``source``; ``args`` refine the republish action."""
        statement = sql or f'SELECT * FROM "{source}"'
        return {"sql": statement, "actions": [{"function": "republish", "args": {"topic": destination, **args}}]}

    def republish(self, source: str, destination: str, *, sql: str | None = None, **args: Any) -> str:
        """Create a rule as of `republishing`; returns its id."""
        return self.create(**self.republishing(source, destination, sql=sql, **args))

    def becomes(self, identifier: str, **fields: Any) -> bool:
        """Whether an existing rule is now as if it had been created with ``fields``, and counts from 0.

        A rule whose statement is asked for, and that is so already, is not written again.
        """
        body = {"enable": True, "description": "", **self.body(**fields)}
        read = self.found(identifier)
        asked_for = {name: body[name] for name in ("enable", "description", "actions", *fields)}
        if "sql" in fields and all(_is_read(value, read.get(name)) for name, value in asked_for.items()):
            return self.restart(identifier)
        # A PUT would create what is not there, and not as a POST does.
        return bool(read) and self.put(identifier, _without_id(body)).ok and self.counts_from_zero(identifier)

    def test(self, identifier: str, context: Mapping[str, Any], **body: Any) -> Answer:
        """Answer of a test of the rule with an event's context (``event_type`` included)."""
        return self.api.call("POST /rules/{id}/test", path={"id": identifier}, json={"context": context, **body})


def _is_read(sent: Any, read: Any) -> bool:
    """Whether a value of a rule is read as ``sent`` would be; republish actions are read with their defaults."""
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(map(_is_read, sent, read))
    if isinstance(sent, Mapping) and sent.get("function") == "republish" and isinstance(read, Mapping):
        sent = {**sent, "args": {**REPUBLISH_DEFAULTS, **sent["args"]}}
    return bool(sent == read)


def _without_id(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "id"}


class Schemas(Collection):
    """``/schema_registry``. A schema is an Avro record with one integer field, unless ``source`` says otherwise."""

    kind = kinds.SCHEMA

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"name": self.sandbox.name("schema"), "type": "avro", "source": AVRO_SOURCE}
