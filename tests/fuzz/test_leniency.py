"""A negative test may only demand a refusal where no lenient reading of a body is valid."""

from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.contract.leniency import Leniency, lenient

CONTRACT = load_contract()
LENIENCY = Leniency(CONTRACT)
BAN = {"as": "clientid", "who": "x"}


@pytest.mark.parametrize(
    "body",
    [BAN, {**BAN, "until": "infinity"}, {**BAN, "who": 5}, {**BAN, "reason": None}, {**BAN, "at": "1640995200"}],
)
def test_bodies_a_lenient_server_takes_are_not_called_invalid(body: Any) -> None:
    assert not LENIENCY.certainly_invalid("POST /banned", body)


@pytest.mark.parametrize(
    "body",
    [{}, None, [], "text", 5, {"as": "clientid"}, {**BAN, "as": "nobody"}, {**BAN, "who": {}}, {**BAN, "who": True}],
)
def test_bodies_without_any_valid_reading_are_invalid(body: Any) -> None:
    assert LENIENCY.certainly_invalid("POST /banned", body)


def test_numbers_may_come_as_text_but_not_beyond_their_bounds() -> None:
    message = {"topic": "t", "payload": "p"}
    assert not LENIENCY.certainly_invalid("POST /publish", {**message, "qos": "1"})
    assert LENIENCY.certainly_invalid("POST /publish", {**message, "qos": 3})
    assert LENIENCY.certainly_invalid("POST /publish", {**message, "retain": "maybe"})


@pytest.mark.parametrize("value", [True, "no boolean", 5, {}, []])
def test_deprecated_fields_may_hold_anything(value: Any) -> None:
    body = {"type": "tdengine", "name": "n", "server": "x.invalid:1", "password": "p"}
    assert not LENIENCY.certainly_invalid("POST /connectors", {**body, "auto_reconnect": value}, "tdengine")
    assert LENIENCY.certainly_invalid("POST /connectors", {**body, "pool_size": "many"}, "tdengine")


def test_types_narrow_the_schema() -> None:
    body = {"type": "http", "name": "n", "url": "http://x.invalid"}
    assert not LENIENCY.certainly_invalid("POST /connectors", body, "http")
    assert LENIENCY.certainly_invalid("POST /connectors", body, "mqtt")


@pytest.mark.parametrize("label", [label for label, op in CONTRACT.operations.items() if op.json_body is not None])
def test_examples_are_never_called_invalid(label: str) -> None:
    types = CONTRACT.types("connectors" if "connector" in label else "actions")
    for resource_type in types if CONTRACT.operation(label).body_chosen_by_type else [None]:
        examples = CONTRACT.body_examples(label, resource_type)
        assert examples, f"{label} {resource_type} has no example"
        for name, example in examples.items():
            assert not LENIENCY.certainly_invalid(label, example, resource_type), name


def test_lenient_schema_of_an_optional_property_takes_null() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
    properties = lenient(schema)["anyOf"][0]["properties"]
    assert {"type": "null"} in properties["b"]["anyOf"]
    assert {"type": "null"} not in properties["a"]["anyOf"]
