"""Arrays."""

from __future__ import annotations

from typing import Any

from conformance.scenarios.sql.payload import RAISES

ARRAYS: dict[str, Any] = {
    "contains(2, [1, 2, 3])": True,
    "contains(2.3, [1.8, 2.5, 2.0])": False,
    "contains('John', ['John', 'David'])": True,
    "contains('john', ['John', 'David'])": False,
    "contains([1, 2], [0, [1, 2]])": True,
    "contains(json_decode('{\"a\": 1}'), [json_decode('{\"a\": 1}'), json_decode('{\"b\": 2}')])": True,
    "contains('two', payload.list)": True,
    "contains('1', [1, 2])": False,
    "contains(1, payload.none)": False,
    "first(['John', 'David'])": "John",
    "first(payload.nested)": [1, 2],
    "last(['John', 'David'])": "David",
    "last(payload.list)": "four",
    "last(payload.nested)": [],
    "length([1, 2, 3, 4])": 4,
    "length(payload.none)": 0,
    "length(payload.nested)": 3,
    "nth(1, [1, 2, 3])": 1,
    "nth(3, [1, 2, 3])": 3,
    "nth(2, payload.list)": "two",
    "nth(1, nth(2, payload.nested))": 3,
    "sublist(3, [1, 2, 3, 4])": [1, 2, 3],
    "sublist(10, [1, 2, 3, 4])": [1, 2, 3, 4],
    "sublist(0, [1, 2])": [],
    "sublist(2, payload.none)": [],
    "sublist(2, 10, [1, 2, 3, 4])": [2, 3, 4],
    "sublist(1, 2, [1, 2, 3, 4])": [1, 2],
    "sublist(4, 1, [1, 2, 3, 4])": [4],
    "[1, 'two', payload.five, [3]]": [1, "two", 5, [3]],
    "[21 + 21, abs(-abs(-2)), [1 + 1], 4]": [42, 2, [2], 4],
    "[upper('a'), payload.five * 2, nth(2, [1, 2])]": ["A", 10, 2],
    "[]": [],
}

ERRORS: dict[str, Any] = {
    "first(payload.none)": RAISES,
    "first('abc')": RAISES,
    "last(payload.none)": RAISES,
    "last(payload.a)": RAISES,
    "nth(0, [1, 2, 3])": RAISES,
    "nth(4, [1, 2, 3])": RAISES,
    "nth(-1, [1, 2, 3])": RAISES,
    "nth('1', [1, 2, 3])": RAISES,
    "length('abc')": RAISES,
    "length(payload.missing)": RAISES,
    "sublist(-1, [1, 2])": RAISES,
    "sublist('1', [1, 2])": RAISES,
    "contains(1, 'abc')": RAISES,
    "contains(1, payload.missing)": RAISES,
}
