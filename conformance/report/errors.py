"""What can go wrong with a stored report."""

from __future__ import annotations


class ReportError(ValueError):
    """A stored run or report cannot be read or written; the text is one sentence for the user."""
