"""A token bucket shared by all workers of a run."""

from __future__ import annotations

import fcntl
import struct
import time
from pathlib import Path


class RateLimit:
    """At most ``per_second`` requests per second over every process that uses the same ``file``.

    The file holds one double: when the next request may leave (monotonic clock, seconds). None means no limit.
    """

    def __init__(self, per_second: float | None, file: Path) -> None:
        self._interval = None if per_second is None else 1.0 / per_second
        self._file = file

    def wait(self) -> None:
        """Return when the next request may be sent."""
        if self._interval is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            content = stream.read(8)
            now = time.monotonic()
            slot = max(now, struct.unpack("d", content)[0]) if len(content) == 8 else now
            stream.seek(0)
            stream.truncate()
            stream.write(struct.pack("d", slot + self._interval))
        time.sleep(max(0.0, slot - now))
