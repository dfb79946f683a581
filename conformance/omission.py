"""How an item says that it looks at nothing, and why: a skip of pytest that knows on whose word.

An item that calls `pytest.skip` itself leaves undecided what it is about.
"""

from __future__ import annotations

from typing import NoReturn

from _pytest.outcomes import Skipped

from conformance.result import Omission
from conformance.target.guard.mode import Mode


class NotLookedAt(Skipped):
    """The item ends without a decision."""

    def __init__(self, why: Omission, reason: str) -> None:
        super().__init__(reason)
        self.why = why


def not_demanded(reason: str) -> NoReturn:
    """Nothing demands it of this target: it has no such case."""
    raise NotLookedAt("not_demanded", reason)


def disturbed(mode: Mode, reason: str) -> NoReturn:
    """Others on the target make it impossible: the user's word where it may be shared, undecided with --exclusive."""
    raise NotLookedAt("chosen" if mode < Mode.EXCLUSIVE else "undecided", reason)


def why_skipped(error: Skipped) -> Omission:
    """Why an item ended with that skip."""
    return error.why if isinstance(error, NotLookedAt) else "undecided"
