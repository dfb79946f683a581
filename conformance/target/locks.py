"""Locks on shared state of a target, across the workers of a run.

Items that rely on a piece of global state (the list of bans) hold its lock together; an item that changes it for all
(DELETE /banned) holds it alone. The locks are advisory file locks, so a killed worker releases its own.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from conformance.target.errors import Unwritable


class StateLocks:
    """Named reader-writer locks below ``folder``, which is one of the report directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, shared: Iterable[str] = (), alone: Iterable[str] = ()) -> Iterator[None]:
        """Hold locks by name; always taken in alphabetical order, so that two items never wait for each other.

        Raises `Unwritable`.
        """
        exclusive = set(alone)
        with ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                for name in sorted(exclusive | set(shared)):
                    stream = stack.enter_context((self._folder / f"{name}.lock").open("a"))
                    fcntl.flock(stream, fcntl.LOCK_EX if name in exclusive else fcntl.LOCK_SH)
            except OSError as error:
                raise Unwritable(self._folder.parent, error) from None
            yield
