"""Gives items to the workers of xdist by what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from xdist.scheduler import WorkStealingScheduling

from conformance.run.grouping import Chunk
from conformance.run.schedule import Queue

_AHEAD = 2
"""Items that a worker needs for it to do one: it must know the next."""


class CostScheduling(WorkStealingScheduling):  # type: ignore[misc]  # xdist is not typed for others
    """A scheduler of xdist that gives out chunks of items, and takes none back from a worker that lives.

    ``plan``: makes the chunks of items, which are given by their ids, for a number of workers. One reaches a worker as
    soon as that has less than `_AHEAD` items, so that what comes when stays open as long as it can.
    """

    def __init__(self, config: pytest.Config, log: Any, plan: Callable[[Sequence[str], int], list[Chunk]]) -> None:
        super().__init__(config, log)
        self._plan = plan
        self._queue: Queue | None = None
        self._waiting_for_writes: frozenset[int] = frozenset()

    @property
    def has_pending(self) -> bool:
        """Whether anything is to be done still."""
        return bool(self._queue) or any(self.node2pending.values())

    @property
    def tests_finished(self) -> bool:
        """Whether every worker has no more than what it does last."""
        if not self.collection_is_completed or self._queue:
            return False
        return all(len(pending) < _AHEAD for pending in self.node2pending.values())

    def mark_test_pending(self, item: str) -> None:
        """Do an item, given by its id, once more."""
        assert self.collection is not None
        self.pending.append(self.collection.index(item))
        self.check_schedule()

    def check_schedule(self) -> None:
        """Give work to whoever has too little; a worker for whom there is none does its last item and ends."""
        queue = self._current_queue()
        for node in [node for node in self.nodes if not node.shutting_down]:
            while len(self.node2pending[node]) < _AHEAD:
                chunk = queue.take(self._writers_beside(node))
                if chunk is None:
                    node.shutdown()
                    break
                self.node2pending[node].extend(chunk.items)
                node.send_runtest_some(list(chunk.items))

    def _current_queue(self) -> Queue:
        if self._queue is None:
            assert self.collection is not None
            chunks = self._plan(self.collection, self.numnodes)
            self._waiting_for_writes = frozenset(
                item for chunk in chunks if chunk.waits_for_writes for item in chunk.items
            )
            self._queue = Queue(chunks)
        elif self.pending:  # what a worker that died did not come to
            self._queue.put_back(Chunk(tuple(self.pending), 0.0, 0.0))
        self.pending.clear()
        return self._queue

    def _writers_beside(self, node: Any) -> int:
        """How many other workers write."""
        return sum(
            not self._waiting_for_writes.isdisjoint(pending)
            for other, pending in self.node2pending.items()
            if other is not node
        )
