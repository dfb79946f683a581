"""Value classes of a schema, those that a value shows, and rows of values that show all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.contract import load_contract
from conformance.contract.value_space import value_space
from conformance.contract.values import ALL, ALONE, NONE, fits, shown_classes, value_classes
from conformance.fuzz.covering import Covering

CONTRACT = load_contract()

PERSON = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "old": {"type": "boolean", "deprecated": True},
        "qos": {"oneOf": [{"type": "string"}, {"type": "integer", "minimum": 0, "maximum": 1}]},
    },
}


def classes(schema):
    return {str(one) for one in value_classes(CONTRACT, schema)}


def shown(schema, value):
    return {str(one) for one in shown_classes(CONTRACT, schema, value)}


def test_classes_of_an_object():
    assert classes(PERSON) == {
        NONE, ALL, f"/kind {ALONE}", '/kind = "a"', '/kind = "b"', f"/qos {ALONE}", "/qos as string", "/qos as integer",
        "/qos = 0", "/qos = 1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"name": "x"}, {NONE}),
        ({"name": "x", "kind": "a"}, {f"/kind {ALONE}", '/kind = "a"'}),
        ({"name": "x", "old": True, "qos": "1"}, {f"/qos {ALONE}", "/qos as string"}),
        ({"name": "x", "kind": "b", "qos": 1}, {ALL, '/kind = "b"', "/qos as integer", "/qos = 1"}),
    ],
)
def test_classes_that_a_value_shows(value, expected):
    assert shown(PERSON, value) == expected


def test_true_is_no_number():
    assert shown({"type": "integer", "minimum": 0, "maximum": 2}, True) == set()


def test_fields_of_alternatives_with_the_same_names_are_told_apart():
    union = {
        "oneOf": [
            {"type": "object", "required": ["type"], "properties": {"type": {"enum": [name]}, "size": {"enum": [1]}}}
            for name in ("x", "y")
        ]
    }
    assert {"as type=x", "(type=x)/size = 1", "as type=y", "(type=y)/size = 1"} <= classes(union)
    assert shown(union, {"type": "y"}) == {"as type=y", '(type=y)/type = "y"', f"(type=y) {NONE}"}


def test_an_enumeration_says_more_than_that_it_is_a_text():
    union = {"anyOf": [{"type": "string"}, {"type": "string", "enum": ["auto"]}]}
    assert shown(union, "auto") == {'= "auto"'}
    assert shown(union, "other") == {"as string"}


_SCALARS = st.sampled_from(
    (
        {"type": "string"},
        {"type": "boolean"},
        {"type": "string", "enum": ["a", "b", "c"]},
        {"type": "integer", "minimum": 0, "maximum": 2},
        {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}},
        {"oneOf": [{"type": "boolean"}, {"type": "string", "enum": ["all"]}]},
    )
)
_SCHEMAS = st.recursive(
    _SCALARS,
    lambda inner: st.builds(
        lambda properties, required: {"type": "object", "properties": properties, "required": required[:1]},
        st.dictionaries(st.sampled_from("abcd"), inner, min_size=1),
        st.lists(st.sampled_from("abcd"), max_size=1),
    ).filter(lambda schema: set(schema["required"]) <= schema["properties"].keys()),
    max_leaves=8,
)


@given(_SCHEMAS)
def test_rows_show_every_class_and_fit(schema):
    rows = Covering(CONTRACT, (), lambda one: True).rows(schema)
    assert all(fits(CONTRACT, schema, row) for row in rows)
    assert set().union(*(shown(schema, row) for row in rows)) == classes(schema)


def test_rows_take_texts_from_examples_of_the_same_alternative():
    union = {
        "oneOf": [
            {
                "type": "object",
                "properties": {"mode": {"enum": [name]}, "key": {"type": "string"}},
                "required": ["mode"],
            }
            for name in ("one", "two")
        ]
    }
    examples = [{"mode": "one", "key": "first"}, {"mode": "two", "key": "second"}]
    rows = Covering(CONTRACT, examples, lambda one: False).rows(union)
    assert {(row["mode"], row["key"]) for row in rows if "key" in row} == {("one", "first"), ("two", "second")}


def test_a_request_shows_classes_of_its_body_query_and_path():
    space = value_space(CONTRACT)
    clients = CONTRACT.operation("GET /clients")
    query = {"fields": ["clientid,username"], "clean_start": ["true"], "gte_created_at": ["12"]}
    assert {one for _, one in space.shown(clients, None, {}, query, None)} == {
        "?fields as array", '?fields/* = "clientid"', '?fields/* = "username"', "?clean_start = true",
        "?gte_created_at as integer",
    }  # fmt: skip
    switch = CONTRACT.operation("PUT /connectors/{id}/enable/{enable}")
    path = {"id": "http:x", "enable": "false"}
    assert [*space.shown(switch, None, path, {}, None)] == [(switch.label, "{enable} = false")]
    body = {"type": "http", "name": "x", "url": "http://127.0.0.1:9", "enable": True}
    found = {*space.shown(CONTRACT.operation("POST /connectors"), "http", {}, {}, body)}
    assert ("POST /connectors-http", "/enable = true") in found
    assert ("POST /connectors", f"/enable {ALONE}") in found, "which counts for the operation, whatever the type is"


def test_the_space_has_no_class_twice_and_every_operation_with_a_choice():
    space = value_space(CONTRACT).classes
    assert sum(map(len, space.values())) > 5000
    assert {"GET /clients", "POST /publish", "POST /connectors-mqtt", "PUT /actions/{id}-s3"} <= space.keys()
