"""What a verification finds: sentences, each of which holds, does not, or could not be checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["holds", "fails", "unchecked", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about a report directory; a note neither holds nor fails."""

    state: State
    sentence: str


def judged(holds: bool, good: str, bad: str) -> Finding:
    """The sentence ``good`` where something holds, ``bad`` where it does not."""
    return Finding("holds" if holds else "fails", good if holds else bad)


def summed_up(findings: Iterable[Finding]) -> str:
    """How it stands, in one line."""
    states = [finding.state for finding in findings]
    failed, unchecked = states.count("fails"), states.count("unchecked")
    rest = f" {unchecked} could not be checked here." if unchecked else ""
    if failed:
        return f"{failed} of {len(states) - states.count('note')} sentences do not hold: this is no evidence.{rest}"
    return f"Everything that was looked at holds.{rest}"
