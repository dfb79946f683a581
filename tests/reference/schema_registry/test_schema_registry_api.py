"""The operations of the schema registry."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

AVRO = json.dumps({"type": "record", "name": "test", "fields": [{"name": "i", "type": "int"}]})
JSON_SCHEMA = json.dumps({"type": "object", "properties": {"temp": {"type": "integer"}}, "required": ["temp"]})
PROTOBUF = "// ü €\r\nmessage Person {\n  required string name = 1;\n  required int32 id = 2;\n}\n"
SOURCES = {"avro": AVRO, "json": JSON_SCHEMA, "protobuf": PROTOBUF}


def error(answer, status=400, code="BAD_REQUEST"):
    assert (answer.status, answer.body.get("code")) == (status, code), answer
    return True


def create(api, name="s", type="json", **fields):
    return api("POST", "/schema_registry", {"name": name, "type": type, "source": SOURCES[type], **fields})


@pytest.mark.parametrize("type", SOURCES)
def test_a_schema_is_read_as_it_was_sent(api, type):
    answer = create(api, type=type, description="d")
    assert answer == (201, {"name": "s", "type": type, "source": SOURCES[type], "description": "d"})
    assert api("GET", "/schema_registry/s") == (200, answer.body)
    assert api("GET", "/schema_registry") == (200, [answer.body])


def test_a_duplicate_changes_nothing(api):
    before = create(api).body
    assert error(create(api, type="avro"), code="ALREADY_EXISTS")
    assert api("GET", "/schema_registry/s").body == before


@pytest.mark.parametrize("name", ["a b", "", "_x", "-x", "ü", "a.b", "x" * 255, "__reserved_sparkplug_b"])
def test_bad_names_have_a_kind(api, recorded_api, name):
    for deployment in (api, recorded_api):
        answer = create(deployment, name=name)
        assert error(answer)
        assert answer.body["kind"] == "validation_error"
        assert deployment("GET", "/schema_registry").body == []


def test_a_long_name_is_a_name(api):
    assert create(api, name="x" * 254).status == 201
    assert api("GET", f"/schema_registry/{'x' * 254}").status == 200
    assert error(api("GET", f"/schema_registry/{'x' * 300}"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "s", "type": "avro"},
        {"type": "avro", "source": AVRO},
        {"name": "s", "source": AVRO},
        {"name": "s", "type": "xml", "source": AVRO},
        {"name": "s", "type": 5, "source": AVRO},
        {"name": "s", "type": "avro", "source": AVRO, "x_unknown": 1},
        {"name": "s", "type": "avro", "source": {"type": "int"}},
        {"name": True, "type": "avro", "source": AVRO},
        {},
        [],
        5,
    ],
)
def test_bad_bodies(api, recorded_api, body):
    for deployment in (api, recorded_api):
        assert error(deployment("POST", "/schema_registry", body))
        assert deployment("GET", "/schema_registry").body == []


def test_an_integer_as_a_name(api, recorded_api):
    assert error(create(api, name=5))
    assert error(create(recorded_api, name=5), 500, "INTERNAL_ERROR")


BAD_SOURCES = [
    ("avro", "notjson"),
    ("avro", "{}"),
    ("avro", "5"),
    ("avro", '{"type": "record", "name": "a"}'),
    ("avro", '{"type": "record", "name": "1 d", "fields": []}'),
    ("avro", '{"type": "record", "name": "a", "fields": [{"name": "b"}]}'),
    ("avro", '{"type": "record", "name": "a", "fields": [{"name": "b", "type": "nope"}]}'),
    ("avro", '{"type": "record", "name": "a", "fields": [{"name": "b c", "type": "int"}]}'),
    ("avro", '{"type": "record", "name": "a", "fields": [{"name": "b", "type": "int", "default": "x"}]}'),
    ("avro", '{"type": "record", "name": "a", "fields": 5}'),
    ("avro", '{"type": "enum", "name": "a"}'),
    ("avro", '{"type": "enum", "name": "a", "symbols": ["a", "a"]}'),
    ("avro", '{"type": "array"}'),
    ("avro", '{"type": "fixed", "name": "a"}'),
    ("avro", "[" * 5000 + "]" * 5000),
    ("json", "notjson"),
    ("json", "[]"),
    ("json", "5"),
    ("json", '{"type": "nothing"}'),
    ("json", '{"properties": 5}'),
    ("json", '{"$schema": "http://example.org/unknown", "type": "object"}'),
    ("protobuf", "message {"),
    ("protobuf", "garbage"),
    ("protobuf", "message A { required B b = 1; }"),
    ("protobuf", "message A { required int32 a = 1; required int32 b = 1; }"),
    ("protobuf", 'syntax = "proto3"; message A { required int32 a = 1; }'),
    ("protobuf", 'import "other.proto"; message A { optional int32 a = 1; }'),
]


@pytest.mark.parametrize(("type", "source"), BAD_SOURCES)
def test_sources_that_do_not_compile(api, type, source):
    create(api, name="old", type=type)
    assert error(api("POST", "/schema_registry", {"name": "s", "type": type, "source": source}))
    assert error(api("PUT", "/schema_registry/old", {"type": type, "source": source}))
    assert [schema["source"] for schema in api("GET", "/schema_registry").body] == [SOURCES[type]]


def test_put_replaces_but_keeps_the_description(api):
    create(api, description="d")
    changed = api("PUT", "/schema_registry/s", {"type": "avro", "source": AVRO})
    assert changed == (200, {"name": "s", "type": "avro", "source": AVRO, "description": "d"})
    changed = api("PUT", "/schema_registry/s", {"type": "avro", "source": AVRO, "description": ""})
    assert changed.body["description"] == ""
    assert api("GET", "/schema_registry/s").body == changed.body


@pytest.mark.parametrize(
    "body",
    [
        {"name": "s", "type": "avro", "source": AVRO},
        {"source": AVRO},
        {"type": "avro"},
        {},
        {"type": "avro", "source": AVRO, "x": 1},
    ],
)
def test_bad_puts(api, body):
    create(api)
    assert error(api("PUT", "/schema_registry/s", body))
    # The body is checked before the schema is looked up.
    assert error(api("PUT", "/schema_registry/unknown", body))


def test_unknown_schemas(api):
    for answer in (
        api("GET", "/schema_registry/unknown"),
        api("DELETE", "/schema_registry/unknown"),
        api("PUT", "/schema_registry/unknown", {"type": "avro", "source": AVRO}),
    ):
        assert error(answer, 404, "NOT_FOUND")


def test_delete_once(api):
    create(api)
    assert api("DELETE", "/schema_registry/s") == (204, None)
    assert error(api("DELETE", "/schema_registry/s"), 404, "NOT_FOUND")


def test_parallel_creates(api, recorded_api):
    async def ten(deployment):
        body = {"name": "s", "type": "json", "source": "{}"}
        return await asyncio.gather(*(deployment.answer("POST", "/schema_registry", body) for _ in range(10)))

    assert Counter(answer.status for answer in asyncio.run(ten(api))) == {201: 1, 400: 9}
    assert Counter(answer.status for answer in asyncio.run(ten(recorded_api))) == {201: 10}
