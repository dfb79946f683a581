"""Which requirements are about security: who may do what, and what nobody may see."""

from __future__ import annotations

SECURITY = frozenset(
    {
        "ACT-14", "AUTN-01", "AUTN-04", "AUTN-10", "AUTN-11", "AUTN-16", "AUTZ-02", "AUTZ-03", "AUTZ-04", "AUTZ-05",
        "AUTZ-06", "AUTZ-11", "AUTZ-12", "BAN-01", "BAN-02", "BAN-04", "CON-07", "CON-17", "CON-18", "GEN-01", "GEN-02",
        "GEN-04", "GEN-05", "GEN-21", "GEN-24", "GEN-34", "GEN-35", "TYP-05",
    }
)  # fmt: skip
"""Ids of the requirements on access, and on secrets that stay secret."""
