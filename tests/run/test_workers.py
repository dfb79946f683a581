"""How many workers a run gets by itself."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from conformance.run.workers import MOST, NEARBY, WAITED_FOR, is_little, sentence, worth
from conformance.target.capabilities import Capabilities
from conformance.target.settings.config import Configuration
from conformance.worker.plan import Plan

ABLE = Capabilities("5.8.9", None, (), None, None, None, None, None, None)


def plan(latency_s: float, write_price_s: float | None = None, **settings: Any) -> Plan:
    capabilities = replace(ABLE, latency_s=latency_s, write_price_s=write_price_s)
    return Plan(Configuration(**settings), "0123456abcd", 1, "", 0.0, None, capabilities)


@pytest.fixture(autouse=True)
def processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.parametrize(
    ("latency_s", "expected"), [(0.0, WAITED_FOR), (0.009, WAITED_FOR), (0.012, 7), (0.05, MOST), (2.0, MOST)]
)
def test_the_farther_away_the_more(latency_s: float, expected: int) -> None:
    assert worth(plan(latency_s)) == expected


@pytest.mark.parametrize("settings", [{"embedded": True}, {"read_only": True}, {"profile": "smoke"}])
def test_nearby_few_are_enough_where_nothing_is_waited_for(settings: dict[str, Any]) -> None:
    assert worth(plan(0.001, **settings)) == NEARBY


def test_a_single_processor_has_few_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert worth(plan(0.001)) == NEARBY


@pytest.mark.parametrize(("max_rps", "expected"), [(1, 1), (50, 3), (1000, MOST)])
def test_no_more_than_may_send(max_rps: float, expected: int) -> None:
    assert worth(plan(0.05, max_rps=max_rps)) == expected


def test_little_is_done_before_a_worker_has_started() -> None:
    assert is_little(60, plan(0.001))
    assert not is_little(60, plan(0.05))
    assert is_little(5, plan(0.05))


def test_the_first_line_tells_why() -> None:
    assert sentence(plan(0.052, 0.2), 8) == "8 workers (a read takes 52 ms, a configuration write 0.25 s)"
    assert sentence(plan(0.0004), 0) == "one process (a read takes 0 ms)"
    assert sentence(plan(0.001), 4) == "4 workers (a read takes 1 ms, and a server lets a run wait)"
    assert sentence(plan(0.001, embedded=True), 4) == "4 workers (a read takes 1 ms)"
