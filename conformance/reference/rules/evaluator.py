"""Runs a statement over the columns of one event.

What a statement computes: `Select` gives one row, `Foreach` one row per member of an array, no row if the event does
not pass the conditions. Everything that goes wrong is an `EvaluationError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.reference.defects import NO_TRAITS, Quirk, Traits
from conformance.reference.mqtt.topics import matches
from conformance.reference.rules import syntax
from conformance.reference.rules.functions import call_function
from conformance.reference.rules.functions.maths import arithmetic
from conformance.reference.rules.scope import Row, Scope
from conformance.reference.rules.syntax import Expression, Statement
from conformance.reference.rules.values import UNDEFINED, EvaluationError, Key, compare, get, put
from conformance.reference.schema_registry.registry import SchemaRegistry


def run(
    statement: Statement, columns: Mapping[str, Any], schemas: SchemaRegistry | None = None, traits: Traits = NO_TRAITS
) -> list[Row] | None:
    """Rows that ``statement`` makes of ``columns`` (values as `values.imported` gives them); None if nothing passes.

    With `Quirk.SELECTED_PAYLOAD_HIDES` a selected ``payload.x`` without an alias hides the rest of the payload from the
    condition, because 5.8.9 lays the selected row over the columns.

    Raises `EvaluationError`, whose text starts with the phase that failed (``select_and_transform_error``...).
    """
    scope = Scope(dict(columns), schemas)
    hides = Quirk.SELECTED_PAYLOAD_HIDES in traits
    try:
        if isinstance(statement, syntax.Select):
            return _select(statement, scope, hides)
        return _foreach(statement, scope, hides)
    except RecursionError:
        raise EvaluationError("too_deep") from None


class Phase:
    """Names the step in which an `EvaluationError` happened."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, EvaluationError):
            raise PhaseError(self._name, str(error)) from None


class PhaseError(EvaluationError):
    """An `EvaluationError` with the step it happened in."""

    def __init__(self, phase: str, reason: str) -> None:
        super().__init__(reason)
        self.phase = phase


def _select(statement: syntax.Select, scope: Scope, hides: bool) -> list[Row] | None:
    with Phase("select_and_transform_error"):
        row, selected = _transform(statement.fields, scope)
    scope = scope.with_columns({**scope.columns, **row}) if hides else selected
    with Phase("match_conditions_error"):
        if not _holds(statement.condition, scope):
            return None
    return [row]


def _foreach(statement: syntax.Foreach, scope: Scope, hides: bool) -> list[Row] | None:
    with Phase("select_and_collect_error"):
        row, selected = _transform(statement.fields, scope)
        last = statement.fields[-1]
        if isinstance(last, syntax.Everything):
            raise EvaluationError("badarg")
        name = "item" if last.alias is None else last.alias.name
        collection = evaluate(last.expression, selected)
    scope = scope.with_columns({**scope.columns, **row}) if hides else selected
    with Phase("match_conditions_error"):
        if not _holds(statement.condition, scope):
            return None
    rows = []
    for item in collection if isinstance(collection, list) else ():
        inner = scope.with_columns({**scope.columns, name: item})
        with Phase("match_incase_error"):
            if not _holds(statement.filter, inner):
                continue
        with Phase("doeach_error"):
            rows.append(_transform(statement.each, inner)[0] if statement.each else dict(inner.columns))
    return rows


def _transform(fields: Sequence[syntax.Field | syntax.Everything], scope: Scope) -> tuple[Row, Scope]:
    """The selected row, and the scope in which later expressions see what was selected before."""
    row: Row = {}
    for position, item in enumerate(fields):
        if isinstance(item, syntax.Everything):
            row |= scope.columns
            continue
        value = evaluate(item.expression, scope)
        name, keys = _destination(item, position, scope)
        row[name] = put(row.get(name), keys, value)
        scope = scope.with_columns({**scope.columns, name: put(scope.columns.get(name), keys, value)})
    return row, scope


def _destination(item: syntax.Field, position: int, scope: Scope) -> tuple[str, tuple[Key, ...]]:
    """Where a selected value goes: its alias, its own path, or a made-up name for what has none."""
    target = item.alias
    if target is None:
        expression = item.expression
        if isinstance(expression, syntax.Slice):
            expression = expression.path
        if not isinstance(expression, syntax.Path):
            kind = expression.name if isinstance(expression, syntax.FunctionCall) else type(expression).__name__.lower()
            return f"_v_{kind}_{position}", ()
        target = expression
    return target.name, _keys(target.steps, scope)


def _keys(steps: tuple[str | Expression, ...], scope: Scope) -> tuple[Key, ...]:
    keys: list[Key] = []
    for step in steps:
        key = step if isinstance(step, str) else evaluate(step, scope)
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise EvaluationError("badarg")
        keys.append(key)
    return tuple(keys)


def _holds(condition: Expression | None, scope: Scope) -> bool:
    """Whether an event passes; a condition that is neither true nor false is an error, as a bare column always is."""
    if condition is None:
        return True
    result = evaluate(condition, scope)
    if isinstance(condition, syntax.Path | syntax.Slice) or not isinstance(result, bool):
        raise EvaluationError("function_clause")
    return result


def evaluate(expression: Expression, scope: Scope) -> Any:
    """Value of an expression; raises `EvaluationError`."""
    match expression:
        case syntax.Literal(value):
            return value
        case syntax.Path(name, steps):
            return _read(name, steps, scope)
        case syntax.Comparison(operator, left, right):
            return compare(operator, evaluate(left, scope), evaluate(right, scope), matches)
        case syntax.All(conditions):
            return all(evaluate(condition, scope) is True for condition in conditions)
        case syntax.AnyOf(conditions):
            return any(evaluate(condition, scope) is True for condition in conditions)
        case syntax.Not(condition):
            return evaluate(condition, scope) is False
        case syntax.FunctionCall(name, arguments):
            return call_function(name, [evaluate(argument, scope) for argument in arguments], scope)
        case syntax.Arithmetic(operator, left, right):
            return arithmetic(operator, evaluate(left, scope), evaluate(right, scope))
        case syntax.Sign(operator, operand):
            return arithmetic(operator, 0, evaluate(operand, scope))
        case syntax.Membership(value, candidates):
            wanted = evaluate(value, scope)
            return any(_same(wanted, evaluate(candidate, scope)) for candidate in candidates)
        case syntax.Array(items):
            return [evaluate(item, scope) for item in items]
        case syntax.Slice(path, first, last):
            return _cut(_read(path.name, path.steps, scope), first, last)
        case syntax.Case():
            return _case(expression, scope)


def _read(name: str, steps: tuple[str | Expression, ...], scope: Scope) -> Any:
    if name not in scope.columns and not steps and name.lower() in _CONSTANTS:
        return _CONSTANTS[name.lower()]
    if not steps:
        return scope.columns.get(name, UNDEFINED)
    keys = _keys(steps, scope)
    return get(scope.payload() if name == "payload" else scope.columns.get(name, UNDEFINED), keys)


_CONSTANTS = {"null": None, "undefined": UNDEFINED}


def _cut(items: Any, first: int, last: int) -> Any:
    if not isinstance(items, list):
        raise EvaluationError("badarg")
    start = first - 1 if first > 0 else len(items) + first
    end = last if last > 0 else len(items) + last + 1
    return items[max(start, 0) : max(end, 0)]


def _case(expression: syntax.Case, scope: Scope) -> Any:
    subject = UNDEFINED if expression.subject is None else evaluate(expression.subject, scope)
    for condition, result in expression.branches:
        value = evaluate(condition, scope)
        if value is True if expression.subject is None else _same(value, subject):
            return evaluate(result, scope)
    return UNDEFINED if expression.otherwise is None else evaluate(expression.otherwise, scope)


def _same(left: Any, right: Any) -> bool:
    """Equal and of one kind: unlike for ``=``, 1 is neither 1.0 nor true here."""
    return bool(left == right) and type(left) is type(right)
