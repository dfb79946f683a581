"""Pages are judged by what others do not move: a walk that somebody disturbed is walked again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conformance.scenarios.paged import Paged
from conformance.scenarios.test_lists import test_pages_are_complete as judge

NAMES = ("a", "b", "c", "d")


class Lists:
    """A target with one list of `NAMES`, whose order changes after each of the first ``moves`` answers."""

    def __init__(self, moves: int) -> None:
        self.api = self
        self._moves = moves
        self._order = list(NAMES)

    def call(self, label: str, query: dict[str, Any]) -> SimpleNamespace:
        start = (query["page"] - 1) * query["limit"]
        data = [{"name": name} for name in self._order[start : start + query["limit"]]]
        if self._moves:
            self._moves -= 1
            self._order.append(self._order.pop(0))
        answer = SimpleNamespace(json={"data": data})
        answer.expect = lambda status: answer
        return answer

    def eventually(self, probe: Any) -> Any:
        return any(probe() for _ in range(5))


def paged(moves: int) -> Paged:
    return Paged(Lists(moves), "GET /banned", {}, NAMES, lambda element: str(element["name"]))  # type: ignore[arg-type]


@pytest.mark.parametrize("moves", [0, 1, 7])
def test_elements_that_others_move_are_found_in_the_end(moves: int) -> None:
    judge(paged(moves))


def test_pages_that_never_are_complete_fail() -> None:
    with pytest.raises(AssertionError, match="pages of 1 show"):
        judge(paged(1000))
