"""Types: what a value is, and turning it into another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from conformance.reference.rules.functions.registry import FunctionError, a_number, an_array, function
from conformance.reference.rules.values import UNDEFINED, decode_json, float_text, is_number, number, to_text

_MAX_DECIMALS = 253


@function("str", "str_utf8")
def as_text(value: Any) -> str:
    return to_text(value)


@function("int")
def as_int(value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        value = number(value)
    return math.floor(a_number(value))


@function("float")
def as_float(value: Any, decimals: Any = None) -> float:
    if isinstance(value, str):
        value = number(value)
    result = float(a_number(value))
    if decimals is None:
        return result
    if decimals == 0:
        raise FunctionError("no places")
    return float(float_text(result, _decimals(decimals)))


@function("float2str")
def float_to_text(value: Any, decimals: Any) -> str:
    """Text with at most ``decimals`` places, trailing zeros left out but for one place."""
    if not isinstance(value, float):
        raise FunctionError(f"{value!r} is no float")
    return float_text(value, _decimals(decimals))


def _decimals(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= _MAX_DECIMALS:
        raise FunctionError(f"{value!r} places")
    return value


@function("bool")
def as_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in (1, "true"):
        return True
    if value in (0, "false"):
        return False
    raise FunctionError(f"{value!r} is no truth value")


@function("map")
def as_map(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = decode_json(value)
    if not isinstance(value, dict):
        raise FunctionError(f"{value!r} is no map")
    return value


@function("is_null")
def is_null(value: Any) -> bool:
    return value is UNDEFINED


@function("is_not_null")
def is_not_null(value: Any) -> bool:
    return value is not UNDEFINED


@function("is_null_var")
def is_null_var(value: Any) -> bool:
    """Like `is_null`, and true for JSON's null."""
    return value is UNDEFINED or value is None


@function("is_not_null_var")
def is_not_null_var(value: Any) -> bool:
    return not is_null_var(value)


@function("is_empty")
def is_empty(value: Any) -> bool:
    """Whether a text, an array or a map (also as JSON text) has nothing in it."""
    return not value if isinstance(value, list) or value == "" else not as_map(value)


@function("is_str")
def is_str(value: Any) -> bool:
    return isinstance(value, str)


@function("is_bool")
def is_bool(value: Any) -> bool:
    return isinstance(value, bool)


@function("is_int")
def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@function("is_float")
def is_float(value: Any) -> bool:
    return isinstance(value, float)


@function("is_num")
def is_num(value: Any) -> bool:
    return is_number(value)


@function("is_map")
def is_map(value: Any) -> bool:
    return isinstance(value, dict)


@function("is_array")
def is_array(value: Any) -> bool:
    return isinstance(value, list)


@function("eq")
def equal(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) is isinstance(right, bool)


@function("coalesce")
def coalesce(*values: Any) -> Any:
    """The first value that is there: of two, or of an array."""
    return next((value for value in _candidates(values) if value is not UNDEFINED), UNDEFINED)


@function("coalesce_ne")
def coalesce_not_empty(*values: Any) -> Any:
    """The first value that is there and not empty text: of two, or of an array."""
    return next((value for value in _candidates(values) if value not in (UNDEFINED, "")), UNDEFINED)


def _candidates(values: tuple[Any, ...]) -> Sequence[Any]:
    if len(values) == 1:
        return an_array(values[0])
    if len(values) != 2:
        raise FunctionError("neither two values nor an array")
    return values


@function("null")
def undefined() -> Any:
    return UNDEFINED
