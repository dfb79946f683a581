"""One waiver: which failures it covers, on which versions, until when."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from conformance.contract.versions import VersionRange
from conformance.result import Failure

Deviation = tuple[str, str | None, str]


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted deviation.

    Every selector that is given must fit a failure: ``requirement``, ``operation`` (label) and ``check`` exactly,
    ``match`` as a part of the message, ``match_regex`` as a pattern found in it. ``deviations``: a failure must be one
    of these, each with requirement, operation (None: no single one) and check, so that one waiver does for one cause.
    ``deployment``: a part of what the head of a report says of how the target is configured, for a deviation that comes
    with a setting; on other targets it waives nothing, and nobody needs it.
    ``expires`` is the last day on which it waives, ``defect`` the name of the defect of its file that it is for.
    ``within`` is ``versions`` as written.
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
    deviations: tuple[Deviation, ...] = ()
    deployment: str | None = None

    @property
    def parts(self) -> list[Waiver]:
        """A waiver for each of its deviations; itself where it has none."""
        return [
            replace(self, requirement=requirement, operation=operation, check=check, deviations=())
            for requirement, operation, check in self.deviations
        ] or [self]

    @property
    def requirements(self) -> list[str]:
        """Ids of the requirements whose failures it may cover."""
        return list(dict.fromkeys(part.requirement for part in self.parts if part.requirement is not None))

    def is_for(self, target_version: str | None, deployment: Iterable[str]) -> bool:
        """Whether it is for a target of that version, of whose ``deployment`` these sentences tell."""
        configured = self.deployment is None or any(self.deployment in sentence for sentence in deployment)
        return configured and self.versions.contains(target_version)

    def covers(self, failure: Failure) -> bool:
        """Whether the failure is the deviation meant, whatever the target and the date."""
        if self.deviations and (failure.requirement, failure.operation, failure.check) not in self.deviations:
            return False
        return (
            self.requirement in (None, failure.requirement)
            and self.operation in (None, failure.operation)
            and self.check in (None, failure.check)
            and (self.match is None or self.match in failure.message)
            and (self.match_regex is None or self.match_regex.search(failure.message) is not None)
        )

    def expired(self, today: date) -> bool:
        return today > self.expires
