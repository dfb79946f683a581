"""What can go wrong with a stored report."""

from __future__ import annotations

from pathlib import Path


class ReportError(ValueError):
    """A stored run or report cannot be read or written; the text is one sentence for the user."""


class UnwritableError(ReportError):
    """A file cannot be written; ``error`` is what the system says."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} cannot be written: {error.strerror or error}")
        self.error = error
