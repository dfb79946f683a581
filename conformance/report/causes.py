"""Causes: the failures of a run, grouped by what the target does wrong, the gravest first.

One deviation of the target breaks many requirements, on many operations, in many items. Failures are one cause if they
tell of the same answer; if what came back has the same signature, for the same kind of operation; or if the same
scenario was answered alike, whatever the operation. What follows from a failure belongs to its cause.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from conformance.report.came import Came, came, constant
from conformance.report.security import SECURITY
from conformance.report.text import IN_CONSEQUENCE, NO_OPERATION, counted
from conformance.result import Failure, Level, RequirementResult, RunResult

State = Literal["failed", "waived"]

_LONGEST_CAME = 120
_LONGEST_ID = 60
"""Of those that a waiver may have, with room for a number."""
_OF_A_RUN = re.compile(r"cft-[0-9a-z]{11}-(?:main|gw\d+)")
_FUZZ = "conformance/fuzz/"
_ON_EVERY_ANSWER = ("no_server_error", "no_internals", "documented_status", "media_type", "response_schema",
                    "error_envelope", "error_code", "empty_204", "answered")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """One deviation of the target.

    ``id`` names it within its run, and in other runs as long as the same is seen first of it. ``sentence``: the
    requirement that says best what is wrong, ``came``: what came instead. ``failures``: those that stand for
    themselves, the most telling first; ``consequences``: those that follow from them. ``requirements`` (ids) and
    ``operations`` (labels) are those that no waiver covers, if there are any, the most telling first. ``state``: waived
    if a waiver covers every failure of it.
    """

    id: str
    sentence: str
    came: str
    level: Level
    security: bool
    requirements: tuple[str, ...]
    operations: tuple[str, ...]
    failures: tuple[Failure, ...]
    consequences: tuple[Failure, ...]
    state: State

    @property
    def lead(self) -> Failure:
        """The failure that tells most."""
        return self.failures[0]

    @property
    def counting(self) -> list[Failure]:
        """The failures that no waiver covers."""
        return [failure for failure in self.failures if failure.counts]

    @property
    def where(self) -> str:
        """Its operations in a few words: ``POST /rules and 2 more``."""
        first = self.operations[0] if self.operations else NO_OPERATION
        more = len(self.operations) - 1
        return f"{first} and {more} more" if more > 0 else first

    @property
    def facts(self) -> str:
        """How grave and how wide: ``MUST, security, 3 requirements, 12 failures and 1 in consequence``."""
        parts = [self.level, *(["security"] if self.security else [])]
        parts += [counted(len(self.requirements), "requirement")] if len(self.requirements) > 1 else []
        follow = f" and {len(self.consequences)} {IN_CONSEQUENCE}" if self.consequences else ""
        return ", ".join([*parts, counted(len(self.failures), "failure") + follow])

    @property
    def headline(self) -> str:
        """It in one line: sentence, operation, what came."""
        return f"{self.sentence} {self.where}: {self.came}"


def causes(run: RunResult) -> list[Cause]:
    """The causes of a run's failures, as of `causes_of`."""
    return causes_of(run.failures, run.requirements)


def causes_of(failures: Sequence[Failure], requirements: Iterable[RequirementResult]) -> list[Cause]:
    """The causes of ``failures``, the gravest first; each failure belongs to exactly one.

    ``requirements`` say level and sentence; one that is not among them counts as a MUST.
    """
    by_id = {requirement.id: requirement for requirement in requirements}
    grouping = Grouping()
    numbers = [grouping.add(failure) for failure in failures]
    members: dict[int, list[Failure]] = {}
    for number, failure in zip(numbers, failures, strict=True):
        members.setdefault(grouping.root(number), []).append(failure)
    return _ranked(_cause(found, by_id) for found in members.values())


def failing(found: Iterable[Cause]) -> list[Cause]:
    """The causes that no waiver covers as a whole."""
    return [cause for cause in found if cause.state == "failed"]


class Grouping:
    """Failures as they come, in groups that become one as soon as something shows that they belong together."""

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._first: dict[Hashable, int] = {}

    def add(self, failure: Failure) -> int:
        """Take a failure; returns its number, from 0."""
        number = len(self._parents)
        self._parents.append(number)
        for key in _keys(failure):
            low, high = sorted((self.root(number), self.root(self._first.setdefault(key, number))))
            self._parents[high] = low
        return number

    def root(self, number: int) -> int:
        """The number of the first failure of the group that ``number`` is in."""
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number


def _keys(failure: Failure) -> Iterator[Hashable]:
    """What a failure shares with others of its cause."""
    if failure.id:
        yield "failure", failure.id
    if failure.consequence_of is not None:
        yield "failure", failure.consequence_of
        return
    if failure.request_id is not None:
        yield "request", failure.request_id
    answer = came(failure)
    kind = kind_of(failure.operation)
    if answer.crash and answer.status is not None and answer.status < 500:
        yield "refusal that tells of a crash", kind
    elif answer.crash and answer.place:
        yield "place", answer.crash
    elif answer.crash:
        yield "crash", answer.code, answer.crash, kind, _method(failure)
    if _is_asked(failure):
        told = answer.status if answer.is_error else constant(_without_labels(failure))
        yield "scenario", failure.requirement, failure.check, told
        yield "item", failure.requirement, failure.item
    elif not answer.crash:
        yield "answer", failure.requirement, failure.check, *_told(failure, answer)


def _is_asked(failure: Failure) -> bool:
    """Whether a scenario asks just this, so that its answers are about the same whatever the operation."""
    is_scenario = "::test_" in failure.item and not failure.item.startswith(_FUZZ)
    return is_scenario and failure.check not in _ON_EVERY_ANSWER


def _told(failure: Failure, answer: Came) -> tuple[Hashable, ...]:
    if answer.text:
        return answer.status, answer.code, answer.text
    # An error without a word may be any: nothing but the operation says which.
    return (
        (answer.status, answer.code, failure.operation)
        if answer.is_error
        else (constant(_without_labels(failure)), kind_of(failure.operation))
    )


def overview(found: Sequence[Cause]) -> str:
    """How many failing causes there are, and how grave: ``42 causes of 252 failures, 6 of them against a MUST``."""
    of_them = [f"{sum(cause.level == 'MUST' for cause in found)} of them against a MUST"]
    if security := sum(cause.security for cause in found):
        of_them.append(f"{security} about security")
    failures = sum(len(cause.counting) + len(cause.consequences) for cause in found)
    return f"{counted(len(found), 'cause')} of {counted(failures, 'failure')}, {', '.join(of_them)}"


def kind_of(operation: str | None) -> str:
    """The kind of things an operation is about: ``POST /connectors_probe`` -> ``connectors``."""
    path = (operation or "").partition(" ")[2]
    return re.split(r"[/_{]", path.lstrip("/"), maxsplit=1)[0]


def _method(failure: Failure) -> str:
    """Reading or writing: what crashes in the one is not what crashes in the other."""
    method = (failure.operation or "").partition(" ")[0]
    return "write" if method in ("POST", "PUT", "PATCH") else method


def _without_labels(failure: Failure) -> str:
    """The message without operations: it may name one that another sighting does not."""
    return re.sub(r"\b(?:GET|PUT|POST|DELETE|PATCH) /\S*", "_", failure.message)


def _cause(failures: Sequence[Failure], requirements: Mapping[str, RequirementResult]) -> Cause:
    consequences = [failure for failure in failures if failure.consequence_of is not None]
    if len(consequences) == len(failures):  # what they follow from is told nowhere
        consequences = []
    own = [failure for failure in failures if failure.consequence_of is None] or list(failures)
    own.sort(key=lambda failure: _telling(failure, requirements))
    counting = [failure for failure in own if failure.counts]
    decisive = counting or own
    lead = decisive[0]
    own = [*counting, *(failure for failure in own if not failure.counts)]
    told = requirements.get(lead.requirement)
    return Cause(
        id=_slug(lead),
        sentence=told.title if told is not None else f"{lead.requirement} is not in the catalogue.",
        came=_came(lead),
        level="MUST" if any(_level(failure, requirements) == "MUST" for failure in decisive) else "SHOULD",
        security=any(is_security(failure) for failure in decisive),
        requirements=tuple(dict.fromkeys(failure.requirement for failure in decisive)),
        operations=_by_frequency(decisive),
        failures=tuple(own),
        consequences=tuple(consequences),
        state="failed" if counting else "waived",
    )


def _telling(failure: Failure, requirements: Mapping[str, RequirementResult]) -> tuple[object, ...]:
    """A scenario's own requirement says more than one that holds of every answer, and a MUST more than a SHOULD."""
    general = failure.check in _ON_EVERY_ANSWER
    return (
        failure.attribution != "target",
        _level(failure, requirements) != "MUST",
        general,
        not is_security(failure),
        failure.requirement,
        failure.operation or "",
        failure.check,
    )


def is_security(failure: Failure) -> bool:
    """Whether a failure concerns access or secrets."""
    return failure.requirement in SECURITY or (failure.check == "no_internals" and "secret" in failure.message)


def _level(failure: Failure, requirements: Mapping[str, RequirementResult]) -> Level:
    told = requirements.get(failure.requirement)
    return told.level if told is not None else "MUST"


def _by_frequency(failures: Sequence[Failure]) -> tuple[str, ...]:
    often = Counter(failure.operation for failure in failures if failure.operation is not None)
    first = failures[0].operation
    return tuple(sorted(often, key=lambda label: (label != first, -often[label], label)))


def _came(lead: Failure) -> str:
    """What came, and what the check said of it, in at most `_LONGEST_CAME` characters and without the name of a run."""
    message = _OF_A_RUN.sub("cft", " ".join(lead.message.split()))
    if lead.operation is not None:
        message = message.removeprefix(f"{lead.operation} ")
    answer = came(lead)
    if answer.crash and answer.crash not in message:
        message = f"{message} ({answer.crash})"
    return message if len(message) <= _LONGEST_CAME else f"{message[: _LONGEST_CAME - 1].rstrip()}…"


def _slug(failure: Failure) -> str:
    words = f"{failure.requirement} {failure.operation or failure.check}".lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:_LONGEST_ID].rstrip("-")


def _ranked(found: Iterable[Cause]) -> list[Cause]:
    """Failing before waived, MUST before SHOULD, security before the rest, many operations before one.

    Causes that would have one name are numbered.
    """
    ranked = sorted(
        found,
        key=lambda cause: (
            cause.state != "failed",
            cause.level != "MUST",
            not cause.security,
            -len(cause.operations),
            -len(cause.failures),
            cause.id,
            cause.came,
        ),
    )
    seen: Counter[str] = Counter()
    named = []
    for cause in ranked:
        seen[cause.id] += 1
        named.append(_renamed(cause, seen[cause.id]))
    return named


def _renamed(cause: Cause, number: int) -> Cause:
    return cause if number == 1 else replace(cause, id=f"{cause.id}-{number}")
