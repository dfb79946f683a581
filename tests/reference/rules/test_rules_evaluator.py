"""What statements compute."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.bridges.template import NULL
from conformance.reference.rules.evaluator import PhaseError, run
from conformance.reference.rules.functions.registry import CONTEXT_FUNCTIONS, FUNCTIONS
from conformance.reference.rules.parser import SqlError, parse
from conformance.reference.rules.values import UNDEFINED, EvaluationError, exported, get, imported, put
from tests.recorded import RECORDED

PAYLOAD = {"x": 2, "s": "text", "l": [{"v": 1}, {"v": 2}, {"v": 3}], "o": {"p": {"q": 5}}, "n": None, "b": True}
COLUMNS = imported(
    {
        "payload": json.dumps(PAYLOAD).encode(),
        "clientid": "c1",
        "username": None,
        "topic": "a/b/c",
        "qos": 1,
        "flags": {"retain": False},
        "odd name": 7,
    }
)


def rows(sql, columns=COLUMNS):
    return run(parse(sql), columns)


def value(expression, columns=COLUMNS):
    return rows(f'SELECT {expression} as v FROM "t"', columns)[0]["v"]


def holds(condition, columns=COLUMNS):
    return rows(f'SELECT clientid FROM "t" WHERE {condition}', columns) is not None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("payload.x", 2),
        ("payload.o.p.q", 5),
        ("payload.l[1].v", 1),
        ("payload.l[-1].v", 3),
        ("payload.l[qos + 1].v", 2),
        ("payload.l[2..3]", [{"v": 2}, {"v": 3}]),
        ("payload.l[-2..-1]", [{"v": 2}, {"v": 3}]),
        ("payload.l[0]", UNDEFINED),
        ("payload.l[9]", UNDEFINED),
        ("payload.nothing.here", UNDEFINED),
        ("payload.x.y", UNDEFINED),
        ("payload.n", None),
        ('"odd name"', 7),
        ("username", UNDEFINED),
        ("no_such_column", UNDEFINED),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 / 2", 3.5),
        ("7 div 2", 3),
        ("-7 div 2", -3),
        ("-7 mod 2", -1),
        ("7 - -2", 9),
        ("'a' + 'b'", "ab"),
        ("[1, payload.x, 'a']", [1, 2, "a"]),
        ("[2..4]", [2, 3, 4]),
        ("1 < 2", True),
        ("CASE WHEN payload.x > 5 THEN 'big' WHEN payload.x > 1 THEN 'mid' ELSE 'small' END", "mid"),
        ("CASE payload.x WHEN 2 THEN 'two' END", "two"),
        ("CASE payload.x WHEN 3 THEN 'three' END", UNDEFINED),
        ("CASE payload.b WHEN 1 THEN 'one' ELSE 'other' END", "other"),
        ("CASE WHEN not (payload.x = 2 and qos = 2) THEN 'not both' END", "not both"),
        ("undefined", UNDEFINED),
        ("null", None),
    ],
)
def test_values(expression, expected):
    result = value(expression)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("payload.x = 2", True),
        ("payload.x = '2'", True),
        ("'2' = payload.x", True),
        ("payload.x != 3", True),
        ("payload.x <> 2", False),
        ("payload.x >= 2 and payload.x <= 2", True),
        ("payload.x > 2 or payload.s = 'text'", True),
        ("not payload.x = 2", False),
        ("payload.x in (1, 2)", True),
        ("payload.x in ('2', 2.0)", False),
        ("payload.x not in (1, 3)", True),
        ("topic =~ 'a/+/c'", True),
        ("topic =~ 'a/#'", True),
        ("topic =~ 'b/#'", False),
        ("payload.b = true", True),
        ("payload.b = 'true'", True),
        ("payload.b = 1", False),
        ("username = 'x'", False),
        ("username != 'x'", False),
        ("username = undefined", True),
        ("payload.nothing > 1", False),
        ("is_str(payload.s)", True),
        ("true", True),
        ("'10' > 9", True),
        ("'b' > 'a'", True),
    ],
)
def test_conditions(condition, expected):
    assert holds(condition) is expected


@pytest.mark.parametrize("condition", ["1 < 'a'", "payload.b", "payload.s", "1", "int('1')"])
def test_conditions_that_are_neither_true_nor_false(condition):
    with pytest.raises(EvaluationError):
        holds(condition)


def test_the_condition_sees_aliases_and_the_whole_payload():
    assert rows("SELECT payload.s as word, payload.x FROM \"t\" WHERE word = 'text' and payload.o.p.q = 5") == [
        {"word": "text", "payload": {"x": 2}}
    ]


def test_on_the_recorded_server_the_selected_payload_hides_the_rest():
    statement = parse('SELECT payload.x FROM "t" WHERE payload.o.p.q = 5')
    assert run(statement, COLUMNS, traits=RECORDED) is None
    statement = parse('SELECT payload.x as x FROM "t" WHERE payload.o.p.q = 5 and x = 2')
    assert run(statement, COLUMNS, traits=RECORDED) == [{"x": 2}]


def test_later_fields_see_earlier_aliases():
    assert rows('SELECT payload.x as a.b, a.b + 1 as c FROM "t"') == [{"a": {"b": 2}, "c": 3}]


def test_everything_keeps_the_payload_as_it_came():
    (row,) = rows('SELECT *, 1 as one FROM "t"')
    assert row == {**COLUMNS, "one": 1}


def test_what_has_no_name_gets_one():
    (row,) = rows('SELECT upper(clientid), 1 + 1, clientid FROM "t"')
    assert sorted(map(str, row.values())) == ["2", "C1", "c1"]
    assert row["clientid"] == "c1"


def test_foreach_gives_a_row_per_item():
    sql = 'FOREACH payload.l AS item DO item.v AS v, clientid INCASE item.v > 1 FROM "t"'
    assert rows(sql) == [{"v": 2, "clientid": "c1"}, {"v": 3, "clientid": "c1"}]


def test_foreach_without_do_gives_the_columns_and_the_item():
    result = rows('FOREACH payload.l FROM "t"')
    assert [row["item"] for row in result] == [{"v": 1}, {"v": 2}, {"v": 3}]
    assert result[0]["clientid"] == "c1"


def test_foreach_over_no_array_gives_no_row():
    assert rows('FOREACH payload.x FROM "t"') == []
    assert rows('FOREACH payload.l INCASE item.v > 9 FROM "t"') == []
    assert rows('FOREACH payload.l FROM "t" WHERE qos = 0') is None


@pytest.mark.parametrize(
    ("sql", "payload", "phase"),
    [
        ('SELECT payload.x FROM "t"', "no json", "select_and_transform_error"),
        ('SELECT int(payload) as i FROM "t"', "abc", "select_and_transform_error"),
        ('SELECT 1 / 0 as i FROM "t"', "1", "select_and_transform_error"),
        ("SELECT 1 - 'a' as i FROM \"t\"", "1", "select_and_transform_error"),
        ('SELECT no_function() as i FROM "t"', "1", "select_and_transform_error"),
        ('SELECT 1 as i FROM "t" WHERE payload.x = 1', "no json", "match_conditions_error"),
        ('FOREACH payload.x FROM "t"', "no json", "select_and_collect_error"),
        ("FOREACH payload INCASE int('x') FROM \"t\"", [1], "match_incase_error"),
        ("FOREACH payload DO int('x') FROM \"t\"", [1], "doeach_error"),
    ],
)
def test_errors_name_their_phase(sql, payload, phase):
    with pytest.raises(PhaseError) as caught:
        rows(sql, {"payload": payload})
    assert caught.value.phase == phase


def test_a_payload_that_is_no_json_can_be_selected_whole():
    assert rows('SELECT payload FROM "t"', {"payload": "no json"}) == [{"payload": "no json"}]


def test_bytes_survive_the_way_through_a_rule():
    raw = bytes(range(256))
    assert exported(rows('SELECT * FROM "t"', imported({"payload": raw}))[0])["payload"] == raw


def test_undefined_is_none_outside_and_null_is_null():
    assert exported({"a": UNDEFINED, "b": [None]}) == {"a": None, "b": [NULL]}


def test_what_is_nested_too_deeply_is_an_error():
    deep = value("json_decode(payload)", {"payload": "[" * 300 + "]" * 300})
    for convert in (exported, imported):
        with pytest.raises(EvaluationError):
            convert(deep)


def test_get_reads_json_on_the_way():
    assert get({"a": '{"b": [1, 2]}'}, ("a", "b", 2)) == 2
    assert get({"a": "text"}, ("a", "b")) is UNDEFINED


@pytest.mark.parametrize(
    ("container", "keys", "expected"),
    [
        ({}, ("a", "b"), {"a": {"b": 9}}),
        ({"a": '{"c": 1}'}, ("a", "b"), {"a": {"c": 1, "b": 9}}),
        ({"a": [1, 2]}, ("a", 1), {"a": [9, 2]}),
        ({"a": [1, 2]}, ("a", -1), {"a": [1, 9]}),
        ({"a": [1, 2]}, ("a", 0), {"a": [9, 1, 2]}),
        ({"a": [1, 2]}, ("a", 3), {"a": [1, 2, 9]}),
        ({"a": [1, 2]}, ("a", 7), {"a": [1, 2]}),
        ({"a": 5}, ("a", "b"), {"a": {"b": 9}}),
    ],
)
def test_put_makes_what_is_missing(container, keys, expected):
    before = json.dumps(container)
    assert put(container, keys, 9) == expected
    assert json.dumps(container) == before


def test_deep_expressions_are_an_error_not_a_crash():
    with pytest.raises(EvaluationError):
        value("- " * 20000 + "1")


ATOMS = (
    *("1", "0", "-1", "2.5", "'a'", "'5'", "''", "true", "null", "undefined", "clientid", "username", "payload.l"),
    *("payload.o", "payload.nothing", "[1, 'a']", "[]", "qos", "'a.b'", "'%Y'", "'second'"),
)
OPERATORS = ("+", "-", "*", "/", "div", "mod", "=", "!=", "<", ">=", "=~")
NAMES = st.sampled_from(sorted(FUNCTIONS) + sorted(CONTEXT_FUNCTIONS))
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(NAMES, st.lists(inner, max_size=4).map(", ".join)).map("{0[0]}({0[1]})".format),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
@settings(max_examples=150, deadline=None)
def test_any_expression_has_a_value_or_an_evaluation_error(expression):
    with contextlib.suppress(EvaluationError, SqlError):
        exported(value(expression))
