"""What a run may not show to be broken though it is."""

from __future__ import annotations

from typing import cast

from conformance.catalogue.profiles import PROFILES
from conformance.catalogue.registry import catalogue
from conformance.result import RunResult
from conformance.target.settings.config import Profile


def decided_by_chance(run: RunResult) -> set[str]:
    """Ids of requirements that generated data decides, or in a run that asks a sample the items that it leaves out."""
    entries = list(catalogue())
    found = {entry.id for entry in entries if entry.random}
    if PROFILES[cast("Profile", run.profile)].budget is not None:
        found |= {entry.id for entry in entries if entry.universal}
        found |= {identifier for item in run.items if item.outcome == "skipped" for identifier in item.requirements}
    return found
