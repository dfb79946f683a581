"""One waiver: which failures it covers, on which versions, until when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from conformance.contract.versions import VersionRange
from conformance.result import Failure


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted deviation.

    Every selector that is given must fit a failure: ``requirement``, ``operation`` (label) and ``check`` exactly,
    ``match`` as a part of the message, ``match_regex`` as a pattern found in it. ``expires`` is the last day on which
    it waives, ``defect`` the name of the defect of its file that it is for. ``within`` is ``versions`` as written.
    """

    id: str
    requirement: str | None
    operation: str | None
    check: str | None
    match: str | None
    match_regex: re.Pattern[str] | None
    versions: VersionRange
    reason: str
    link: str
    owner: str
    expires: date
    within: str = ""
    defect: str | None = None

    def covers(self, failure: Failure, target_version: str | None) -> bool:
        """Whether the failure is the deviation meant, on a target of that version, whatever the date."""
        return (
            self.requirement in (None, failure.requirement)
            and self.operation in (None, failure.operation)
            and self.check in (None, failure.check)
            and (self.match is None or self.match in failure.message)
            and (self.match_regex is None or self.match_regex.search(failure.message) is not None)
            and self.versions.contains(target_version)
        )

    def expired(self, today: date) -> bool:
        return today > self.expires
