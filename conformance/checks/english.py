"""Messages in the words of their readers: what Python prints of its own values is no English."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

_PAIRS = {"{": "}", "[": "]", "(": ")"}
_LONGEST_LITERAL = 4000
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_PYTHON = re.compile(r"'|\b(?:True|False|None)\b|\(|\bb[\"']")
"""What a list or object has if Python printed it; without any of these it may as well be JSON, and is left alone."""
_CALLED = re.compile(r"[A-Za-z0-9_]\Z")
"""What is before the arguments of a function, as in statements of rules."""
_WORDS = {"True": "true", "False": "false", "None": "null"}
_WORD = re.compile(r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|\b(True|False|None)\b")
_GAP = re.compile(r"(\b[1-5]\d\d) +(?=,)|(\b[1-5]\d\d)  +")


def english(message: str) -> str:
    """``message`` with values as people write them.

    Statuses by name (``{'null': 500, '{}': 204}``) become ``null: 500, {}: 204``, pairs (``[('a', 1)]``) ``a: 1``, any
    other object JSON, and ``None`` outside of quotes ``null``. JSON stays as it is.
    """
    parts = []
    place = 0
    for start, end, value in _literals(message):
        parts += [_plain(message[place:start]), _told(value)]
        place = end
    parts.append(_plain(message[place:]))
    return "".join(parts)


def _literals(text: str) -> Iterator[tuple[int, int, Any]]:
    """Begin, end and value of every collection that Python has printed, but for the arguments of a function."""
    place = 0
    while place < len(text):
        if text[place] in _PAIRS:
            end = _end_of(text, place)
            if end is not None and text[place] == "(" and _CALLED.search(text, max(place - 1, 0), place):
                place = end
                continue
            if end is not None:
                value = _value(text[place:end])
                if value is not None:
                    yield place, end, value
                    place = end
                    continue
        place += 1


def _end_of(text: str, start: int) -> int | None:
    """Where the bracket at ``start`` is closed, None if it is not, or too far away."""
    expected: list[str] = []
    quote = ""
    escaped = False
    for place in range(start, min(len(text), start + _LONGEST_LITERAL)):
        character = text[place]
        if quote:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in _PAIRS:
            expected.append(_PAIRS[character])
        elif expected and character == expected[-1]:
            expected.pop()
            if not expected:
                return place + 1
        elif character in _PAIRS.values():
            return None
    return None


def _value(text: str) -> Any:
    if text in ("[]", "{}", "()"):
        return None
    if _PYTHON.search(_QUOTED.sub('""', text)) is None:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if isinstance(value, (dict, list, tuple, set)) else None


def _told(value: Any) -> str:
    """A collection at its place in a sentence, without brackets of its own."""
    if isinstance(value, dict):
        if value and all(isinstance(member, int) and 100 <= member < 600 for member in value.values()):
            return ", ".join(f"{key if isinstance(key, str) else _word(key)}: {value[key]}" for key in value)
        return _json(value)
    members = list(value)
    if isinstance(value, list) and members and all(isinstance(one, tuple) and len(one) == 2 for one in members):
        return ", ".join(f"{_word(key)}: {_word(member)}" for key, member in members)
    return ", ".join(map(_word, members))


def _word(value: Any) -> str:
    """A value inside of a collection."""
    if isinstance(value, str):
        return value if value and value.isprintable() and not re.search(r"[,:'\"]|^\s|\s$", value) else _json(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if isinstance(value, dict):
        return _json(value)
    if isinstance(value, (list, tuple, set)):
        return f"[{_told(value)}]" if value else "[]"
    return _json(value)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_word)
    except (TypeError, ValueError):
        return str(value)


def _plain(text: str) -> str:
    """Text between collections: JSON's names of true, false and nothing, and no gap where a code would be."""
    text = _WORD.sub(lambda found: found[1] or _WORDS[found[2]], text)
    return _GAP.sub(lambda found: found[1] or f"{found[2]} ", text)
