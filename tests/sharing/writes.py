"""How many configuration writes a target took."""

from __future__ import annotations

from conformance.worker.context import Context


def writes(context: Context) -> dict[str, int]:
    """Those of a worker since it was last asked, by operation."""
    return dict(context.adapter.writes.since().counts)
