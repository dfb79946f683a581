"""Standard output that may fail: the file it goes to is on a full disk, or whoever read it has gone."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from typing import IO, Any


class Screen:
    """A text stream that never fails; rich writes to it as to ``stream``.

    ``lost`` is told once if what is written cannot be kept. A reader that has had enough is no reason to tell.
    """

    def __init__(self, stream: IO[str], lost: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._lost = lost

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._failed(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _failed(self, error: OSError) -> None:
        discard(self._stream)
        if error.errno != errno.EPIPE:
            self._lost(error)


def discard(stream: IO[str]) -> None:
    """Let everything that is still written to ``stream`` vanish, also what it holds when the process ends."""
    with contextlib.suppress(OSError, ValueError):  # streams of tests have no descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def sentence(error: OSError) -> str:
    """What could not be written, and why."""
    return f"{error.filename or 'standard output'} cannot be written: {error.strerror or error}"


def give_up(error: OSError, exit_code: int) -> None:
    """End the process for want of somewhere to write to, with one sentence where that is possible."""
    discard(sys.stdout)
    with contextlib.suppress(OSError):
        if error.errno != errno.EPIPE:
            sys.stderr.write(f"inconclusive: {sentence(error)}\n")
        sys.stderr.flush()
    discard(sys.stderr)
    sys.exit(exit_code)
