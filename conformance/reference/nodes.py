"""The nodes of a deployment: several names over one state, and which of them is at work right now."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar

FIRST_NODE = "emqx@127.0.0.1"

_AT_WORK: ContextVar[str] = ContextVar("node", default=FIRST_NODE)


def node_names(count: int) -> tuple[str, ...]:
    """Names of a cluster: ``emqx@127.0.0.1``, ``emqx2@127.0.0.1``, ..."""
    return (FIRST_NODE, *(f"emqx{number}@127.0.0.1" for number in range(2, count + 1)))


def at_work() -> str:
    """The node that serves the current request, or whose connection got the current packet."""
    return _AT_WORK.get()


def set_to_work(node: str) -> None:
    """From here on, what happens in the current context happens on ``node``."""
    _AT_WORK.set(node)


class NodeCounters:
    """Counters by name, kept for each node: something is counted where it happens."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, name: str, by: int = 1) -> None:
        node = at_work()
        if node not in self._counts:
            self._counts[node] = dict.fromkeys(self._names, 0)
        self._counts[node][name] += by

    def clear(self, *names: str) -> None:
        """Set counters back to zero on every node."""
        for counts in self._counts.values():
            counts.update(dict.fromkeys(names, 0))

    def of(self, node: str) -> dict[str, int]:
        return dict(self._counts.get(node, dict.fromkeys(self._names, 0)))

    def total(self) -> dict[str, int]:
        return {name: sum(counts[name] for counts in self._counts.values()) for name in self._names}
