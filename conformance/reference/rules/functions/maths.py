"""Arithmetic, mathematics and bits."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from typing import Any

from conformance.reference.rules.functions.registry import FunctionError, a_number, a_text, an_integer, function
from conformance.reference.rules.values import (
    UNDEFINED,
    Bits,
    EvaluationError,
    from_bytes,
    is_number,
    to_bytes,
    to_text,
)

_MAX_SHIFT = 4096
_MAX_BITS = 4096


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """``left operator right``; ``+`` joins a text with anything. Raises `EvaluationError` (badarg, badarith)."""
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        return to_text(left) + to_text(right)
    if not (is_number(left) and is_number(right)):
        raise EvaluationError("badarg")
    try:
        return _bounded(_OPERATORS[operator](left, right))
    except (ArithmeticError, FunctionError):
        raise EvaluationError("badarith") from None


def _bounded(value: int | float) -> int | float:
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise OverflowError
    if not math.isfinite(value) if isinstance(value, float) else False:
        raise OverflowError
    return value


def _truncated(left: Any, right: Any) -> int:
    """Integer division towards zero."""
    quotient = abs(an_integer(left)) // abs(an_integer(right))
    return quotient if (left < 0) is (right < 0) else -quotient


def _remainder(left: Any, right: Any) -> int:
    """Remainder with the sign of the dividend."""
    return int(left - right * _truncated(left, right))


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "div": _truncated,
    "mod": _remainder,
}

function("div")(_truncated)
function("mod")(_remainder)


_OF_ONE_NUMBER = (
    *(math.acos, math.acosh, math.asin, math.asinh, math.atan, math.atanh, math.cos, math.cosh),
    *(math.sin, math.sinh, math.tan, math.tanh, math.exp, math.log, math.log10, math.log2, math.sqrt),
)
for _implementation in _OF_ONE_NUMBER:
    function(_implementation.__name__)(lambda value, work=_implementation: work(a_number(value)))


@function("abs")
def absolute(value: Any) -> Any:
    return abs(a_number(value))


@function("ceil")
def ceil(value: Any) -> int:
    return math.ceil(a_number(value))


@function("floor")
def floor(value: Any) -> int:
    return math.floor(a_number(value))


@function("round")
def round_half_away(value: Any) -> int:
    """Nearest integer, halves away from zero."""
    number = a_number(value)
    return int(math.copysign(math.floor(abs(number) + 0.5), number))


@function("fmod")
def fmod(left: Any, right: Any) -> float:
    return math.fmod(a_number(left), a_number(right))


@function("power")
def power(base: Any, exponent: Any) -> float:
    return math.pow(a_number(base), a_number(exponent))


@function("random")
def uniform() -> float:
    return random.random()


@function("bitand")
def bitand(left: Any, right: Any) -> int:
    return an_integer(left) & an_integer(right)


@function("bitor")
def bitor(left: Any, right: Any) -> int:
    return an_integer(left) | an_integer(right)


@function("bitxor")
def bitxor(left: Any, right: Any) -> int:
    return an_integer(left) ^ an_integer(right)


@function("bitnot")
def bitnot(value: Any) -> int:
    return ~an_integer(value)


@function("bitsl")
def bitsl(value: Any, count: Any) -> int:
    return an_integer(value) << _shift(count)


@function("bitsr")
def bitsr(value: Any, count: Any) -> int:
    return an_integer(value) >> _shift(count)


def _shift(count: Any) -> int:
    if not 0 <= an_integer(count) <= _MAX_SHIFT:
        raise FunctionError(f"cannot shift by {count}")
    return int(count)


@function("bitsize")
def bitsize(value: Any) -> int:
    return 8 * len(to_bytes(a_text(value)))


@function("bytesize")
def bytesize(value: Any) -> int:
    return len(to_bytes(a_text(value)))


@function("subbits")
def subbits(
    value: Any, first: Any, length: Any = None, kind: str = "integer", sign: str = "unsigned", endian: str = "big"
) -> Any:
    """Bits ``first`` (from 1) to ``first + length - 1`` as ``kind``: integer, float (16, 32, 64 bits) or bits.

    With two arguments the first ``first`` bits. Fewer if there are not as many, undefined if there are none.
    """
    start, count = (1, an_integer(first)) if length is None else (an_integer(first), an_integer(length))
    raw = to_bytes(a_text(value))
    total = 8 * len(raw)
    if start < 1 or count < 1:
        raise FunctionError("no bits")
    if start > total:
        return UNDEFINED
    count = min(count, total - start + 1)
    bits = int.from_bytes(raw, "big") >> (total - (start - 1) - count) & ((1 << count) - 1)
    if kind == "integer":
        return _integer_of(bits, count, sign, endian)
    if count % 8 and kind == "bits":
        return Bits(bits, count)
    if count % 8:
        raise FunctionError("no whole bytes")
    chunk = bits.to_bytes(count // 8, "big")
    if kind == "bits":
        return from_bytes(chunk)
    if kind != "float":
        raise FunctionError(f"unknown kind {kind}")

    order = ">" if endian == "big" else "<"
    return struct.unpack(order + {16: "e", 32: "f", 64: "d"}[count], chunk)[0]


def _integer_of(bits: int, count: int, sign: str, endian: str) -> int:
    if endian == "little":
        if count % 8:
            raise FunctionError("no whole bytes")
        bits = int.from_bytes(bits.to_bytes(count // 8, "big"), "little")
    return bits - (1 << count) if sign == "signed" and bits >> (count - 1) else bits
