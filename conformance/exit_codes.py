"""The exit codes of every command."""

from __future__ import annotations

FINE = 0
"""Conformant, or partial on the user's word; nothing to complain of."""

FOUND = 1
"""Non-conformant; a report that is worse, a document that differs, a finding."""

USAGE_ERROR = 2
"""Wrong usage or configuration, or a file that cannot be used."""

INCONCLUSIVE = 3
"""Something that is demanded could not be decided or done."""
