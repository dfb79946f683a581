"""The words of a comparison of two runs: kinds of changes, and one thing that differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Change = Literal["new", "fixed", "waived", "still_failing", "changed", "undecided"]

TITLES: Mapping[Change, str] = {
    "new": "New failures",
    "undecided": "Not decided any more",
    "still_failing": "Still failing",
    "waived": "Waived now",
    "changed": "Changed outcome",
    "fixed": "Fixed",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that differs, or still fails: its name, what it was and is, and a sentence that says what it is."""

    name: str
    before: str
    after: str
    title: str = ""
