"""Factors of a scenario as data, and combinations of their values in which every two values meet at least once.

    @covered(
        protocol=(4, 5),
        session=("clean", "resumed"),
        retained=(False, True),
        possible=lambda case: case.protocol == 5 or case.session == "clean",
    )
    def test_delivery(target: Target, case: Case) -> None: ...

makes items with ids such as ``protocol4-clean-retained``. Which combinations there are depends on the factors alone, so
ids stay as they are while the factors do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import combinations, product
from math import prod
from pathlib import Path
from typing import Any

import pytest
from allpairspy import AllPairs

from conformance import __version__
from conformance.contract import cache


@dataclass(frozen=True, slots=True)
class Named:
    """A value that does not tell itself in an id."""

    name: str
    value: Any


class Case:
    """One combination: the value of each factor as an attribute, and ``name``, which tells them all."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getattr__(self, factor: str) -> Any:
        try:
            return self.__dict__["_values"][factor]
        except KeyError:
            raise AttributeError(factor) from None

    @property
    def values(self) -> Mapping[str, Any]:
        """The values by factor."""
        return self._values

    @property
    def name(self) -> str:
        """The values as words, in the order of the factors."""
        return "-".join(_word(factor, value) for factor, value in self._values.items())

    def __repr__(self) -> str:
        return f"Case({self.name})"


class _Undecided(Exception):
    """A condition asks for a factor whose value is not decided yet."""

    def __init__(self, factor: str) -> None:
        super().__init__(factor)
        self.factor = factor


class _Part(Case):
    """A combination in the making."""

    def __init__(self, values: Mapping[str, Any], factors: Iterable[str]) -> None:
        super().__init__(values)
        self._factors = tuple(factors)

    def __getattr__(self, factor: str) -> Any:
        if factor in self._factors and factor not in self._values:
            raise _Undecided(factor)
        return super().__getattr__(factor)

    @property
    def values(self) -> Mapping[str, Any]:
        for factor in self._factors:
            getattr(self, factor)
        return self._values


Row = tuple[int, ...]
"""A combination: of each factor, the index of its value."""

Pair = tuple[tuple[int, int], tuple[int, int]]
"""Two values: the index of each factor, and of its value."""

_MANY = 10_000
"""So many combinations take the library longer than a look into the cache."""

_FOLDER, _MOST_KEPT = "pairs", 20

Possible = Callable[[Any], bool]
"""Whether a combination can happen; it gets a `Case` with a value for every factor."""


def pairwise(factors: Mapping[str, Sequence[Any]], possible: Possible = lambda _: True) -> list[Case]:
    """Combinations that are possible and hold every two values that a possible combination holds."""
    if len(factors) == 1:
        return every(factors, possible)
    return [_case(factors, row) for row in _kept_rows(factors, possible)]


def _case(factors: Mapping[str, Sequence[Any]], row: Row) -> Case:
    return Case({name: values[index] for (name, values), index in zip(factors.items(), row, strict=True)})


def _kept_rows(factors: Mapping[str, Sequence[Any]], possible: Possible) -> list[Row]:
    """As `_rows`, from the cache where they take long to make."""
    key = _key(factors, possible) if prod(map(len, factors.values())) >= _MANY else None
    rows: list[Row] | None = None if key is None else cache.read(key, _FOLDER)
    if rows is None:
        rows = _rows(factors, possible)
        if key is not None:
            cache.keep(key, rows, _FOLDER, most=_MOST_KEPT)
    return rows


def _key(factors: Mapping[str, Sequence[Any]], possible: Possible) -> str | None:
    """Names all that rows depend on: the values, the condition with its module, and what makes rows of them.

    None for a condition that depends on something else: one that is no plain function, or is made by another.
    """
    condition = getattr(possible, "__code__", None)
    if condition is None or possible.__closure__:
        return None
    told = repr([(name, [_word(name, value) for value in values]) for name, values in factors.items()])
    code = [Path(__file__), Path(condition.co_filename)]
    digests = [cache.code_digest(file.parent, [file.name]) for file in code]
    parts = (told, str(condition.co_firstlineno), *digests, __version__, version("allpairspy"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _rows(factors: Mapping[str, Sequence[Any]], possible: Possible) -> list[Row]:
    sizes = [range(len(values)) for values in factors.values()]

    def allowed(row: Sequence[int]) -> bool:
        return len(row) < len(sizes) or possible(_case(factors, tuple(row)))

    rows = [tuple(row) for row in AllPairs(sizes, filter_func=allowed)]
    # The library goes one way only, so that a condition may cut off what it has not met yet.
    pairs = _every_pair(sizes) - _pairs(rows)
    missing = {pair for pair in pairs if _can_hold(_values(factors, pair), factors, possible)}
    while missing:
        rows.append(min(next(filter(allowed, _holding(pair, sizes))) for pair in missing))
        missing -= _pairs(rows[-1:])
    return rows


def _can_hold(known: Mapping[str, Any], factors: Mapping[str, Sequence[Any]], possible: Possible) -> bool:
    """Whether there is a possible combination with these values.

    Only the factors that the condition asks for are tried out, in the order in which it does.
    """
    try:
        return possible(_Part(known, factors))
    except _Undecided as unknown:
        asked = unknown.factor
        return any(_can_hold({**known, asked: value}, factors, possible) for value in factors[asked])


def every(factors: Mapping[str, Sequence[Any]], possible: Possible = lambda _: True) -> list[Case]:
    """All combinations that are possible, for few factors."""
    rows: list[dict[str, Any]] = [{}]
    for name, values in factors.items():
        rows = [{**row, name: value} for row in rows for value in values]
    return [case for case in map(Case, rows) if possible(case)]


def covered(*, possible: Possible = lambda _: True, **factors: Sequence[Any]) -> pytest.MarkDecorator:
    """Parametrizes ``case`` by combinations in which every two values of the factors meet."""
    return parametrized(pairwise(factors, possible))


def parametrized(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Parametrizes ``case`` by these."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases])


def _pairs(rows: Iterable[Row]) -> set[Pair]:
    return {pair for row in rows for pair in combinations(enumerate(row), 2)}


def _every_pair(sizes: Sequence[range]) -> set[Pair]:
    places = combinations(enumerate(sizes), 2)
    return {((i, first), (j, second)) for (i, one), (j, other) in places for first, second in product(one, other)}


def _values(factors: Mapping[str, Sequence[Any]], pair: Pair) -> dict[str, Any]:
    names = list(factors)
    return {names[place]: factors[names[place]][index] for place, index in pair}


def _holding(pair: Pair, sizes: Sequence[range]) -> Iterator[Row]:
    """All rows that hold these two values, in the order of `every`."""
    fixed = dict(pair)
    return product(*((fixed[place],) if place in fixed else size for place, size in enumerate(sizes)))


def _word(factor: str, value: Any) -> str:
    """A value as part of an id: true and false by the factor's name, numbers behind it, texts as they are."""
    words = factor.replace("_", ".")
    if value is None or value is False:
        return f"no.{words}"
    if value is True:
        return words
    if isinstance(value, int):
        return f"{words}{value}"
    return str(getattr(value, "name", value))
