"""Reads wait for the nodes of a cluster, and only after a write."""

from __future__ import annotations

import pytest

from conformance.target.settling import Settling


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("conformance.target.settling.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("conformance.target.settling.time.sleep", sleep)
    return slept


def test_one_wait_is_enough_for_a_write(slept):
    settling = Settling(0.5)
    settling.wait()
    settling.wrote()
    settling.wait()
    settling.wait()
    assert slept == [0.5]


def test_without_a_lag_nobody_waits(slept):
    settling = Settling()
    settling.wrote()
    settling.wait()
    assert slept == []
