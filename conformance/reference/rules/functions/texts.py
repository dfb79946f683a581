"""Texts: cutting, joining, searching, formatting, regular expressions."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.rules.functions.registry import (
    FunctionError,
    a_length,
    a_number,
    a_text,
    an_array,
    an_integer,
    function,
)
from conformance.reference.rules.values import MAX_LENGTH, is_number, to_text


@function("lower")
def lower(text: Any) -> str:
    return a_text(text).lower()


@function("upper")
def upper(text: Any) -> str:
    return a_text(text).upper()


@function("trim")
def trim(text: Any) -> str:
    return a_text(text).strip()


@function("ltrim")
def ltrim(text: Any) -> str:
    return a_text(text).lstrip()


@function("rtrim")
def rtrim(text: Any) -> str:
    return a_text(text).rstrip()


@function("reverse")
def reverse(text: Any) -> str:
    return a_text(text)[::-1]


@function("strlen")
def strlen(text: Any) -> int:
    return len(a_text(text))


@function("ascii")
def ascii_code(character: Any) -> int:
    return ord(a_text(character)[0])


@function("concat")
def concat(*parts: Any) -> str:
    if not parts:
        raise FunctionError("nothing to join")
    if len(parts) == 1 and isinstance(parts[0], list):
        parts = tuple(parts[0])
    return "".join(map(to_text, parts))


@function("join_to_string")
def join_to_string(*arguments: Any) -> str:
    """``join_to_string(array)`` joins with a comma and a space, ``join_to_string(separator, array)`` with that."""
    *separator, items = arguments
    return a_text(*separator or [", "]).join(map(to_text, an_array(items)))


@function("join_to_sql_values_string")
def join_to_sql_values_string(items: Any) -> str:
    """As SQL writes values one after the other: numbers as they are, all else quoted."""
    return ", ".join(to_text(item) if is_number(item) else _sql_text(to_text(item)) for item in an_array(items))


def _sql_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@function("substr")
def substr(text: Any, start: Any, length: Any = None) -> str:
    """Characters from ``start`` (counted from 0) on, at most ``length``."""
    if an_integer(start) < 0 or (length is not None and an_integer(length) < 0):
        raise FunctionError("outside the text")
    return a_text(text)[start:] if length is None else a_text(text)[start : start + length]


_SPLITS = {
    "": ("", False),
    "notrim": ("", True),
    "leading": ("leading", False),
    "leading_notrim": ("leading", True),
    "trailing": ("trailing", False),
    "trailing_notrim": ("trailing", True),
}


@function("split")
def split(text: Any, separator: Any, option: Any = "") -> list[str]:
    """Parts between separators. Options: ``notrim`` keeps empty parts, ``leading`` and ``trailing`` split once."""
    place, keep_empty = _SPLITS[option]
    if not a_text(separator):
        parts = [a_text(text)]
    elif place == "leading":
        parts = a_text(text).split(separator, 1)
    elif place == "trailing":
        parts = a_text(text).rsplit(separator, 1)
    else:
        parts = a_text(text).split(separator)
    return parts if keep_empty else [part for part in parts if part]


@function("tokens")
def tokens(text: Any, separators: Any, option: Any = "") -> list[str]:
    """Non-empty parts between any of the characters of ``separators`` (and line ends with ``nocrlf``)."""
    characters = a_text(separators) + ("\r\n" if option == "nocrlf" else "")
    if not characters:
        return [text] if a_text(text) else []
    return [part for part in re.split(f"[{re.escape(characters)}]", a_text(text)) if part]


@function("find")
def find(text: Any, wanted: Any, direction: Any = "leading") -> str:
    """The text from the first (``trailing``: last) occurrence of ``wanted`` on, or an empty text."""
    search = {"leading": a_text(text).find, "trailing": a_text(text).rfind}[direction]
    position = search(a_text(wanted))
    return text[position:] if position >= 0 else ""


@function("replace")
def replace(text: Any, wanted: Any, other: Any, where: Any = "all") -> str:
    """``where``: all, leading or trailing occurrences."""
    if where == "trailing":
        head, found, tail = a_text(text).rpartition(a_text(wanted))
        return head + a_text(other) + tail if found else text
    _check_growth(a_text(text), a_text(other))
    return a_text(text).replace(a_text(wanted), a_text(other), {"leading": 1, "all": -1}[where])


@function("rm_prefix")
def rm_prefix(text: Any, prefix: Any) -> str:
    return a_text(text).removeprefix(a_text(prefix))


@function("pad")
def pad(text: Any, length: Any, where: Any = "trailing", character: Any = " ") -> str:
    """``where``: leading, both or trailing."""
    width = a_length(length)
    if len(a_text(character)) != 1:
        raise FunctionError("not one character")
    if where == "leading":
        return a_text(text).rjust(width, character)
    if where == "both":
        missing = max(width - len(a_text(text)), 0)
        return text.rjust(len(text) + missing // 2, character).ljust(width, character)  # type: ignore[no-any-return]
    if where != "trailing":
        raise FunctionError(f"{where!r} is no end of a text")
    return a_text(text).ljust(width, character)


@function("regex_match")
def regex_match(text: Any, pattern: Any) -> bool:
    return _pattern(pattern).search(a_text(text)) is not None


@function("regex_replace")
def regex_replace(text: Any, pattern: Any, other: Any) -> str:
    _check_growth(a_text(text), a_text(other))
    try:
        return _pattern(pattern).sub(re.sub(r"\\?&", r"\\g<0>", a_text(other)), a_text(text))
    except re.error as error:
        raise FunctionError(str(error)) from None


@function("regex_extract")
def regex_extract(text: Any, pattern: Any) -> list[str]:
    """The groups of the first match, none if there is no match."""
    found = _pattern(pattern).search(a_text(text))
    return [group or "" for group in found.groups()] if found else []


def _pattern(pattern: Any) -> re.Pattern[str]:
    try:
        return re.compile(a_text(pattern))
    except re.error as error:
        raise FunctionError(str(error)) from None


def _check_growth(text: str, other: str) -> None:
    if (len(text) + 1) * (len(other) + 1) > MAX_LENGTH:
        raise FunctionError("too long")


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}
_ESCAPED = re.compile(r"\\(?:x([0-9A-Fa-f]{2,6})|(.))", re.DOTALL)


@function("unescape")
def unescape(text: Any) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _unescaped(found[2]), a_text(text))


def _unescaped(character: str) -> str:
    if character in "\\\"'?":
        return character
    return _ESCAPES[character]


_DIRECTIVE = re.compile(r"~(-?[0-9]+)?(?:\.([0-9]*)(?:\.(.))?)?t?([a-zA-Z~])")


@function("sprintf", "sprintf_s")
def sprintf(template: Any, *arguments: Any) -> str:
    """Erlang's format directives: ``~s ~p ~w ~b ~B ~f ~e ~c ~x ~n ~~`` with width, precision and padding."""
    values = list(arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments)

    def formatted(found: re.Match[str]) -> str:
        width, precision, filler, kind = found.groups()
        if kind in "n~":
            return "\n" if kind == "n" else "~"
        text = _formatted(kind, values.pop(0), int(precision) if precision else None)
        if width is None:
            return text
        size, filler = a_length(abs(int(width))), filler or " "
        return text.ljust(size, filler) if int(width) < 0 else text.rjust(size, filler)

    text = _DIRECTIVE.sub(formatted, a_text(template))
    if values:
        raise FunctionError("too many values")
    return text


def _formatted(kind: str, value: Any, precision: int | None) -> str:
    match kind:
        case "s" | "p" | "w":
            text = to_text(value)
            return f'"{text}"' if kind != "s" and isinstance(value, str) else text[:precision]
        case "b" | "B":
            digits = _in_base(an_integer(value), 10 if precision is None else precision)
            return digits.lower() if kind == "b" else digits
        case "f" | "e":
            return format(float(a_number(value)), f".{a_length(6 if precision is None else precision)}{kind}")
        case "x":
            return format(an_integer(value), "x")
        case "c":
            return chr(an_integer(value))
    raise FunctionError(f"unknown directive ~{kind}")


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _in_base(number: int, base: int) -> str:
    if not 2 <= base <= len(_DIGITS):
        raise FunctionError(f"no digits of base {base}")
    digits, rest = "", abs(number)
    while rest or not digits:
        rest, digit = divmod(rest, base)
        digits = _DIGITS[digit] + digits
    return f"-{digits}" if number < 0 else digits


@function("map_to_redis_hset_args")
def map_to_redis_hset_args(value: Any) -> list[str]:
    """Keys and values in turn, as texts, behind a mark by which a Redis action knows them."""
    fields = value.items() if isinstance(value, dict) else ()
    plain = [(key, item) for key, item in fields if not isinstance(item, list | dict)]
    return ["map_to_redis_hset_args", *(text for key, item in plain for text in (key, to_text(item)))]
