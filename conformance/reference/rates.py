"""Rates as EMQX's configuration writes them, and the buckets that keep to them."""

from __future__ import annotations

import re
from collections.abc import Callable

UNLIMITED = "infinity"

LEAST_PAUSE_S = 0.05
"""Whoever has to wait waits so long at least, as in EMQX."""

_BYTES = {"": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def rate_per_s(text: str) -> float | None:
    """``50``, ``50/s``, ``100/10s`` or ``500KB/s`` in tokens per second, None for ``infinity``.

    Raises ValueError for anything else, and for a rate of 0.
    """
    if text == UNLIMITED:
        return None
    match = re.fullmatch(r"(\d{1,12})([kmg]b|)(?:/(\d{0,9})(ms|[smhd]))?", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is no rate")
    tokens = int(match[1]) * _BYTES[match[2].lower()]
    interval_s = float(match[3] or 1) * _SECONDS[(match[4] or "s").lower()]
    if not tokens or not interval_s:
        raise ValueError(f"{text!r} is no rate")
    return tokens / interval_s


class Bucket:
    """Tokens that arrive at a rate. It begins empty and holds what one second brings.

    ``per_s``: None for as many as anybody wants. ``now``: a clock in seconds.
    """

    def __init__(self, per_s: float | None, now: Callable[[], float]) -> None:
        self._per_s = per_s
        self._now = now
        self._since = now()
        self._tokens = 0.0

    def wait_s(self, tokens: int) -> float:
        """Take tokens, also those that are still to come; returns for how many seconds their owner has to wait."""
        if self._per_s is None or not tokens:
            return 0.0
        now = self._now()
        most = max(self._per_s, 1.0)
        self._tokens = min(most, self._tokens + (now - self._since) * self._per_s) - tokens
        self._since = now
        return max(LEAST_PAUSE_S, -self._tokens / self._per_s) if self._tokens < 0 else 0.0
