"""The comparison notices every kind of difference, and nothing that is none."""

from __future__ import annotations

import pytest

from tests.fidelity.comparison import Comparison, pointed


@pytest.mark.parametrize(
    ("recorded", "seen"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": None}),
        ({"a": 1}, {}),
        ({}, {"a": 1}),
        ([1, 2], [2, 1]),
        ([1, 2], [1]),
        ({"code": "A", "message": "x"}, {"code": "B", "message": "x"}),
        ({"code": "A", "message": "x"}, {"code": "A", "message": 5}),
        ({"message": "no code"}, {"message": "prose only beside a code"}),
    ],
)
def test_differences_are_noticed(recorded, seen):
    assert Comparison([], []).differences(recorded, seen)


@pytest.mark.parametrize(
    ("recorded", "seen", "volatile", "unordered"),
    [
        ({"a": 1}, {"a": 1.0}, [], []),
        ({"a": 1}, {"a": 2}, ["/a"], []),
        ({"a": {"b/c": 1}}, {"a": {"b/c": 2}}, ["/a/b~1c"], []),
        ([1, 2, 1], [1, 1, 2], [], [""]),
        ({"l": [{"i": 1, "t": 5}, {"i": 2, "t": 6}]}, {"l": [{"i": 2, "t": 6}, {"i": 1, "t": 9}]}, ["/l/0/t"], ["/l"]),
        ({"code": "A", "message": "x"}, {"code": "A", "message": "y"}, [], []),
    ],
)
def test_equal_values_are_equal(recorded, seen, volatile, unordered):
    assert Comparison(volatile, unordered).differences(recorded, seen) == []


@pytest.mark.parametrize(
    ("recorded", "seen", "volatile", "unordered"),
    [
        ({"a": 1}, {"a": "x"}, ["/a"], []),
        ({"a": 1}, {}, ["/a"], []),
        ([1, 2, 2], [1, 1, 2], [], [""]),
        ({"l": [{"i": 1, "t": 5}]}, {"l": [{"i": 2, "t": 9}]}, ["/l/0/t"], ["/l"]),
    ],
)
def test_volatile_and_unordered_do_not_hide_more_than_they_say(recorded, seen, volatile, unordered):
    assert Comparison(volatile, unordered).differences(recorded, seen)


def test_items_are_matched_even_if_the_first_choice_is_wrong():
    recorded = [{"i": 1, "t": 0}, {"i": 1, "t": 7}]
    seen = [{"i": 1, "t": 7}, {"i": 1, "t": 5}]
    assert Comparison(["/0/t"], [""]).differences(recorded, seen) == []


def test_pointers():
    assert pointed({"a/b": [{"c": 1}]}, "/a~1b/0/c") == 1
    with pytest.raises(LookupError):
        pointed({}, "/a")
