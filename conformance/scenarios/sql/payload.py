"""What the expressions of the golden table read, and the two values that JSON does not have."""

from __future__ import annotations

from typing import Any, Final

UNDEFINED: Final = "undefined"
"""How a value that is not there is printed."""


class _Raises:
    """The expression has no value: the statement fails."""

    def __repr__(self) -> str:
        return "an error"


RAISES: Final = _Raises()

PAYLOAD: dict[str, Any] = {
    "a": {"b": {"c": "deep"}, "list": [1, 2, 3], "two words": 5, "x.y": 6, "end": 7},
    "list": ["one", "two", "three", "four"],
    "nested": [[1, 2], [3, [4, 5]], []],
    "rows": [{"k": "p", "v": 1}, {"k": "q", "v": [7, 8]}],
    "mixed": [1, "1", True, None, 1.5],
    "five": 5,
    "half": 0.5,
    "minus": -5,
    "yes": True,
    "no": False,
    "null": None,
    "blank": "",
    "none": [],
    "nothing": {},
    "text": "aB c",
    "number": "12",
    "spaced": "\t a b \n",
    "lines": "a\rb\nc\r\nd",
    "quote": "it's",
    "unicode": "Grüße, 世界! 🌍",
    "accents": "ÀÉÎ",
    "chinese": "你好",
    "json": '{"k": [1, {"x": 2}]}',
    "dashes": "2024-02-29",
}
"""The payload of every message of the table, next to the number of the expression."""
