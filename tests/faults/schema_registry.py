"""Faults of the schema registry: what it stores, and what rules code with it (SCH).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.rest.http import ApiError, Call
from conformance.reference.rules.metrics import RuleMetrics
from conformance.reference.schema_registry import handlers, protobuf
from conformance.reference.schema_registry.avro import AvroSerde
from conformance.reference.schema_registry.bodies import BodyCheck
from conformance.reference.schema_registry.json_schema import JsonSerde
from conformance.reference.schema_registry.protobuf import ProtobufSerde
from conformance.reference.schema_registry.registry import Schema, SchemaRegistry
from conformance.reference.schema_registry.serde import SerdeError, SourceError
from tests.faults.rules import instead
from tests.faults.seeded import (
    EMPTY,
    before,
    broken,
    edit,
    in_each,
    json_reply,
    nothing,
    on,
    scenario,
    seed,
)  # fmt: skip

CREATE, LIST, READ, CHANGE, DELETE = (
    "POST /schema_registry", "GET /schema_registry", "GET /schema_registry/{name}", "PUT /schema_registry/{name}",
    "DELETE /schema_registry/{name}",
)  # fmt: skip

ANY = {"name": "x", "type": "json", "source": "{}", "description": ""}

# --- stored -----------------------------------------------------------------------------------------------------------


def shown(name: str, change: Callable[[str], str]) -> Any:
    """Show a field of every schema otherwise than it is stored."""

    def make(original: Callable[[Schema], dict[str, str]]) -> Callable[[Schema], dict[str, str]]:
        return lambda self: {**original(self), name: change(original(self)[name])}

    return broken(Schema, "as_object", make)


STORED = scenario("schema_registry", "source_is_stored_to_the_letter")
seed("the lines of a source end in LF", shown("source", lambda text: text.replace("\r\n", "\n")), STORED, "SCH-01")
seed("a source is ASCII", shown("source", lambda text: text.encode("ascii", "replace").decode()), STORED, "SCH-01")


def refuse_wide_characters(call: Call) -> None:
    if any(ord(character) > 0xFF for character in call.body["source"]) and call.body["type"] != "protobuf":
        raise ApiError(400, "BAD_REQUEST", "badarg")


seed(
    "the source of a schema is parsed as bytes",
    before("POST /schema_registry", refuse_wide_characters),
    tuple(scenario("schema_registry", f"source_of_any_characters_is_stored[{kind}]") for kind in ("avro", "json")),
    "SCH-01",
    origin="https://github.com/emqx/emqx/issues/18189",
)
seed("a schema has no description", shown("description", lambda _: ""), STORED, "SCH-01")
seed("a schema is read without its source", on(READ, edit(lambda b: b.update(source="")), 200), STORED, "SCH-01")
seed("schemas are listed without sources", on(LIST, in_each(None, lambda s: s.update(source=""))), STORED, "SCH-01")


def overwrite(call: Call, run: Callable[[], Any]) -> Any:
    call.deployment.schemas.delete(call.body["name"])
    return run()


def overwrite_refused(call: Call, run: Callable[[], Any]) -> Any:
    if call.body["name"] in call.deployment.schemas:
        call.deployment.schemas._schemas[call.body["name"]] = Schema(**call.body)
    return run()


TAKEN = scenario("schema_registry", "taken_name_is_refused")
seed("a schema is overwritten by a new one", instead(CREATE, overwrite), TAKEN, "SCH-02")
seed(
    "a taken name is a bad request",
    on(CREATE, edit(lambda body: body.update(code="BAD_REQUEST")), 400),
    TAKEN,
    "SCH-02",
)


async def store_refused(call: Call, run: Callable[[], Any]) -> Any:
    try:
        return await run()
    except ApiError:
        call.deployment.schemas._schemas[call.path["name"]] = Schema(**{**ANY, **call.path})
        raise


def store_anyway(original: Callable[..., None]) -> Callable[..., None]:
    """A schema is stored before its source is compiled."""

    def store(self: SchemaRegistry, schema: Schema) -> None:
        self._schemas[schema.name] = schema
        original(self, schema)

    return store


def never_compile(original: Callable[..., None]) -> Callable[..., None]:
    def store(self: SchemaRegistry, schema: Schema) -> None:
        try:
            original(self, schema)
        except SourceError:
            self._schemas[schema.name] = schema

    return store


def guess_type(original: Callable[..., Any]) -> Callable[..., Any]:
    def check(self: BodyCheck, label: str, body: Any) -> Any:
        known = body.get("type") in ("avro", "json", "protobuf")
        return original(self, label, body if known else {**body, "type": "avro"})

    return check


def known_fields(original: Callable[..., Any]) -> Callable[..., Any]:
    names = ("name", "type", "source", "description")
    return lambda self, label, body: original(self, label, {name: body[name] for name in names if name in body})


WRONG, INCOMPLETE = (
    scenario("schema_registry", f"{name}_is_refused") for name in ("wrong_source", "incomplete_schema")
)
seed("a source that does not compile is stored", broken(SchemaRegistry, "store", never_compile), WRONG, "SCH-03")
seed("a refused source is stored", broken(SchemaRegistry, "store", store_anyway), WRONG, "SCH-03")
seed("a refused change of a schema is stored", instead(CHANGE, store_refused), (WRONG, INCOMPLETE), "SCH-03")
seed("the type of a schema is guessed", broken(BodyCheck, "check", guess_type), INCOMPLETE, "SCH-03")
seed("unknown fields of a schema are left out", broken(BodyCheck, "check", known_fields), INCOMPLETE, "SCH-03")

NAMES = scenario("schema_registry", "impossible_name_is_refused")
seed(
    "a schema has any name",
    broken(handlers, "validate_name", nothing),
    NAMES,
    "SCH-08",
    origin="https://github.com/emqx/emqx/pull/13345",
)
seed("an impossible name is of no kind", on(CREATE, edit(lambda body: body.pop("kind", None)), 400), NAMES, "SCH-08")
seed("a long name is taken for another's", on(READ, lambda _: json_reply(200, ANY), 404), NAMES, "SCH-08")


def forget_description(call: Call, run: Callable[[], Any]) -> Any:
    call.body.setdefault("description", "")
    return run()


def keep_type(original: Callable[..., None]) -> Callable[..., None]:
    def store(self: SchemaRegistry, schema: Schema) -> None:
        old = self.get(schema.name)
        original(self, schema)
        if old is not None:
            self._schemas[schema.name] = replace(schema, type=old.type)

    return store


def rename(call: Call, run: Callable[[], Any]) -> Any:
    call.body.pop("name", None)
    return run()


def create_unknown(call: Call, run: Callable[[], Any]) -> Any:
    if call.path["name"] not in call.deployment.schemas:
        call.deployment.schemas.store(Schema(call.path["name"], call.body["type"], call.body["source"]))
    return run()


CHANGED = scenario("schema_registry", "put_replaces_type_and_source")
seed("a change forgets the description", instead(CHANGE, forget_description), CHANGED, "SCH-09")
seed("a schema keeps its first type", broken(SchemaRegistry, "store", keep_type), CHANGED, "SCH-09")
seed("a change may have another name", instead(CHANGE, rename), CHANGED, "SCH-09")
seed("an unknown schema is created by a change", instead(CHANGE, create_unknown), CHANGED, "SCH-09")

# --- deleted ----------------------------------------------------------------------------------------------------------


def keep_serde(original: Callable[..., bool]) -> Callable[..., bool]:
    return lambda self, name: self._schemas.pop(name, None) is not None


def keep_listed(original: Callable[..., bool]) -> Callable[..., bool]:
    def delete(self: SchemaRegistry, name: str) -> bool:
        listed = self.all()
        found = original(self, name)
        self.all = lambda: listed
        return found

    return delete


def first_failure_only(original: Callable[..., Any]) -> Callable[..., Any]:
    """A rule gives up after its first failure."""

    def failed(self: Any, kind: str) -> None:
        if not self._counts.total()["failed"]:
            original(self, kind)

    return failed


GONE = scenario("schema_registry", "deleted_schema_is_gone")
seed("a schema is deleted twice", on(DELETE, lambda _: EMPTY, 404), GONE, "SCH-07",
     origin="https://github.com/emqx/emqx/pull/11211")  # fmt: skip
seed("a deleted schema is read", on(READ, lambda reply: reply.with_json(ANY, 200), 404), GONE, "SCH-07")
seed("a deleted schema is changed", on(CHANGE, lambda reply: reply.with_json(ANY, 200), 404), GONE, "SCH-07")
seed("the list of schemas is empty", on(LIST, lambda r: r.with_json([])), (STORED, GONE), "SCH-01", "SCH-07")
seed("a deleted schema is listed", broken(SchemaRegistry, "delete", keep_listed), GONE, "SCH-07")
seed("rules use a deleted schema", broken(SchemaRegistry, "delete", keep_serde), GONE, "SCH-07")
seed("a rule fails only once", broken(RuleMetrics, "failed", first_failure_only), GONE, "SCH-07")

# --- coded ------------------------------------------------------------------------------------------------------------

KINDS = ("avro", "json", "protobuf")


def stale(original: Callable[..., None]) -> Callable[..., None]:
    """What was compiled first is used for ever."""

    def store(self: SchemaRegistry, schema: Schema) -> None:
        first = self._serdes.get(schema.name)
        original(self, schema)
        self._serdes[schema.name] = first or self._serdes[schema.name]

    return store


class Either:
    """Decodes with the new source or else with the old one."""

    def __init__(self, new: Any, old: Any) -> None:
        self.new, self.old = new, old

    def decode(self, raw: bytes, message: str | None) -> Any:
        try:
            return self.new.decode(raw, message)
        except SerdeError:
            return self.old.decode(raw, message)


def both(original: Callable[..., None]) -> Callable[..., None]:
    def store(self: SchemaRegistry, schema: Schema) -> None:
        old = self._serdes.get(schema.name)
        original(self, schema)
        if old is not None:
            self._serdes[schema.name] = Either(self._serdes[schema.name], old)

    return store


def drop_first(original: Callable[..., None]) -> Callable[..., None]:
    """What was compiled goes before the new source is compiled."""

    def store(self: SchemaRegistry, schema: Schema) -> None:
        self._serdes.pop(schema.name, None)
        original(self, schema)

    return store


def of_each(test: str, *kinds: str) -> tuple[str, ...]:
    return tuple(scenario("schema_codecs", f"{test}[{kind}]") for kind in kinds)


FOLLOWED, USABLE = "changed_schema_is_used", "refused_source_leaves_the_schema_usable"
seed(
    "a changed schema codes as before",
    broken(SchemaRegistry, "store", stale),
    of_each(FOLLOWED, *KINDS),
    "SCH-04",
    origin="https://github.com/emqx/emqx/pull/13543",
)
seed(
    "a changed schema codes as before, too", broken(SchemaRegistry, "store", both), of_each(FOLLOWED, "json"), "SCH-04"
)
seed("a refused source ends a schema", broken(SchemaRegistry, "store", drop_first), of_each(USABLE, *KINDS), "SCH-05")
seed("a refused source is shown", broken(SchemaRegistry, "store", store_anyway), of_each(USABLE, *KINDS), "SCH-05")


def without_text(original: Callable[..., Any]) -> Callable[..., Any]:
    def decode(self: SchemaRegistry, *args: Any) -> Any:
        value = original(self, *args)
        return {name: part for name, part in value.items() if name != "text"}

    return decode


def padded(original: Callable[..., bytes]) -> Callable[..., bytes]:
    """What does not fit is nothing."""

    def encode(self: Any, *args: Any) -> bytes:
        try:
            return original(self, *args)
        except SerdeError:
            return b""

    return encode


FITTING = "value_of_another_shape_is_not_encoded"
seed(
    "texts are not decoded",
    broken(SchemaRegistry, "decode", without_text),
    of_each("decoding_undoes_encoding", *KINDS),
    "SCH-06",
)


def unset_too(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def plain(message: Any) -> dict[str, Any]:
        optional = [field for field in message.DESCRIPTOR.fields if field.has_presence]
        return {**{field.name: "undefined" for field in optional}, **original(message)}

    return plain


seed(
    "protobuf decodes fields that nobody has set",
    broken(protobuf, "_plain", unset_too),
    of_each("decoding_undoes_encoding", "protobuf"),
    "SCH-06",
)
seed("avro encodes everything", broken(AvroSerde, "encode", padded), of_each(FITTING, "avro"), "SCH-06")
seed("protobuf encodes everything", broken(ProtobufSerde, "encode", padded), of_each(FITTING, "protobuf"), "SCH-06")


def _without(keyword: str, node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _without(keyword, value) for name, value in node.items() if name != keyword}
    return node


def ignoring(keyword: str) -> Callable[[Any], Callable[..., None]]:
    def make(original: Callable[..., None]) -> Callable[..., None]:
        def compiled(self: JsonSerde, source: str) -> None:
            original(self, source)
            original(self, json.dumps(_without(keyword, json.loads(source))))

        return compiled

    return make


for keyword in ("required", "minimum", "maxItems", "items"):
    seed(
        f"JSON schemas know no {keyword}",
        broken(JsonSerde, "__init__", ignoring(keyword)),
        scenario("schema_codecs", "check_tells_what_fits[json]"),
        "SCH-10",
    )
