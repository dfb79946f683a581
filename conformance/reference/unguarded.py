"""The gap of 5.8.9 between looking for an id and writing it, in which other writes of the id pass (GEN-23)."""

from __future__ import annotations

import asyncio


class UnguardedWrites:
    """Creates or deletions in progress by id. At most ``passing`` of one id get through at a time."""

    def __init__(self, seconds: float, passing: int | None = None) -> None:
        self._seconds = seconds
        self.passing = passing
        self._started: dict[str, int] = {}
        self._latest: dict[str, float] = {}

    def is_closed(self, identifier: str) -> bool:
        """Whether so many writes of ``identifier`` are in progress that the next one sees their effect."""
        return self.passing is not None and self._started.get(identifier, 0) >= self.passing

    async def wait(self, identifier: str) -> None:
        """Return when no write of ``identifier`` has begun for a while, so that all of a burst pass."""
        loop = asyncio.get_running_loop()
        self._started[identifier] = self._started.get(identifier, 0) + 1
        self._latest[identifier] = loop.time()
        try:
            while (rest := self._latest[identifier] + self._seconds - loop.time()) > 0:
                await asyncio.sleep(rest)
        finally:
            self._started[identifier] -= 1
            if not self._started[identifier]:
                del self._started[identifier]
                self._latest.pop(identifier, None)
