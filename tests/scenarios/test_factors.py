"""Combinations of factors: every two values meet, and nothing impossible happens."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.scenarios.factors import Case, every, pairwise


def pairs(cases: list[Case]) -> set[Any]:
    return {
        ((first, case.values[first]), (second, case.values[second]))
        for case in cases
        for first, second in combinations(case.values, 2)
    }


FACTORS = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(
    lambda sizes: {f"f{index}": tuple(range(size)) for index, size in enumerate(sizes)}
)


@given(FACTORS, st.integers(2, 7))
@settings(max_examples=60, deadline=None)
def test_every_two_possible_values_meet_in_possible_combinations(
    factors: dict[str, tuple[int, ...]], divisor: int
) -> None:
    def possible(case: Case) -> bool:
        return (sum(case.values.values()) + 1) % divisor != 0

    cases = pairwise(factors, possible)
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
