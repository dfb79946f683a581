"""Coding by schemas, directly and from rules."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.schema_registry.avro import AvroSerde
from conformance.reference.schema_registry.json_schema import JsonSerde
from conformance.reference.schema_registry.protobuf import ProtobufSerde
from conformance.reference.schema_registry.serde import SerdeError

AVRO = json.dumps(
    {
        "type": "record",
        "name": "test",
        "fields": [
            {"name": "i", "type": "long"},
            {"name": "s", "type": "string"},
            {"name": "b", "type": "bytes", "default": ""},
            {"name": "o", "type": ["null", "double"], "default": None},
            {"name": "l", "type": {"type": "array", "items": {"type": "map", "values": "boolean"}}},
        ],
    }
)
PROTOBUF = """
enum Kind { NONE = 0; SOME = 1; }
message Inner { optional bytes raw = 1; map<string, int32> counts = 2; }
message Outer {
  required string name = 1;
  optional Kind kind = 2;
  repeated Inner inner = 3;
  optional int64 big_number = 4;
  optional double part = 5;
}
"""

AVRO_VALUES = st.fixed_dictionaries(
    {
        "i": st.integers(-(2**63), 2**63 - 1),
        "s": st.text(),
        "b": st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
        "o": st.none() | st.floats(allow_nan=False),
        "l": st.lists(st.dictionaries(st.text(), st.booleans())),
    }
)


@given(AVRO_VALUES)
@settings(max_examples=40, deadline=None)
def test_avro_encodes_and_decodes(value):
    serde = AvroSerde(AVRO)
    assert serde.decode(serde.encode(value, None), None) == value
    assert serde.check(value, None)


@pytest.mark.parametrize("value", [{}, {"i": 1}, {"i": "x", "s": "a", "l": []}, {"i": 1, "s": "a", "l": [], "z": 1}, 5])
def test_avro_refuses_what_does_not_fit(value):
    serde = AvroSerde(AVRO)
    assert not serde.check(value, None)
    with pytest.raises(SerdeError):
        serde.encode(value, None)


@pytest.mark.parametrize("serde", [AvroSerde(AVRO), JsonSerde("{}")])
def test_only_protobuf_has_messages(serde):
    with pytest.raises(SerdeError):
        serde.encode({}, "Message")


def test_broken_bytes():
    for serde, message in ((AvroSerde(AVRO), None), (ProtobufSerde(PROTOBUF), "Outer"), (JsonSerde("{}"), None)):
        assert serde.check(b"\xff\xff\xff", message) is False
        with pytest.raises(SerdeError):
            serde.decode(b"\xff\xff\xff", message)


def test_protobuf_encodes_and_decodes():
    serde = ProtobufSerde(PROTOBUF)
    value = {
        "name": "ü",
        "kind": "SOME",
        "inner": [{"raw": "ab", "counts": {"a": 1}}, {}],
        "big_number": 2**60,
        "part": 0.5,
    }
    assert serde.decode(serde.encode(value, "Outer"), "Outer") == value
    assert serde.check(value, "Outer")


@pytest.mark.parametrize("value", [{}, {"name": 5}, {"name": "a", "kind": "NO"}, {"name": "a", "zzz": 1}, 5])
def test_protobuf_refuses_what_does_not_fit(value):
    serde = ProtobufSerde(PROTOBUF)
    assert not serde.check(value, "Outer")
    with pytest.raises(SerdeError, match="gpb_type_error"):
        serde.encode(value, "Outer")


@pytest.mark.parametrize("message", [None, "Nothing", 5])
def test_protobuf_needs_a_message_it_has(message):
    with pytest.raises(SerdeError):
        ProtobufSerde(PROTOBUF).encode({"name": "a"}, message)


def test_two_protobuf_schemas_may_use_the_same_names():
    one, two = (ProtobufSerde(f"message A {{ required {kind} v = 1; }}") for kind in ("string", "int32"))
    assert one.decode(one.encode({"v": "x"}, "A"), "A") == {"v": "x"}
    assert two.decode(two.encode({"v": 1}, "A"), "A") == {"v": 1}


def test_json_schemas_validate():
    serde = JsonSerde('{"type": "object", "properties": {"t": {"type": "integer"}}, "required": ["t"]}')
    assert serde.decode(serde.encode({"t": 1}, None), None) == {"t": 1}
    assert serde.check({"t": 1}, None)
    assert not serde.check({"t": "x"}, None)
    with pytest.raises(SerdeError):
        serde.decode(b'{"t": "x"}', None)


def test_json_schemas_never_fetch_others():
    serde = JsonSerde('{"$ref": "http://127.0.0.1:1/other.json"}')
    assert not serde.check({}, None)


def schema(api, type, source, name="s"):
    assert api("POST", "/schema_registry", {"name": name, "type": type, "source": source}).status == 201


def rule(api, expression):
    out = {"function": "republish", "args": {"topic": "out", "payload": "${v}"}}
    api.rule(f'SELECT {expression} as v FROM "in"', out)


ROUND_TRIPS = [
    ("avro", AVRO, "", {"i": 5, "s": "é", "b": "x", "o": 1.5, "l": [{"k": True}]}),
    ("json", "{}", "", {"a": [1, {"b": None}]}),
    ("protobuf", PROTOBUF, ", 'Outer'", {"name": "Bob", "inner": [{"counts": {"a": 1}}]}),
]


@pytest.mark.parametrize(("type", "source", "message", "value"), ROUND_TRIPS)
def test_rules_encode_and_decode(api, type, source, message, value):
    schema(api, type, source)
    rule(api, f"json_encode(schema_decode('s', schema_encode('s', json_decode(payload){message}){message}))")
    api.publish("in", json.dumps(value))
    assert json.loads(api.sent_to("out")[0].payload) == value


@pytest.mark.parametrize(("type", "source", "message", "value"), ROUND_TRIPS)
def test_rules_check(api, type, source, message, value):
    schema(api, type, source)
    rule(api, f"schema_check('s', json_decode(payload){message})")
    for payload in (value, [5]):
        api.publish("in", json.dumps(payload))
    assert [sent.payload for sent in api.sent_to("out")] == [b"true", b"true" if type == "json" else b"false"]


def record(field):
    return json.dumps({"type": "record", "name": "r", "fields": [{"name": field, "type": "int"}]})


def coded(api):
    """Whether a rule can encode ``{"old": 1}`` and ``{"new": 1}``."""
    results = []
    for field in ("old", "new"):
        before = len(api.sent_to("out"))
        api.publish("in", json.dumps({field: 1}))
        results.append(len(api.sent_to("out")) > before)
    return results


def test_put_is_in_effect_at_once(api):
    schema(api, "avro", record("old"))
    rule(api, "schema_encode('s', json_decode(payload))")
    assert coded(api) == [True, False]
    assert api("PUT", "/schema_registry/s", {"type": "avro", "source": record("new")}).status == 200
    assert coded(api) == [False, True]


def test_a_failed_put_kills_the_schema_only_on_the_recorded_server(api, recorded_api):
    for deployment in (api, recorded_api):
        schema(deployment, "avro", record("old"))
        rule(deployment, "schema_encode('s', json_decode(payload))")
        assert deployment("PUT", "/schema_registry/s", {"type": "avro", "source": "{}"}).status == 400
        assert coded(deployment) == [deployment is api, False]
        assert deployment("PUT", "/schema_registry/s", {"type": "avro", "source": record("old")}).status == 200
        assert coded(deployment) == [True, False]


def test_a_deleted_schema_makes_rules_fail(api):
    schema(api, "avro", record("old"))
    rule(api, "schema_encode('s', json_decode(payload))")
    assert api("DELETE", "/schema_registry/s").status == 204
    assert coded(api) == [False, False]
    assert api.metrics()["failed.exception"] == 2
