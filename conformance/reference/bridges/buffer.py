"""The buffer between rules and a target: queue, window, retries and the counters that follow them."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reference.bridges.drivers import Rejected
from conformance.reference.bridges.metrics import ActionMetrics
from conformance.reference.bridges.network import Unreachable
from conformance.reference.rest.units import parse_duration, parse_size

Done = Callable[[str], None]
Deliver = Callable[[Mapping[str, Any]], Awaitable[None]]

RETRY_SECONDS = 1.0
_PER_MESSAGE_BYTES = 64


@dataclass(slots=True)
class _Item:
    data: Mapping[str, Any]
    size: int
    expires_at: float
    done: Done


class ActionBuffer:
    """Messages on their way to one action's target.

    ``resource_opts`` gives the limits: ``inflight_window`` messages at a time, ``max_buffer_bytes`` waiting,
    ``request_ttl`` until one is given up. ``matched`` = success + failed + dropped + queuing + inflight at any
    moment (ACT-06).
    """

    def __init__(self, deliver: Deliver, metrics: ActionMetrics, resource_opts: Mapping[str, Any]) -> None:
        self._deliver = deliver
        self._metrics = metrics
        self._window = int(resource_opts.get("inflight_window", 100))
        self._capacity = parse_size(resource_opts.get("max_buffer_bytes", "256MB"))
        self._ttl = parse_duration(resource_opts.get("request_ttl", "45s"))
        self._queue: deque[_Item] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._closed = False

    def add(self, data: Mapping[str, Any], done: Done) -> None:
        """Take a message; ``done`` gets ``"success"`` or ``"failed"`` when its fate is known."""
        payload = data.get("payload")
        size = _PER_MESSAGE_BYTES + (len(payload) if isinstance(payload, str | bytes) else 0)
        if self._metrics.queuing_bytes + size > self._capacity:
            self._metrics.dropped("queue_full")
            done("failed")
            return
        self._queue.append(_Item(data, size, time.monotonic() + self._ttl, done))
        self._metrics.queuing += 1
        self._metrics.queuing_bytes += size
        if len(self._workers) < self._window:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def close(self, reason: str = "resource_stopped") -> None:
        """Give up what waits and what is under way."""
        self._closed = True
        while self._queue:
            item = self._unqueue()
            self._metrics.dropped(reason)
            item.done("failed")
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _unqueue(self) -> _Item:
        item = self._queue.popleft()
        self._metrics.queuing -= 1
        self._metrics.queuing_bytes -= item.size
        return item

    async def _work(self) -> None:
        while self._queue and not self._closed:
            item = self._unqueue()
            self._metrics.inflight += 1
            try:
                outcome = await self._send(item)
            except asyncio.CancelledError:
                self._metrics.inflight -= 1
                self._metrics.dropped("resource_stopped")
                item.done("failed")
                raise
            self._metrics.inflight -= 1
            if outcome == "expired":
                self._metrics.dropped("expired")
            else:
                self._metrics.count(outcome)
            item.done("success" if outcome == "success" else "failed")

    async def _send(self, item: _Item) -> str:
        """``success``, ``failed``, ``late_reply`` (of either kind) or ``expired``.

        A target out of reach is tried again until the message expires.
        """
        tries = 0
        while time.monotonic() < item.expires_at:
            tries += 1
            try:
                await self._deliver(item.data)
            except Unreachable:
                await asyncio.sleep(min(RETRY_SECONDS, max(0.0, item.expires_at - time.monotonic())))
                continue
            except Rejected:
                outcome = "failed"
            except Exception:
                traceback.print_exc(file=sys.stderr)
                outcome = "failed"
            else:
                outcome = "success"
            if time.monotonic() >= item.expires_at:
                return "late_reply"
            if tries > 1:
                self._metrics.count("retried")  # once, however often it was tried
            return outcome
        return "expired"
