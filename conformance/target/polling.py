"""Waiting for what a target does asynchronously: poll with a deadline, never sleep and hope."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

EVENTUALLY_S = 5.0
"""What a conformant target may take for an asynchronous effect (requirements say "eventually")."""

LONGEST_WAIT_S = float("inf")
"""The most any wait for a target may take, whatever it asks for; the tests of the suite lower it."""

LEAST_WAIT_S = 0.0
"""The least any wait for a target that stays in vain takes, whatever it asks for; the tests of the suite raise it."""

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.25


def deadline(within_s: float) -> float:
    """The monotonic time in seconds until which to wait for something a target does."""
    return time.monotonic() + min(max(within_s, LEAST_WAIT_S), LONGEST_WAIT_S)


def eventually(probe: Callable[[], Value], within_s: float = EVENTUALLY_S) -> Value:
    """Call ``probe`` until it returns something true or the time is over; returns its last value."""
    end = deadline(within_s)
    pause = _FIRST_PAUSE_S
    while True:
        value = probe()
        if value or time.monotonic() >= end:
            return value
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
