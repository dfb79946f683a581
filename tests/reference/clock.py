"""The time of reference deployments in this process, which a test moves instead of waiting for it."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest

from conformance.reference import message
from conformance.reference.access import ban_handlers, bans
from tests.waiting import PATIENCE_S


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose timers can be advanced."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


class Clock:
    """The instant of messages and bans stands still until `advance`; timers run on, and are advanced as well.

    ``loop`` is the event loop, in a thread of its own, for deployments that live by this clock. Use as a context
    manager.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop = _Loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="clock", daemon=True)
        self._now_ns = time.time_ns()
        standing = SimpleNamespace(time=lambda: self._now_ns / 10**9, time_ns=lambda: self._now_ns)
        for module in (message, bans, ban_handlers):
            monkeypatch.setattr(module, "time", standing)

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now_ns / 10**9

    def advance(self, seconds: float) -> None:
        """Return after the timers that are due by then have run."""
        self._now_ns += round(seconds * 10**9)
        self.loop.ahead_s += seconds
        asyncio.run_coroutine_threadsafe(_turn(), self.loop).result(PATIENCE_S)

    def __enter__(self) -> Clock:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_end(), self.loop).result(PATIENCE_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _turn() -> None:
    # The turn that begins this may have looked for due timers before they were; the one after the first wait has not.
    for _ in range(2):
        await asyncio.sleep(0)


async def _end() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
