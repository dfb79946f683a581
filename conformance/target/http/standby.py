"""A connection that stands by, opened while another one waits for its answer.

A connection is done with once it has brought the refusal of a body (`conformance.target.http.connection`), and far away
the handshake of the next takes as long as an answer, or three times as long with TLS. Most generated requests are such.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

FAR_S = 0.01
"""A target that answers faster is nearby: nothing is gained. A busy machine takes as long for what it does itself."""


class StandBy:
    """Opens one connection at a time by ``connect``, in a thread of its own, for whoever takes it."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._coming: Future[Any] | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Let a connection stand by, unless one does."""
        with self._lock:
            if self._coming is not None and not self._is_stale(self._coming):
                return
            self._coming = Future()
            threading.Thread(target=self._open, args=(self._coming,), daemon=True).start()

    def take(self) -> Any | None:
        """The connection that stands by, awaited if it is coming; None if there is none that still serves."""
        with self._lock:
            coming, self._coming = self._coming, None
        if coming is None:
            return None
        connection = coming.result()
        if connection is not None and not connection.is_connected:
            connection.close()
            return None
        return connection

    def close(self) -> None:
        """Close what stands by."""
        if (connection := self.take()) is not None:
            connection.close()

    def _open(self, coming: Future[Any]) -> None:
        connection = None
        with suppress(Exception):  # whoever connects next hears of it
            connection = self._connect()
        coming.set_result(connection)

    @staticmethod
    def _is_stale(coming: Future[Any]) -> bool:
        if not coming.done() or (connection := coming.result()) is None:
            return coming.done()
        if not connection.is_connected:
            connection.close()
        return not connection.is_connected
