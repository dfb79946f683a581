"""From SQL text to a syntax tree, by an LALR grammar that is built when the first statement comes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import LarkError

from conformance.reference.rules import syntax
from conformance.reference.rules.syntax import Expression, Statement

_MAX_INDEX_DIGITS = 18


class SqlError(ValueError):
    """The text is no rule SQL; the message says where."""


def parse(sql: str) -> Statement:
    """Syntax tree of a statement; raises `SqlError`."""
    try:
        tree: Any = _parser().parse(sql)
    except SqlError:
        raise
    except UnexpectedInput as error:
        raise SqlError(_where(error)) from None
    except (LarkError, RecursionError, ValueError) as error:
        raise SqlError(f"syntax error: {str(error).splitlines()[0] if str(error) else 'too deep'}") from None
    return tree  # type: ignore[no-any-return]


@cache
def _parser() -> Lark:
    grammar = FilePath(__file__).with_name("sql.lark").read_text()
    return Lark(grammar, parser="lalr", transformer=_TreeBuilder(), maybe_placeholders=True)


def _where(error: UnexpectedInput) -> str:
    token = getattr(error, "token", None)
    before = "" if token is None or token.type == "$END" else repr(str(token))
    if token is None:
        before = repr(getattr(error, "char", ""))
    line = max(error.line or 1, 1)
    return f"{line}: syntax error before: {before}"


def _unquoted(token: Token) -> str:
    """The text of a quoted token, as EMQX reads it: every quote at the ends goes, doubled ones inside stay doubled."""
    return str(token).strip("'").strip('"')


_CONDITIONS = (syntax.All, syntax.AnyOf, syntax.Not, syntax.Membership)


def _values(*expressions: Any) -> None:
    """Refuse ``and``, ``or``, ``not`` and ``in`` outside conditions."""
    if any(isinstance(expression, _CONDITIONS) for expression in expressions):
        raise SqlError("1: a condition stands where a value is wanted")


def _operands(*expressions: Any) -> None:
    """Refuse conditions and comparisons where something is computed or compared."""
    _values(*expressions)
    if any(isinstance(expression, syntax.Comparison) for expression in expressions):
        raise SqlError("1: a comparison stands where a value is wanted")


class _Span(NamedTuple):
    """``[first..last]`` while its path is being read."""

    first: int
    last: int


class _TreeBuilder(Transformer[Token, Any]):
    """Runs inside the parser, so that deeply nested statements need no recursion here."""

    def start(self, children: list[Any]) -> Statement:
        return children[0]  # type: ignore[no-any-return]

    def select(self, children: list[Any]) -> syntax.Select:
        fields, sources, condition = children
        return syntax.Select(fields, sources, condition)

    def foreach(self, children: list[Any]) -> syntax.Foreach:
        fields, each, incase, sources, condition = children
        return syntax.Foreach(fields, sources, each or (), incase, condition)

    def sources(self, children: list[str]) -> tuple[str, ...]:
        return tuple(children)

    def quoted_source(self, children: list[Token]) -> str:
        return _unquoted(children[0])

    def bare_source(self, children: list[Token]) -> str:
        return str(children[0])

    def fields(self, children: list[Any]) -> tuple[syntax.Field | syntax.Everything, ...]:
        known = (syntax.Field, syntax.Everything)
        _values(*children)
        return tuple(child if isinstance(child, known) else syntax.Field(child) for child in children)

    def everything(self, _children: list[Token]) -> syntax.Everything:
        return syntax.Everything()

    def aliased(self, children: list[Any]) -> syntax.Field:
        _values(children[0])
        return syntax.Field(children[0], children[1])

    def alias(self, children: list[syntax.Path | syntax.Slice]) -> syntax.Path:
        if isinstance(children[0], syntax.Slice):
            raise SqlError("1: an alias has no range of positions")
        return children[0]

    def disjunction(self, children: list[Expression]) -> Expression:
        return children[0] if len(children) == 1 else syntax.AnyOf(tuple(children))

    def conjunction(self, children: list[Expression]) -> Expression:
        return children[0] if len(children) == 1 else syntax.All(tuple(children))

    def negation(self, children: list[Expression]) -> syntax.Not:
        return syntax.Not(children[0])

    def comparison(self, children: list[Any]) -> syntax.Comparison:
        left, operator, right = children
        _operands(left, right)
        return syntax.Comparison(str(operator), left, right)

    def membership(self, children: list[Any]) -> syntax.Membership:
        _operands(children[0], *children[1])
        return syntax.Membership(children[0], children[1])

    def exclusion(self, children: list[Any]) -> syntax.Not:
        return syntax.Not(self.membership(children))

    def arithmetic(self, children: list[Any]) -> syntax.Arithmetic:
        left, operator, right = children
        _operands(left, right)
        return syntax.Arithmetic(operator.lower(), left, right)

    def signed(self, children: list[Any]) -> syntax.Sign:
        _operands(children[1])
        return syntax.Sign(str(children[0]), children[1])

    def integer(self, children: list[Token]) -> syntax.Literal:
        return syntax.Literal(int(children[0]))

    def real(self, children: list[Token]) -> syntax.Literal:
        return syntax.Literal(float(children[0]))

    def text(self, children: list[Token]) -> syntax.Literal:
        return syntax.Literal(_unquoted(children[0]))

    def true(self, _children: list[Token]) -> syntax.Literal:
        return syntax.Literal(True)

    def false(self, _children: list[Token]) -> syntax.Literal:
        return syntax.Literal(False)

    def call(self, children: list[Any]) -> syntax.FunctionCall:
        path, arguments = children[0], children[1] or ()
        if not isinstance(path, syntax.Path) or not all(isinstance(step, str) for step in path.steps):
            raise SqlError("1: a position is no function")
        _values(*arguments)
        return syntax.FunctionCall(".".join((path.name, *map(str, path.steps))).lower(), arguments)

    def operator_call(self, children: list[Any]) -> syntax.FunctionCall:
        _values(*children[1] or ())
        return syntax.FunctionCall(children[0].lower(), children[1] or ())

    def expressions(self, children: list[Expression]) -> tuple[Expression, ...]:
        return tuple(children)

    def array(self, children: list[Any]) -> syntax.Array:
        _operands(*children[0] or ())
        return syntax.Array(children[0] or ())

    def range(self, children: list[int]) -> syntax.FunctionCall:
        first, last = (syntax.Literal(bound) for bound in children)
        return syntax.FunctionCall("range", (first, last))

    def span(self, children: list[int]) -> _Span:
        return _Span(children[0], children[1])

    def bound(self, children: list[Token | None]) -> int:
        sign, digits = children
        if len(str(digits)) > _MAX_INDEX_DIGITS:
            raise SqlError(f"1: the bound {digits} is too large")
        return -int(digits or 0) if sign == "-" else int(digits or 0)

    def case(self, children: list[Any]) -> syntax.Case:
        subject, *branches, otherwise = children
        _values(otherwise)
        return syntax.Case(subject, tuple(branches), otherwise)

    def when(self, children: list[Expression]) -> tuple[Expression, Expression]:
        condition, result = children
        _values(result)
        return condition, result

    def path(self, children: Sequence[Any]) -> syntax.Path | syntax.Slice:
        token, *steps = children
        name = _unquoted(token) if token.type == "QUOTED" else str(token)
        if any(isinstance(step, _Span) for step in steps[:-1]):
            raise SqlError("1: nothing can follow a range of positions")
        if steps and isinstance(steps[-1], _Span):
            return syntax.Slice(syntax.Path(name, tuple(steps[:-1])), *steps[-1])
        return syntax.Path(name, tuple(steps))

    def key(self, children: list[Token]) -> str:
        token = children[0]
        return _unquoted(token) if token.type in ("QUOTED", "STRING") else str(token)

    def index(self, children: list[Expression]) -> Expression:
        _operands(children[0])
        return children[0]
