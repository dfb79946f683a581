"""Clocks for the bounds of answers (`conformance.target.http.connection`), which tell a time of their own.

With them a test need not hope that the machine is fast enough for a short bound, nor wait for a long one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StandingClock:
    """No deadline ever passes: an answer ends with a silence, or not at all."""

    def monotonic(self) -> float:
        return 0.0


@dataclass
class HurryingClock:
    """Each look at it is ``step_s`` seconds after the one before, so that an answer in many pieces is soon late."""

    step_s: float
    now_s: float = 0.0

    def monotonic(self) -> float:
        self.now_s += self.step_s
        return self.now_s
