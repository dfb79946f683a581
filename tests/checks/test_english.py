"""Messages speak English: no value as Python prints it."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.checks.english import english
from conformance.checks.recorder import Recorder
from conformance.target.redaction import Redactor

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=4)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3) | st.tuples(inner, inner)
    ),
    max_leaves=6,
)
documents = st.recursive(
    st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("answered were {'null': 500, '{}': 204}, expected 400", "answered were null: 500, {}: 204, expected 400"),
        (
            "POST /rules answered [([], 500), ([{}], 500), (5, 500), (True, 500), (None, 500), ('x', 500)]",
            "POST /rules answered []: 500, [{}]: 500, 5: 500, true: 500, null: 500, x: 500",
        ),
        ("pages have ['first', 'second ü']", "pages have first, second ü"),
        ("ssl.enable is None, expected True", "ssl.enable is null, expected true"),
        ("'a b' answered 204 , expected 400", "'a b' answered 204, expected 400"),
        ("answered 200  for an action", "answered 200 for an action"),
        ("the id 'None' is \"True\"", "the id 'None' is \"True\""),
        ('the body {"a": [1, null, true]} stays', 'the body {"a": [1, null, true]} stays'),
        ("GET /rules/{id} finds [], expected ['a']", "GET /rules/{id} finds [], expected a"),
        ("counted were {'failed': 1, 'by': ('x', 'y')}", 'counted were {"failed": 1, "by": ["x", "y"]}'),
        ("the user_id is {'a': None}", 'the user_id is {"a": null}'),
        ("error, {badmatch,#{}}, [{re,split,3,[{file", "error, {badmatch,#{}}, [{re,split,3,[{file"),
        ("wills: [b'last will']", "wills: last will"),
        ("names are ['a, b', '']", 'names are "a, b", ""'),
        ("unbalanced ['a', (", "unbalanced ['a', ("),
        ("split('a, b', ',') gave ['a', ' b']", "split('a, b', ',') gave a, \" b\""),
        ("join_to_string(', ', ['a', 'b']) gave 'ab'", "join_to_string(', ', ['a', 'b']) gave 'ab'"),
    ],
)  # fmt: skip
def test_values_are_told_as_people_write_them(message: str, expected: str) -> None:
    assert english(message) == expected


@given(st.text(alphabet="[](){}'\",: \\abNoneTrue5") | st.text())
def test_any_text_can_be_told(text: str) -> None:
    english(text)


@given(values)
def test_nothing_of_python_is_left(value: object) -> None:
    told = english(f"found {value!r}, expected 400")
    assert told.startswith("found ")
    if isinstance(value, (list, dict, tuple)) and value:
        assert repr(value) not in told or not any(mark in repr(value) for mark in "('")


@given(documents)
def test_json_stays_json(value: object) -> None:
    text = json.dumps(value, ensure_ascii=True)
    if "'" not in text.replace("\\'", ""):
        told = english(f"body {text}").removeprefix("body ")
        assert told == text or ast.literal_eval(text) == value


def test_failures_are_told_so() -> None:
    made = Recorder(Redactor((), frozenset()), "gw0")
    made.begin("item", ("GEN-26",), None)
    made.failed("GEN-26", "refused", "answered were {'null': 500}, expected 400")
    assert made.failures[0].message == "answered were null: 500, expected 400"
