"""The syntax tree of a rule's SQL statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text or a truth value written in the statement."""

    value: Any


@dataclass(frozen=True, slots=True)
class Path:
    """``payload.list[1].x``: a column and the steps into it, keys as str and positions as expressions."""

    name: str
    steps: tuple[str | Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """``payload.list[2..4]``: both ends count from 1 and are included; negative ones count from the end."""

    path: Path
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Array:
    """``[1, 2, x]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """``-x`` or ``+x``."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left operator right`` with one of ``+ - * / div mod``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right`` with one of ``= != <> < <= > >= =~``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Membership:
    """``value in (1, 2)``."""

    value: Expression
    candidates: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """``not condition``."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class All:
    """Conditions joined by ``and``."""

    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Conditions joined by ``or``."""

    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """``CASE [subject] WHEN condition THEN result ... ELSE otherwise END``."""

    subject: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """``name(arguments)``; the name is looked up when it runs (unknown names are no syntax error)."""

    name: str
    arguments: tuple[Expression, ...]


Expression = (
    Literal
    | Path
    | Slice
    | Array
    | Sign
    | Arithmetic
    | Comparison
    | Membership
    | Not
    | All
    | AnyOf
    | Case
    | FunctionCall
)


@dataclass(frozen=True, slots=True)
class Everything:
    """``*``."""


@dataclass(frozen=True, slots=True)
class Field:
    """One selected value and where it goes."""

    expression: Expression
    alias: Path | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """``SELECT fields FROM sources WHERE condition``."""

    fields: tuple[Field | Everything, ...]
    sources: tuple[str, ...]
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class Foreach:
    """``FOREACH fields DO each INCASE filter FROM sources WHERE condition``.

    The last of ``fields`` is the array; its alias, or ``item``, names its members in ``each`` and ``filter``.
    """

    fields: tuple[Field | Everything, ...]
    sources: tuple[str, ...]
    each: tuple[Field | Everything, ...] = ()
    filter: Expression | None = None
    condition: Expression | None = None


Statement = Select | Foreach
