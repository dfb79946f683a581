"""Where functions register, and the checks they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from conformance.reference.rules.values import MAX_LENGTH, is_number

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

FUNCTIONS: dict[str, Function] = {}
CONTEXT_FUNCTIONS: dict[str, Function] = {}
"""Functions whose first argument is the scope of the event."""


class FunctionError(Exception):
    """An argument no function of this name takes."""


def function(*names: str) -> Callable[[F], F]:
    """Register a function under ``names``. It may raise any common error for arguments it cannot take."""

    def register(implementation: F) -> F:
        for name in names:
            FUNCTIONS[name] = implementation
        return implementation

    return register


def context_function(*names: str) -> Callable[[F], F]:
    """Register a function that reads the event."""

    def register(implementation: F) -> F:
        for name in names:
            CONTEXT_FUNCTIONS[name] = implementation
        return implementation

    return register


def a_text(value: Any) -> str:
    if not isinstance(value, str):
        raise FunctionError(f"{value!r} is no text")
    return value


def a_number(value: Any) -> int | float:
    if not is_number(value):
        raise FunctionError(f"{value!r} is no number")
    return value  # type: ignore[no-any-return]


def an_integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise FunctionError(f"{value!r} is no integer")
    return value


def an_array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise FunctionError(f"{value!r} is no array")
    return value


def a_map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FunctionError(f"{value!r} is no map")
    return value


def a_length(value: Any) -> int:
    """A count of characters or items that memory can hold."""
    length = an_integer(value)
    if not 0 <= length <= MAX_LENGTH:
        raise FunctionError(f"{length} is too long")
    return length
