"""Probes go side by side where the target lets them wait, and only there; what is known of that serves all types."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.fuzz.sendings import probed


class Driver:
    """Notes the bodies that come together; each is answered after ``elapsed_s`` seconds."""

    def __init__(self, elapsed_s: float, latency_s: float = 0.0) -> None:
        self.subject = SimpleNamespace(label="POST /actions_probe")
        self.capabilities = SimpleNamespace(latency_s=latency_s)
        self.sent: list[list[int]] = []
        self._elapsed_s = elapsed_s

    def send(self, *, body: int) -> Any:
        return self.send_together([body])[0]

    def send_together(self, bodies: Sequence[int]) -> list[Any]:
        self.sent.append(list(bodies))
        return [SimpleNamespace(elapsed_s=self._elapsed_s, body=body) for body in bodies]


def probe(driver: Driver, rows: int, waiting: set[str]) -> None:
    sendings = list(probed(driver, range(rows), waiting))  # type: ignore[arg-type]
    assert [(body, answer.body, kept) for body, answer, kept in sendings] == [(n, n, False) for n in range(rows)]  # type: ignore[attr-defined]


def test_what_is_answered_at_once_is_sent_one_by_one() -> None:
    driver, waiting = Driver(0.01), set[str]()
    probe(driver, 3, waiting)
    assert driver.sent == [[0], [1], [2]]
    assert not waiting


@pytest.mark.parametrize("latency_s", [0.0, 0.05])
def test_what_waits_is_sent_side_by_side_once_that_is_known(latency_s: float) -> None:
    waiting = set[str]()
    for together in ([[0], [1, 2, 3, 4], [5]], [[0, 1, 2, 3], [4, 5]]):
        driver = Driver(0.11 + latency_s, latency_s)
        probe(driver, 6, waiting)
        assert driver.sent == together


def test_the_way_to_the_target_is_no_waiting() -> None:
    driver = Driver(0.06, latency_s=0.05)
    probe(driver, 2, set())
    assert driver.sent == [[0], [1]]
