"""The delay with which one node of a cluster learns what another one wrote.

All nodes share one state. A node that has not learnt of a write yet reads the stores as they were before it: their
copies are put in place while it answers.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Store:
    """A dictionary or list of a deployment that is replicated: an attribute of its owner."""

    owner: Any
    attribute: str

    def copy(self) -> Any:
        return getattr(self.owner, self.attribute).copy()


@dataclass(frozen=True, slots=True)
class _Write:
    node: str
    at: float
    before: list[tuple[Store, Any]]


class Replication:
    """Remembers what the stores held before the writes of the last ``delay`` seconds; ``stores`` lists them."""

    def __init__(self, delay: float, stores: Callable[[], Iterable[Store]]) -> None:
        self._delay = delay
        self._stores = stores
        self._writes: deque[_Write] = deque()

    def before_write(self, node: str) -> None:
        """A write through ``node`` is about to happen."""
        if not self._delay:
            return
        self._forget_old()
        self._writes.append(_Write(node, time.monotonic(), [(store, store.copy()) for store in self._stores()]))

    @contextmanager
    def as_seen_by(self, node: str) -> Iterator[None]:
        """While in here, the stores hold what ``node`` knows; nothing may be awaited meanwhile."""
        self._forget_old()
        unknown = self._unknown_to(node)
        if unknown is None:
            yield
            return
        now = [(store, getattr(store.owner, store.attribute)) for store, _ in unknown.before]
        _put(unknown.before)
        try:
            yield
        finally:
            _put(now)

    def _unknown_to(self, node: str) -> _Write | None:
        """The first write of another node since the last one of ``node`` itself: its own writes a node always sees."""
        unknown = None
        for write in reversed(self._writes):
            if write.node == node:
                break
            unknown = write
        return unknown

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self._delay
        while self._writes and self._writes[0].at <= oldest:
            self._writes.popleft()


def _put(contents: Iterable[tuple[Store, Any]]) -> None:
    for store, content in contents:
        setattr(store.owner, store.attribute, content)
