"""Latencies as counts by bucket: small enough to keep for every operation of every item, exact enough for a plot."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

BOUNDS_MS = (1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130, 200, 300, 500, 800, 1300, 2000, 3000, 5000, 8000, 13000, 20000,
             30000, 60000)  # fmt: skip
"""Upper bounds of the buckets in milliseconds; the last one also has whatever took longer."""


def bucket(seconds: float) -> str:
    """The upper bound in milliseconds, as text, of the bucket that a latency is in."""
    return str(BOUNDS_MS[min(bisect_left(BOUNDS_MS, seconds * 1000), len(BOUNDS_MS) - 1)])


def percentile(counts: Mapping[int, int], share: float) -> int:
    """The upper bound in milliseconds under which ``share`` of the latencies are; ``counts``: upper bound -> number.

    0 if there are none.
    """
    needed = share * sum(counts.values())
    seen = 0
    for bound in sorted(counts):
        seen += counts[bound]
        if seen and seen >= needed:
            return bound
    return 0
