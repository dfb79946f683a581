"""Reading JSON strictly and as leniently as EMQX 5.8."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.rest.json_text import InvalidJson, read_json, read_json_leniently, write_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read(value):
    assert read_json(write_json(value)) == value
    assert read_json_leniently(write_json(value)) == value


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_both_readers_agree_on_every_spelling_of_valid_json(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert read_json(text) == read_json_leniently(text) == value


@given(st.binary(max_size=40) | st.text("{}[]\",:\\u0d8a1.e-tn'/* ", max_size=40).map(str.encode))
def test_readers_refuse_or_read_but_never_break(raw):
    for read in (read_json, read_json_leniently):
        try:
            write_json(read(raw))
        except InvalidJson:
            continue


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"[1,2,]", [1, 2]),
        (b'{"a":1,}', {"a": 1}),
        (b'\xef\xbb\xbf"x"', "x"),
        (b'"\xff"', "�"),
        (b'"\\ud800"', "�"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"'it'", "it"),
        (b'"\\q"', "\\q"),
        (b'"a\tb"', "a\tb"),
        (b"/* c */ 1 // end", 1),
    ],
)
def test_leniency(text, value):
    assert read_json_leniently(text) == value
    if text != b'"\\ud83d\\ude00"':
        with pytest.raises(InvalidJson):
            read_json(text)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b'{"a":', b"[1 2]", b"NaN", b"Infinity", b"1e999", b"01", b"{} x", b"tru", b'"\\u12"', b"{a:1}", b"+1"],
)
def test_neither_reader_takes_it(text):
    for read in (read_json, read_json_leniently):
        with pytest.raises(InvalidJson):
            read(text)


def test_deep_nesting_is_invalid_and_no_crash():
    for read in (read_json, read_json_leniently):
        with pytest.raises(InvalidJson):
            read(b"[" * 100_000)


def test_undecodable_path_bytes_can_be_written():
    assert write_json({"id": "a\udcff"}) == b'{"id":"a?"}'
