"""When a broker that limits the rate of its clients has read what one of them sent.

EMQX leaves unread for a while what comes too fast (``messages_rate`` and ``bytes_rate`` of a listener, which hold for
every client by itself; a packet counts as a message, whatever it is). That is no slowness of the target to complain of,
and what is unread when a connection ends is lost. So clients of the suite send no faster, and wait from when they have
been read.
"""

from __future__ import annotations

import threading
import time

MARGIN = 1.1
"""By how much longer a broker is believed to take, for its clock has grains."""


class Pace:
    """The packets of one connection. Rates are per second, None without a limit."""

    def __init__(self, packets_per_s: float | None, bytes_per_s: float | None) -> None:
        self._packets_per_s = packets_per_s
        self._bytes_per_s = bytes_per_s
        self._lock = threading.Lock()
        self._read_at = 0.0

    def sent(self, size: int, packets: int = 1) -> None:
        """Packets of ``size`` bytes in all are on their way."""
        takes_s = MARGIN * max(_seconds(packets, self._packets_per_s), _seconds(size, self._bytes_per_s))
        if takes_s:
            with self._lock:
                self._read_at = max(self._read_at, time.monotonic()) + takes_s

    @property
    def read_at(self) -> float:
        """The monotonic time in seconds by which all of them have been read."""
        return self._read_at

    def wait(self) -> None:
        """Return as soon as they have."""
        while (remaining := self._read_at - time.monotonic()) > 0:
            time.sleep(remaining)


def _seconds(amount: int, per_s: float | None) -> float:
    return 0.0 if per_s is None else amount / per_s
