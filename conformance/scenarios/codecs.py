"""Schemas of each type whose sources tell apart what is coded with them; those of a worker serve all its items (SCH).

Their sources are written in an unusual way, so that whoever looks at what is stored of a schema can look at them, too.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.target.http.answer import Answer
from conformance.target.resources.collection import arranged
from conformance.target.target import Target
from conformance.worker.context import Context

DRAFT = '"$schema":"http://json-schema.org/draft-06/schema#"'


@dataclass(frozen=True, slots=True)
class Codec:
    """A type of schema: two sources, and data whose meaning tells them apart.

    ``data`` is what ``old`` decodes to `VALUE`; ``new_data`` is what ``new`` decodes to ``new_value``. ``wrong`` is a
    source that does not compile. ``message`` names what is coded, where the type needs it.
    """

    old: str
    new: str
    wrong: str
    data: bytes
    new_data: bytes
    new_value: Mapping[str, Any]
    message: str = ""


def avro(name: str) -> str:
    return (
        '{"type":"record",\r\n  "name": "sample",\r\n\t"doc": "\\u00fc \\/",'
        f'"fields":[{{"name":"{name}","type":"int"}},'
        '{"name":"text","type":"string"},{"name":"ok","type":"boolean"},'
        '{"name":"list","type":{"type":"array","items":"int"}},'
        '{"name":"at","type":{"type":"record","name":"place","fields":'
        '[{"name":"lat","type":"double"},{"name":"id","type":"long"}]}},'
        '{"name":"more","type":{"type":"array","items":"place"}}]}'
    )


def json_schema(kind: str) -> str:
    members = '"list":{"type":"array","maxItems":3,"items":{"type":"integer"}},"at":{"required":["lat"]}'
    properties = f'{{"count":{{"type":"{kind}","minimum":-3}},{members}}}'
    unusual = '\r\n  "description": "\\u00fc \\"quoted\\"",\r\n\t'
    return f'{{{DRAFT},{unusual}"type":"object","properties":{properties},"required":["count"]}}'


def protobuf(name: str) -> str:
    return (
        '// ü € "quoted" \\ \r\n\t'
        "message Place {\n  required double lat = 1;\n  required int64 id = 2;\n}\n"
        f"message Reading {{\n  required int32 {name} = 1;\n  required string text = 2;\n  required bool ok = 3;\n"
        "  repeated int32 list = 4;\n  required Place at = 5;\n  repeated Place more = 6;\n"
        "  optional string unit = 7;\n}\n"
        "message Labelled {\n  map<string, string> labels = 1;\n}\n"
    )


_BIG = 2**53 + 1
"""A whole number that no double holds."""

# A value with every kind of field, objects within it too; of the optional ones none.
VALUE: Mapping[str, Any] = {
    "count": -3,
    "text": "ü 'x'",
    "ok": True,
    "list": [1, 0, 300],
    "at": {"lat": 1.5, "id": _BIG},
    "more": [{"lat": -0.25, "id": -7}, {"lat": 1.5, "id": _BIG}],
}
MISFITS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "json": (
        {name: value for name, value in VALUE.items() if name != "count"},
        {**VALUE, "count": -4},
        {**VALUE, "list": [1, 0, 300, 2]},
        {**VALUE, "list": ["1"]},
        {**VALUE, "at": {}},
    )
}
"""By type: values that its first source does not take, though other types would take some."""
LABELLED: Mapping[str, Any] = {"labels": {"site": "north", "ü": "'x'"}}
"""A value of another message of the protobuf schemas."""

_RENAMED = {"level": -3} | {name: value for name, value in VALUE.items() if name != "count"}
_TEXT = b"\xc3\xbc 'x'"
_HALVES, _QUARTER = struct.pack("<d", 1.5), struct.pack("<d", -0.25)
_AVRO_PLACE = _HALVES + b"\x82" + b"\x80" * 6 + b"\x20"
_AVRO = (
    b"\x05\x0c" + _TEXT + b"\x01\x06\x02\x00\xd8\x04\x00" + _AVRO_PLACE
    + b"\x04" + _QUARTER + b"\x0d" + _AVRO_PLACE + b"\x00"
)  # fmt: skip
_PROTOBUF_PLACE = b"\x12\x09" + _HALVES + b"\x10\x81" + b"\x80" * 6 + b"\x10"
_PROTOBUF = (
    b"\x08\xfd" + b"\xff" * 8 + b"\x01\x12\x06" + _TEXT + b"\x18\x01\x20\x01\x20\x00\x20\xac\x02"
    + b"\x2a" + _PROTOBUF_PLACE
    + b"\x32\x14\x09" + _QUARTER + b"\x10\xf9" + b"\xff" * 8 + b"\x01"
    + b"\x32" + _PROTOBUF_PLACE
)  # fmt: skip

# Avro and protobuf data carry no names of fields, so the same bytes show which source decoded them.
CODECS = {
    "avro": Codec(
        old=avro("count"),
        new=avro("level"),
        wrong="{}",
        data=_AVRO,
        new_data=_AVRO,
        new_value=_RENAMED,
    ),
    "json": Codec(
        old=json_schema("integer"),
        new=json_schema("string"),
        wrong="[]",
        data=json.dumps(VALUE).encode(),
        new_data=b'{"count":"x"}',
        new_value={"count": "x"},
    ),
    "protobuf": Codec(
        old=protobuf("count"),
        new=protobuf("level"),
        wrong="message {",
        data=_PROTOBUF,
        new_data=_PROTOBUF,
        new_value=_RENAMED,
        message=", 'Reading'",
    ),
}

DESCRIPTION = "ü \"quoted\" 'single'"


@dataclass(frozen=True, slots=True)
class Stored:
    """A schema that was created: ``sent``, its body, with its ``answer``, the GET and the list after it."""

    sent: Mapping[str, Any]
    answer: Answer
    read: Answer
    listing: Answer


@dataclass(slots=True)
class Schemas:
    """The schemas of a worker by type: their names, those that are taken, and what was ``stored`` under them.

    A name is chosen before there is a schema, so that one rule can speak of all. ``spoiled`` can be used no more.
    """

    names: dict[str, str]
    taken: set[str] = field(default_factory=set)
    spoiled: set[str] = field(default_factory=set)
    stored: dict[str, Stored] = field(default_factory=dict)

    @classmethod
    def of(cls, context: Context) -> Schemas:
        """Those of a worker."""
        schemas: Schemas = context.once(
            "schemas of coders", lambda: cls({kind: context.sandbox.name("schema") for kind in CODECS})
        )
        return schemas

    def store(self, target: Target, kind: str) -> Stored:
        """Create one with the first source of its type, whatever is answered."""
        if self.names[kind] in self.taken:
            self.names[kind] = target.sandbox.name("schema")
        name = self.names[kind]
        self.taken.add(name)
        sent = {"name": name, "type": kind, "source": CODECS[kind].old, "description": DESCRIPTION}
        answer = target.api.call("POST /schema_registry", json=sent)
        listing = target.api.call("GET /schema_registry")
        self.stored[name] = Stored(sent, answer, target.schemas.get(name), listing)
        return self.stored[name]


def schema_of(kind: str, context: Context, target: Target) -> str:
    """The name of a schema with the first source of its type; raises `ArrangeFailed`."""
    schemas, old = Schemas.of(context), {"type": kind, "source": CODECS[kind].old}

    def serves(known: str) -> bool:
        read = target.schemas.found(known)
        if not read or known in schemas.spoiled:
            return False
        return read.get("source") == old["source"] or target.schemas.put(known, old).ok

    def make() -> str:
        stored = schemas.store(target, kind)
        arranged(stored.answer, 201)
        return str(stored.sent["name"])

    return context.lasting(_key(kind), make, serves)


def stored_schema(kind: str, context: Context, target: Target) -> Stored:
    """What came of the creation of such a schema that is there still, or is created now; it is 201, or fails the item.

    Others may have changed the schema since.
    """
    schemas = Schemas.of(context)

    def make() -> str:
        stored = schemas.store(target, kind)
        stored.answer.expect(201)
        return str(stored.sent["name"])

    return schemas.stored[context.lasting(_key(kind), make, lambda known: target.schemas.get(known).ok)]


def _key(kind: str) -> str:
    return f"schema of coder {kind}"
