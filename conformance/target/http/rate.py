"""A token bucket shared by all workers of a run."""

from __future__ import annotations

import fcntl
import struct
import time
from pathlib import Path

from conformance.target.errors import Unwritable


class RateLimit:
    """At most ``per_second`` requests per second over every process that uses the same ``file``.

    The file holds one double: when the next request may leave (monotonic clock, seconds). None means no limit. It is in
    a folder of the report directory.
    """

    def __init__(self, per_second: float | None, file: Path) -> None:
        self._interval = None if per_second is None else 1.0 / per_second
        self._file = file

    def wait(self) -> None:
        """Return when the next request may be sent; raises `Unwritable`, since others would not know of it."""
        if self._interval is None:
            return
        try:
            pause_s = self._reserve(self._interval)
        except OSError as error:
            raise Unwritable(self._file.parent.parent, error) from None
        time.sleep(pause_s)

    def _reserve(self, interval: float) -> float:
        """Take the next turn; returns the seconds until then."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch()
        with self._file.open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            content = stream.read(8)
            now = time.monotonic()
            slot = max(now, struct.unpack("d", content)[0]) if len(content) == 8 else now
            stream.seek(0)
            # In place of what was there: that needs no more of a disk that has become full.
            stream.write(struct.pack("d", slot + interval))
        return max(0.0, slot - now)
