"""Wait until what was written can be read wherever the next request ends up.

Behind a load balancer the nodes of a cluster learn of each other's writes with a delay, which is no defect.
"""

from __future__ import annotations

import time


class Settling:
    """``lag_s``: seconds by which reads may lag behind writes (``--replication-lag``)."""

    def __init__(self, lag_s: float = 0.0) -> None:
        self._lag_s = lag_s
        self._settled_at = 0.0

    def wrote(self) -> None:
        """Something was written now."""
        self._settled_at = time.monotonic() + self._lag_s

    def wait(self) -> None:
        """Return as soon as every node knows what was written."""
        remaining = self._settled_at - time.monotonic()
        if self._lag_s and remaining > 0:
            time.sleep(remaining)
