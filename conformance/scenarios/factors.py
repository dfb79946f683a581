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

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import pytest
from allpairspy import AllPairs


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


Possible = Callable[[Any], bool]
"""Whether a combination can happen; it gets a `Case` with a value for every factor."""


def pairwise(factors: Mapping[str, Sequence[Any]], possible: Possible = lambda _: True) -> list[Case]:
    """Combinations that are possible and hold every two values that a possible combination holds."""
    names = list(factors)

    def allowed(row: Sequence[Any]) -> bool:
        return len(row) < len(names) or possible(Case(dict(zip(names, row, strict=True))))

    if len(names) == 1:
        return [case for value in factors[names[0]] if possible(case := Case({names[0]: value}))]
    cases = [Case(dict(zip(names, row, strict=True))) for row in AllPairs(list(factors.values()), filter_func=allowed)]
    # The library goes one way only, so that a condition may cut off what it has not met yet.
    known = _pairs(cases)
    for case in _in_order(factors, _firsts(factors, possible, known)):
        if not (pairs := _pairs([case])) <= known:
            cases.append(case)
            known |= pairs
    return cases


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


def _firsts(factors: Mapping[str, Sequence[Any]], possible: Possible, known: set[tuple[Any, ...]]) -> Iterator[Case]:
    """For every two values that are not ``known`` to meet, the first of all combinations in which they do."""
    for first, second in combinations(factors, 2):
        for one, other in product(factors[first], factors[second]):
            if (first, repr(one), second, repr(other)) not in known:
                yield from _first(factors, {first: one, second: other}, possible)


def _first(factors: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any], possible: Possible) -> Iterator[Case]:
    """The first combination with the ``fixed`` values, if one is possible."""
    if not _can_be(factors, fixed, possible):
        return
    chosen = {**fixed}
    for name, values in factors.items():
        if name not in chosen:
            chosen[name] = next(value for value in values if _can_be(factors, {**chosen, name: value}, possible))
    yield Case({name: chosen[name] for name in factors})


def _can_be(factors: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any], possible: Possible) -> bool:
    """Whether any combination with the ``fixed`` values is possible; only what the condition looks at is tried out."""
    try:
        return bool(possible(_Partial(fixed, factors)))
    except _OpenError as open_:
        values = factors[open_.factor]
        return any(_can_be(factors, {**fixed, open_.factor: value}, possible) for value in values)


class _OpenError(BaseException):
    """A condition looks at a factor that has no value yet; no condition catches it."""

    def __init__(self, factor: str) -> None:
        super().__init__(factor)
        self.factor = factor


class _Partial(Case):
    """A combination of which some values are open."""

    def __init__(self, values: Mapping[str, Any], factors: Iterable[str]) -> None:
        super().__init__(values)
        self._open = [name for name in factors if name not in values]

    def __getattr__(self, factor: str) -> Any:
        if factor in self.__dict__.get("_open", ()):
            raise _OpenError(factor)
        return super().__getattr__(factor)

    @property
    def values(self) -> Mapping[str, Any]:
        if self._open:
            raise _OpenError(self._open[0])
        return super().values


def _in_order(factors: Mapping[str, Sequence[Any]], cases: Iterable[Case]) -> list[Case]:
    """As `every` has them."""
    places = {name: {repr(value): place for place, value in enumerate(values)} for name, values in factors.items()}
    return sorted(cases, key=lambda case: [places[name][repr(value)] for name, value in case.values.items()])


def _pairs(cases: Iterable[Case]) -> set[tuple[Any, ...]]:
    return {
        (first, repr(case.values[first]), second, repr(case.values[second]))
        for case in cases
        for first, second in combinations(case.values, 2)
    }


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
