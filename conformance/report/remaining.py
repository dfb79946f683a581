"""How long a run still takes: the configuration writes to come at their measured price, and the rest as it went so far.

A real target carries writes out one after the other, 0.2 s each, and items that write stand together: how many items
are done says little.
"""

from __future__ import annotations

from collections.abc import Mapping

from conformance.result import ItemResult

_FIRST_S = 1.0
"""Expected seconds of items that must be done before they say how fast they are done here."""


class Remaining:
    """Estimates the seconds that are left.

    ``expected``: id of an item -> seconds besides its configuration writes, and how many writes it makes, with those
    that clean up after it. ``price_s``: what a write takes, until one was measured.
    """

    def __init__(self, expected: Mapping[str, tuple[float, float]], price_s: float) -> None:
        self._expected = dict(expected)
        self._seconds = sum(seconds for seconds, _ in expected.values())
        self._writes = sum(writes for _, writes in expected.values())
        self._seconds_done = 0.0
        self._price_s = price_s
        self._taken, self._taken_s = 0, 0.0
        self._workers: set[str] = set()

    def done(self, item: ItemResult) -> None:
        """Take note of a finished item."""
        seconds, writes = self._expected.pop(item.id, (0.0, 0.0))
        self._seconds -= seconds
        self._writes -= writes
        self._seconds_done += seconds
        self._taken += sum(item.config_writes.values()) + sum(item.config_cleanup.values())
        self._taken_s += item.config_write_s
        self._workers.add(item.worker)

    @property
    def price_s(self) -> float:
        """What a configuration write takes: from its request to its answer, those of other workers in between."""
        return self._taken_s / self._taken if self._taken else self._price_s

    def seconds(self, elapsed_s: float) -> float:
        """What is left, ``elapsed_s`` after the beginning; the clean-up at the end comes on top."""
        workers = max(len(self._workers), 1)
        beside_s = max(elapsed_s * workers - self._taken_s, 0.0)
        pace = beside_s / self._seconds_done if self._seconds_done >= _FIRST_S else 1.0
        return max(self._writes * self.price_s + self._seconds * pace, 0.0) / workers
