"""Combinations of factors: every two values meet, and nothing impossible happens."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from allpairspy import AllPairs
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.scenarios.factors import Case, Possible, every, pairwise


def pairs(cases: list[Case]) -> set[Any]:
    return {
        ((first, case.values[first]), (second, case.values[second]))
        for case in cases
        for first, second in combinations(case.values, 2)
    }


def by_trying_all(factors: dict[str, tuple[int, ...]], possible: Possible) -> list[Case]:
    """What `pairwise` gives, found out by looking at all combinations."""
    if len(factors) == 1:
        return every(factors, possible)
    rows = AllPairs(
        list(factors.values()),
        filter_func=lambda row: len(row) < len(factors) or possible(Case(dict(zip(factors, row, strict=True)))),
    )
    cases = [Case(dict(zip(factors, row, strict=True))) for row in rows]
    for case in every(factors, possible):
        if not pairs([case]) <= pairs(cases):
            cases.append(case)
    return cases


FACTORS = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(
    lambda sizes: {f"f{index}": tuple(range(size)) for index, size in enumerate(sizes)}
)


@given(FACTORS, st.integers(2, 7))
@settings(max_examples=60, deadline=None)
def test_every_two_possible_values_meet_in_possible_combinations(
    factors: dict[str, tuple[int, ...]], divisor: int
) -> None:
    def possible(case: Case) -> bool:
        if divisor % 2 and case.f0 == 1:  # one that looks at some of the factors only
            return len(factors) == 1 or bool(case.f1 != 0)
        return (sum(case.values.values()) + 1) % divisor != 0

    cases = pairwise(factors, possible)
    assert [case.name for case in cases] == [case.name for case in by_trying_all(factors, possible)]
    assert all(map(possible, cases))
    assert pairs(cases) == pairs(every(factors, possible))
    assert len({case.name for case in cases}) == len(cases)


def test_fewer_than_all() -> None:
    factors = dict.fromkeys("abcd", (1, 2, 3))
    assert len(pairwise(factors)) < len(every(factors)) / 4


def test_ids_tell_the_values() -> None:
    (case,) = pairwise({"qos": (1,), "will": (False,), "retained": (True,), "username": (None,), "session": ("kept",)})
    assert case.name == "qos1-no.will-retained-no.username-kept"
    assert case.qos == 1
    with pytest.raises(AttributeError, match="colour"):
        _ = case.colour
