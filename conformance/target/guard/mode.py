"""What a run may do to its target, from nothing at all to everything."""

from __future__ import annotations

from enum import IntEnum


class Mode(IntEnum):
    """Modes in the order of what they allow; each allows what those before it do."""

    READ_ONLY = 0
    """No write at all (``--read-only``)."""

    SANDBOXED = 1
    """Writes inside the run's own sandbox, all of which can be undone: the default, for targets others use too."""

    EXCLUSIVE = 2
    """Also writes to state that all clients share, and what disturbs others for a moment (``--exclusive``)."""

    DISPOSABLE = 3
    """Also what a defective target cannot undo: it is thrown away after the run (``--disposable``, embedded)."""

    @property
    def words(self) -> str:
        """As reports and messages name it."""
        return self.name.lower().replace("_", "-")
