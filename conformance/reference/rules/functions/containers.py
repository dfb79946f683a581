"""Maps and arrays."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.rules.functions.registry import (
    FunctionError,
    a_length,
    a_map,
    a_text,
    an_array,
    an_integer,
    function,
)
from conformance.reference.rules.values import UNDEFINED, EvaluationError, Key, decode_json, get, put

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(-?[0-9]+)\]")


def parse_path(text: str) -> tuple[Key, ...]:
    """Keys of ``a.b[1].c``; raises `FunctionError` if it is no path."""
    keys: list[Key] = []
    position = 0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise FunctionError(f"{text!r} is no path")
        keys.append(step[1] if step[2] is None else int(step[2]))
        position = step.end()
    if not keys:
        raise FunctionError("an empty path")
    return tuple(keys)


@function("map_new")
def map_new() -> dict[str, Any]:
    return {}


@function("map_get", "map_path")
def map_get(path: Any, value: Any, default: Any = UNDEFINED) -> Any:
    """Value behind a path like ``a.b[1]``, or ``default``."""
    found = get(value, parse_path(a_text(path)))
    return default if found is UNDEFINED else found


@function("map_put")
def map_put(path: Any, item: Any, value: Any) -> Any:
    return put(_map(value), parse_path(a_text(path)), item)


@function("mget")
def mget(key: Any, value: Any, default: Any = UNDEFINED) -> Any:
    """Like `map_get`, but dots in the key mean nothing."""
    try:
        return _map(value).get(a_text(key), default)
    except EvaluationError:
        return default


@function("mput")
def mput(key: Any, item: Any, value: Any) -> dict[str, Any]:
    return {**_map(value), a_text(key): item}


def _map(value: Any) -> dict[str, Any]:
    return a_map(decode_json(value) if isinstance(value, str) else value)


@function("map_keys")
def map_keys(value: Any) -> list[str]:
    return list(a_map(value))


@function("map_values")
def map_values(value: Any) -> list[Any]:
    return list(a_map(value).values())


@function("map_size")
def map_size(value: Any) -> int:
    return len(a_map(value))


@function("map_to_entries")
def map_to_entries(value: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": item} for key, item in a_map(value).items()]


@function("nth")
def nth(position: Any, items: Any) -> Any:
    """Item at ``position``, counted from 1."""
    if not 1 <= an_integer(position) <= len(an_array(items)):
        raise FunctionError(f"no item {position}")
    return items[position - 1]


@function("length")
def length(items: Any) -> int:
    return len(an_array(items))


@function("sublist")
def sublist(*arguments: Any) -> list[Any]:
    """``sublist(length, array)`` or ``sublist(start, length, array)``, start counted from 1."""
    *bounds, items = arguments
    start, count = (1, *bounds) if len(bounds) == 1 else bounds
    if an_integer(start) < 1 or an_integer(count) < 0:
        raise FunctionError("outside the array")
    return an_array(items)[start - 1 : start - 1 + count]


@function("first")
def first(items: Any) -> Any:
    return an_array(items)[0]


@function("last")
def last(items: Any) -> Any:
    return an_array(items)[-1]


@function("contains")
def contains(item: Any, items: Any) -> bool:
    return any(item == other and isinstance(item, bool) is isinstance(other, bool) for other in an_array(items))


@function("range")
def integer_range(start: Any, end: Any) -> list[int]:
    """All integers from ``start`` to ``end``."""
    a_length(max(an_integer(end) - an_integer(start) + 1, 0))
    return list(range(start, end + 1))
