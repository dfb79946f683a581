"""The golden table of rule SQL is complete, unambiguous and strict."""

from __future__ import annotations

import re

import pytest

from conformance.reference.rules import functions
from conformance.reference.rules.functions.registry import FUNCTIONS
from conformance.scenarios import sql
from conformance.scenarios.test_sql_table import differences, same

UNLISTED = {
    "eq": "an operator's implementation",
    "range": "a literal's implementation",
    "map_new": "documented nowhere",
    "hash": "documented nowhere",
    "null": "documented nowhere",
    "sprintf_s": "the implementation of sprintf",
    "map_path": "documented nowhere",
    "timezone_to_second": "the old name of timezone_to_offset_seconds",
    "contains_topic": "of 4.x",
    "contains_topic_match": "of 4.x",
}


def test_every_function_is_in_the_table():
    assert functions
    listed = set(re.findall(r"\b([a-z0-9_]+)\(", " ".join(sql.everything())))
    assert sorted(set(FUNCTIONS) - listed) == sorted(UNLISTED)


def test_no_expression_is_listed_twice():
    groups = (sql.FUNCTIONS, sql.ADDED, sql.CALENDAR, sql.OPERATORS, sql.ERRORS)
    tables = [table for group in groups for table in group.values()]
    assert sum(map(len, tables)) == len(sql.everything()) > 800


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), (1.0, 1), (True, 1), (1, True), ("1", 1), (None, "undefined"), ([1], [1.0]), ({"a": 1}, {"a": True})],
)
def test_values_of_other_types_are_others(value, expected):
    assert not same(value, expected)
    assert same(expected, expected)


def test_floats_agree_to_twelve_digits():
    assert same(0.1 + 0.2, 0.3)
    assert not same(0.3000000001, 0.3)


def test_a_difference_tells_what_came_and_what_was_expected():
    table = {"lower('A')": "a", "abs('x')": sql.RAISES, "upper('a')": "A"}
    found = differences({"lower('A')": "A", "abs('x')": 0}, table)
    assert found == {
        "lower('A')": "lower('A') gave 'A', expected 'a'",
        "abs('x')": "abs('x') gave 0, expected an error",
        "upper('a')": "upper('a') gave an error, expected 'A'",
    }
