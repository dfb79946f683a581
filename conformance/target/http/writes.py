"""How often a target changed its configuration, and what it took."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from conformance.contract.kinds import CONFIGURATION_WRITES


@dataclass(slots=True)
class Taken:
    """Accepted configuration writes: label of the operation -> their number; ``seconds`` until they were answered."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class WriteCount:
    """Counts the writes of connectors, actions, rules and schemas that a target took (2xx), whoever sent them.

    A real target carries them out one after the other, each in about 0.2 s (`CONFIGURATION_WRITES`).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # calls that are sent together are answered in threads
        self._taken = Taken()

    def answered(self, label: str | None, status: int, elapsed_s: float) -> None:
        """Take note of an answer."""
        if label in CONFIGURATION_WRITES and 200 <= status < 300:
            with self._lock:
                self._taken.counts[label] += 1
                self._taken.seconds += elapsed_s

    def since(self) -> Taken:
        """What was taken since it was asked the last time."""
        with self._lock:
            taken, self._taken = self._taken, Taken()
        return taken
