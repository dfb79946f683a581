"""Combinations of factors: every two values meet, and nothing impossible happens."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.scenarios import factors as factors_module
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


VALUES = dict.fromkeys("abc", (0, 1, 2))


def _not_all_alike(case: Case) -> bool:
    return len(set(case.values.values())) > 1


def _first_is_small(case: Case) -> bool:
    return case.a < 2


def test_rows_of_many_combinations_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(factors_module, "_MANY", 1)
    made = [case.name for case in pairwise(VALUES, _not_all_alike)]
    monkeypatch.setattr(factors_module, "_rows", lambda *_: pytest.fail("made again"))

    assert [case.name for case in pairwise(VALUES, _not_all_alike)] == made
    with pytest.raises(pytest.fail.Exception, match="made again"):
        pairwise(VALUES, _first_is_small)
    with pytest.raises(pytest.fail.Exception, match="made again"):
        pairwise({**VALUES, "c": (0, 1, 3)}, _not_all_alike)


def test_rows_are_not_kept_where_a_condition_depends_on_what_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(factors_module, "_MANY", 1)

    def limited(most: int) -> Any:
        return lambda case: case.a < most

    for most in (1, 2, 3):
        assert {case.a for case in pairwise(VALUES, limited(most))} == set(range(most))
    assert not list(tmp_path.rglob("*.json"))


def test_fewer_than_all() -> None:
    factors = dict.fromkeys("abcd", (1, 2, 3))
    assert len(pairwise(factors)) < len(every(factors)) / 4


def test_ids_tell_the_values() -> None:
    (case,) = pairwise({"qos": (1,), "will": (False,), "retained": (True,), "username": (None,), "session": ("kept",)})
    assert case.name == "qos1-no.will-retained-no.username-kept"
    assert case.qos == 1
    with pytest.raises(AttributeError, match="colour"):
        _ = case.colour
