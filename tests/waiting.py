"""Waiting in tests: for a cause, until a deadline that only a failure spends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")

PATIENCE_S = 120.0
"""How long anything may take that happens at once on an idle machine: the bound of every wait of a test."""

RUN_PATIENCE_S = 1800.0
"""The same for a run of the suite."""


def eventually(
    read: Callable[[], Value],
    wanted: Callable[[Value], object] = bool,
    *,
    within_s: float = PATIENCE_S,
    pause_s: float = 0.01,
) -> Value:
    """The first value of ``read`` that is ``wanted``; AssertionError with the last one at the deadline."""
    end = time.monotonic() + within_s
    while not wanted(value := read()):
        assert time.monotonic() < end, f"did not happen within {within_s:g} s, but {_shown(value)}"
        time.sleep(pause_s)
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 1000 else f"{text[:1000]}..."
