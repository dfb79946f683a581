"""The values rule SQL computes with, and how they are compared, printed, read and written.

Numbers, bool, str, list and dict are what JSON makes of them, None is JSON's null, and `UNDEFINED` is a value that is
not there. Bytes are kept as str whose undecodable bytes are lone surrogates, so that there is one kind of text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from conformance.reference.bridges.template import NULL

_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?")


class Undefined:
    """A column, key or position that does not exist; prints as ``undefined``."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = Undefined()


@dataclass(frozen=True, slots=True)
class Bits:
    """Some bits that are no whole bytes: the ``number`` that they are, and how many. No action can print them."""

    number: int
    count: int


class EvaluationError(Exception):
    """A statement cannot be computed for an event; the text is the reason EMQX would print."""


Key = str | int
MAX_LENGTH = 8_000_000
"""No function makes a longer text or array than this."""

MAX_DEPTH = 100


def to_bytes(text: str) -> bytes:
    """The bytes behind a text; lone surrogates that JSON escapes made become ``?``."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def from_bytes(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def imported(value: Any, depth: int = 0) -> Any:
    """A value of an event's columns: None is something the event does not have, bytes become text.

    Raises `EvaluationError` for what is nested more than `MAX_DEPTH` levels deep.
    """
    if depth > MAX_DEPTH:
        raise EvaluationError("too_deep")
    if value is None:
        return UNDEFINED
    if isinstance(value, bytes):
        return from_bytes(value)
    if isinstance(value, Mapping):
        return {str(key): imported(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [imported(item, depth + 1) for item in value]
    return value


def exported(value: Any, depth: int = 0) -> Any:
    """What an action gets: None for undefined values, `NULL` for JSON's null, bytes for undecodable text.

    Raises `EvaluationError` for what is nested more than `MAX_DEPTH` levels deep.
    """
    if depth > MAX_DEPTH:
        raise EvaluationError("too_deep")
    if isinstance(value, Bits):
        raise EvaluationError("bits_of_no_bytes")
    if value is UNDEFINED:
        return None
    if value is None:
        return NULL
    if isinstance(value, str):
        return value if is_text(value) else to_bytes(value)
    if isinstance(value, dict):
        return {key: exported(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [exported(item, depth + 1) for item in value]
    return value


def is_text(value: str) -> bool:
    """Whether ``value`` is Unicode text, not bytes in disguise."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(text: str) -> int | float:
    """The number a text holds; raises `EvaluationError` (badarg)."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _FLOAT.fullmatch(text) or not math.isfinite(float(text)):
        raise EvaluationError("badarg")
    return float(text)


def decode_json(text: str) -> Any:
    """Value of a JSON text; raises `EvaluationError` (decode_json_failed)."""
    try:
        return json.loads(to_bytes(text), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise EvaluationError("decode_json_failed") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def encode_json(value: Any) -> str:
    """Compact JSON text; an undefined value is printed as a string, as EMQX does. Raises `EvaluationError`."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr, allow_nan=False)
    except (ValueError, RecursionError):
        raise EvaluationError("encode_json_failed") from None
    if not is_text(text):
        raise EvaluationError("invalid_string")
    return text


def to_text(value: Any) -> str:
    """A value as text, the way templates and ``str`` print it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, float):
        return float_text(value, 10)
    if isinstance(value, int | Undefined):
        return repr(value)
    return encode_json(value)


def float_text(value: float, decimals: int) -> str:
    """``value`` with at most ``decimals`` places, trailing zeros left out but for one place."""
    text = f"{value:.{decimals}f}"
    if "." not in text:
        return text
    text = text.rstrip("0")
    return text + "0" if text.endswith(".") else text


def compare(operator: str, left: Any, right: Any, matches: Callable[[str, str], bool]) -> bool:
    """``left operator right``; a number and a text are compared as numbers, nothing equals an undefined value.

    ``matches`` decides ``=~`` (topic, filter). Raises `EvaluationError` for values that have no order.
    """
    if left is UNDEFINED or right is UNDEFINED:
        both = left is right
        return both and operator in ("=", "<=", ">=")
    if operator == "=~":
        if not (isinstance(left, str) and isinstance(right, str)):
            raise EvaluationError("badarg")
        return matches(left, right)
    left, right = _comparable(left, right)
    if operator == "=":
        return bool(left == right)
    if operator in ("!=", "<>"):
        return bool(left != right)
    if is_number(left) is not is_number(right) or type(left) in (dict, list) or left is None or right is None:
        left, right = _rank(left), _rank(right)
    try:
        return bool(_ORDER[operator](left, right))
    except TypeError:
        raise EvaluationError("badarg") from None


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    if is_number(left) and isinstance(right, str):
        return left, number(right)
    if isinstance(left, str) and is_number(right):
        return number(left), right
    if isinstance(left, bool | None) and isinstance(right, str):
        return to_text(left), right
    if isinstance(left, str) and isinstance(right, bool | None):
        return left, to_text(right)
    if isinstance(left, bool) is not isinstance(right, bool):
        # 1 and true are different values, which Python would not say.
        return (to_text(left), right) if isinstance(left, bool) else (left, to_text(right))
    return left, right


def _rank(value: Any) -> int:
    """Erlang's order of kinds: number, atom, map, list, binary."""
    kinds: tuple[type | tuple[type, ...], ...] = (dict, list, str)
    if is_number(value):
        return 0
    return next((rank for rank, kind in enumerate(kinds, 2) if isinstance(value, kind)), 1)


_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def get(value: Any, keys: tuple[Key, ...]) -> Any:
    """The value behind ``keys``, or `UNDEFINED`. A text on the way is read as JSON if it is any."""
    for key in keys:
        if isinstance(value, str):
            try:
                value = decode_json(value)
            except EvaluationError:
                return UNDEFINED
        if isinstance(value, dict):
            value = value.get(str(key), UNDEFINED)
        elif isinstance(value, list) and isinstance(key, int):
            value = _at(value, key)
        else:
            return UNDEFINED
    return value


def _at(items: list[Any], position: int) -> Any:
    index = position - 1 if position > 0 else len(items) + position
    return items[index] if position != 0 and 0 <= index < len(items) else UNDEFINED


def put(container: Any, keys: tuple[Key, ...], value: Any) -> Any:
    """A copy of ``container`` with ``value`` behind ``keys``; what is missing on the way is made."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(container, str):
        try:
            container = decode_json(container)
        except EvaluationError:
            container = {}
    if isinstance(container, list) and isinstance(key, int):
        return _put_at(container, key, rest, value)
    members = dict(container) if isinstance(container, dict) else {}
    members[str(key)] = put(members.get(str(key)), rest, value)
    return members


def _put_at(items: list[Any], position: int, rest: tuple[Key, ...], value: Any) -> list[Any]:
    """Position 0 puts in front, the one behind the last appends, others replace; anything else changes nothing."""
    copy = list(items)
    if position == 0:
        return [put(None, rest, value), *copy]
    index = position - 1 if position > 0 else len(copy) + position
    if index == len(copy):
        copy.append(put(None, rest, value))
    elif 0 <= index < len(copy):
        copy[index] = put(copy[index], rest, value)
    return copy
