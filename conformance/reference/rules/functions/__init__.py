"""The functions of rule SQL, by name."""

from __future__ import annotations

from typing import Any

from conformance.reference.rules.functions import codecs, columns, containers, conversions, jq, maths, texts, times
from conformance.reference.rules.functions.registry import CONTEXT_FUNCTIONS, FUNCTIONS, FunctionError
from conformance.reference.rules.scope import Scope
from conformance.reference.rules.values import EvaluationError

__all__ = ["call_function", "codecs", "columns", "containers", "conversions", "jq", "maths", "texts", "times"]

_WHAT_FUNCTIONS_RAISE = (
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
    OSError,
    MemoryError,
    FunctionError,
)


def call_function(name: str, arguments: list[Any], scope: Scope) -> Any:
    """Result of ``name(arguments)``; raises `EvaluationError`, also for a name that no function has."""
    try:
        if name in FUNCTIONS:
            return FUNCTIONS[name](*arguments)
        if name in CONTEXT_FUNCTIONS:
            return CONTEXT_FUNCTIONS[name](scope, *arguments)
    except _WHAT_FUNCTIONS_RAISE:
        raise EvaluationError("badarg") from None
    raise EvaluationError(f"sql_function_not_supported: {name}/{len(arguments)}")
