"""The clocks of suite and target, which need not agree."""

from __future__ import annotations

CLOCK_TOLERANCE_S = 60
"""What they may differ in, where a target tells when something happened just now."""
