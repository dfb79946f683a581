"""Checking and converting values like EMQX's configuration layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.contract import load_contract
from conformance.reference.rest.checking import Checker, CheckError
from tests.recorded import RECORDED

RECORDINGS = Path(__file__).resolve().parents[2] / "data" / "recordings"
CONTRACT = load_contract()
CHECKER = Checker(CONTRACT)
LENIENT = Checker(CONTRACT, RECORDED)
PUBLISH = CONTRACT.body_schema("POST /publish")
NUMBER = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}}}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats() | st.sampled_from(["", "1", "true", "x", "5s"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "n", "type"]), inner, max_size=2),
    max_leaves=6,
)


def problems(schema, value, checker=CHECKER):
    with pytest.raises(CheckError) as caught:
        checker.check(schema, value)
    return caught.value.problems


def test_defaults_are_filled_and_scalars_converted():
    checked = CHECKER.check(PUBLISH, {"topic": "t", "payload": "x", "qos": "1", "retain": "true"})
    assert (checked["qos"], checked["retain"], checked["payload_encoding"]) == (1, True, "plain")
    assert checked["qos"] is not True


def test_nothing_is_filled_or_converted_where_it_is_not_wanted():
    body = {"topic": "t", "payload": "x", "qos": "1"}
    assert CHECKER.check(PUBLISH, body, fill=False, convert=False) == body


@pytest.mark.parametrize("value", [True, 1.5, {}, [1], None])
def test_neither_mode_takes_these_for_a_string(value):
    for checker in (CHECKER, LENIENT):
        assert problems(PUBLISH, {"topic": value, "payload": "x"}, checker)[0]["path"] == "root.topic"


def test_an_integer_passes_for_a_string_only_leniently():
    assert LENIENT.check(PUBLISH, {"topic": 5, "payload": 6})["topic"] == "5"
    assert problems(PUBLISH, {"topic": 5, "payload": "x"})[0]["reason"] == {"expected": "binary()"}


def test_null_is_an_absent_field_only_leniently():
    body = {"topic": "t", "payload": "x", "qos": None}
    assert LENIENT.check(PUBLISH, body)["qos"] == 0
    assert problems(PUBLISH, body)[0]["path"] == "root.qos"


def test_all_missing_fields_are_named_and_the_error_is_json():
    with pytest.raises(CheckError) as caught:
        CHECKER.check(PUBLISH, {})
    assert [item["path"] for item in json.loads(str(caught.value))] == ["root.topic", "root.payload"]
    assert {item["reason"] for item in caught.value.problems} == {"required_field"}


def test_unknown_fields_are_named():
    problem = problems(PUBLISH, {"topic": "t", "payload": "x", "x_b": 1, "x_a": 1})[0]
    assert (problem["reason"], problem["unknown"]) == ("unknown_fields", "x_a,x_b")


@pytest.mark.parametrize("value", [0, 10, "0", "abc", 1.0, True, "", [], "1.0"])
def test_numbers_out_of_bounds_or_of_another_type(value):
    problem = problems(NUMBER, {"n": value})[0]
    assert (problem["path"], problem["reason"]) == ("root.n", {"expected": "1..9"})


@pytest.mark.parametrize("checker", [CHECKER, LENIENT])
@given(st.characters() | st.integers(0, 0xA0).map(chr) | st.sampled_from("\ufdd0\ufffe\uffff\U0001fffe"))
def test_only_printable_texts_pass(checker, character):
    """Erratum B26, by the code points that a live server refused."""
    point = ord(character)
    refused = (range(0x08), range(0x0E, 0x1B), range(0x1C, 0x20), range(0x7F, 0xA0), range(0xFFFE, 0x10000))
    body = {"topic": "t", "payload": f"a{character}b"}
    if any(point in points for points in refused):
        problem = problems(PUBLISH, body, checker)[0]
        assert (problem["reason"], problem["path"]) == ({"expected": "binary()"}, "root.payload")
    else:
        assert checker.check(PUBLISH, body)["payload"] == body["payload"]


@given(st.integers(1, 9))
def test_a_number_may_be_written_as_text(number):
    assert CHECKER.check(NUMBER, {"n": str(number)}) == {"n": number}


@given(JUNK)
def test_any_value_is_checked_or_refused(value):
    for schema in (PUBLISH, NUMBER, CONTRACT.body_schema("POST /banned"), {"type": "array", "items": NUMBER}):
        for checker in (CHECKER, LENIENT):
            refusal = None
            try:
                checker.check(schema, value)
            except CheckError as error:
                refusal = error
            assert refusal is None or json.loads(str(refusal).replace("NaN", "0").replace("Infinity", "0"))


def _recorded_bodies() -> list[Any]:
    """Bodies of connectors and actions that a live server accepted: (operation label, type, body)."""
    found = []
    for file in sorted(RECORDINGS.glob("types_*.jsonl")):
        for line in file.read_text().splitlines():
            step = json.loads(line)
            if step["step"] in ("con_create", "act_create"):
                request = step["request"]
                label = "POST " + request["path"].removeprefix("/api/v5")
                found.append(pytest.param(label, request["body"], id=f"{label}-{request['body']['type']}"))
    return found


@pytest.mark.parametrize(("label", "body"), _recorded_bodies())
def test_a_checked_body_is_a_fixed_point_with_every_field_kept(label, body):
    schema = CONTRACT.body_schema(label, body["type"])
    once = CHECKER.check(schema, body)
    assert CHECKER.check(schema, once) == once
    assert set(body) <= set(once)
    assert {name: once[name] for name in body if not isinstance(body[name], dict)} == {
        name: value for name, value in body.items() if not isinstance(value, dict)
    }


def test_defaults_beside_references_are_filled_at_depth():
    body = {"type": "http", "name": "c", "url": "http://127.0.0.1"}
    checked = CHECKER.check(CONTRACT.body_schema("POST /connectors", "http"), body)
    assert checked["resource_opts"]["health_check_interval"] == "15s"
    assert checked["ssl"]["enable"] is False
    assert "retry_interval" not in checked


def test_a_default_satisfies_required():
    checked = CHECKER.check(CONTRACT.body_schema("POST /connectors", "hstreamdb"), {"type": "hstreamdb", "name": "c"})
    assert checked["url"] == "http://127.0.0.1:6570"


@pytest.mark.parametrize("text", ["15s", "1h", "100ms", "1h30m", "infinity", "7"])
def test_durations(text):
    body = {"type": "http", "name": "c", "url": "u", "connect_timeout": text}
    assert CHECKER.check(CONTRACT.body_schema("POST /connectors", "http"), body)["connect_timeout"] == text


@pytest.mark.parametrize("text", ["", "15 parsecs", "-1s", "s"])
def test_what_is_no_duration(text):
    body = {"type": "http", "name": "c", "url": "u", "connect_timeout": text}
    assert problems(CONTRACT.body_schema("POST /connectors", "http"), body)[0]["path"] == "root.connect_timeout"


def test_a_union_is_chosen_by_its_tag():
    schema = CONTRACT.body_schema("POST /connectors", "redis")
    body = {"type": "redis", "name": "c", "parameters": {"redis_type": "cluster", "servers": "127.0.0.1:1"}}
    assert CHECKER.check(schema, body)["parameters"]["redis_type"] == "cluster"
    body["parameters"] = {"redis_type": "cluster"}
    assert [problem["path"] for problem in problems(schema, body)] == ["root.parameters.servers"]


def test_a_secret_never_occurs_in_an_error():
    schema = CONTRACT.body_schema("POST /connectors", "pgsql")
    body = {"type": "pgsql", "name": "c", "server": "h", "database": "d", "username": "u", "password": {"hunter2": 1}}
    with pytest.raises(CheckError) as caught:
        CHECKER.check(schema, body)
    assert "hunter2" not in str(caught.value)
