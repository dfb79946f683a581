"""Every value that some parser could read from a body is read."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.target.guard.readings import as_text, elements, lenient_readings, scalars, values_at

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(deadline=None, derandomize=True)
@given(JSON_VALUES)
def test_strict_json_is_read_as_it_stands(value: Any) -> None:
    assert lenient_readings(json.dumps(value).encode()) == [value]


@pytest.mark.parametrize(
    "body",
    [
        b"{'topic':'t'}",
        b'\xef\xbb\xbf{"topic":"t"}',
        b'{"topic":"t",}',
        b'{"topic":"t"',
        b'{"topic":"t","x":"\xff"}',
        b'{"x":"it\'s",\'topic\':"t"}',
        b'{/* "topic":"u" */"topic":"t"}',
        b'{"x":1 // a comment\n,"topic":"t"}',
        b'{topic: t}',
        b'{"x":"\\q","topic":"\\u0074"}',
        b'{"x":NaN,"topic":"t"} trailing',
        b'{"x":1} {"topic":"t"}',
        b'}]{"topic":"t"}',
        b'{{"topic":"t"}}',
        b'{"x":"\n","topic":"t"}',
        b'{"x":' + b"9" * 5000 + b',"topic":"t"}',
        '{"topic":"t"}'.encode("utf-16"),
        '{"topic":"t"}'.encode("utf-32-be"),
        b'{"a":' * 5000 + b'{"topic":"t"}',
    ],
    ids=lambda body: str(body[:30]),
)  # fmt: skip
def test_leniently_read(body: bytes) -> None:
    assert "t" in [topic for reading in lenient_readings(body) for topic in values_at(reading, "topic")]


def test_each_value_of_a_repeated_key_counts() -> None:
    (reading,) = lenient_readings(b'{"topic":"a","topic":["b"],"topic":{"topic":"c"}}')
    assert list(values_at(reading, "topic")) == ["a", ["b"], {"topic": "c"}, "c"]


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\0", b"garbage"])
def test_nothing_to_read(body: bytes) -> None:
    assert lenient_readings(body) == []


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=80))
def test_reading_never_fails(body: bytes) -> None:
    for reading in lenient_readings(body):
        list(values_at(reading, "topic"))
        list(scalars(reading))
        list(elements(reading))


def test_elements_are_found_in_every_form_of_a_list() -> None:
    assert list(elements([1, [2], {"a": 3}])) == [1, 2, {"a": 3}]
    assert list(elements({"1": "x", "b": "y"})) == [{"1": "x", "b": "y"}, "x"]
    assert list(elements("single")) == ["single"]


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), ([97, [98, "c"]], "abc"), ([], ""), (5, None), (None, None), ([True], None), ([{}], None), ({}, None)],
)
def test_lists_of_characters_spell_texts(value: Any, text: str | None) -> None:
    assert as_text(value) == text
