"""Which failures are no deviations of their own: they show what an invalid request did that the target accepted.

That one is told as the failure it is, and what it broke is told with it, whichever item and worker met it. Only what is
known of both counts: the same field of the same resource, or a read that was shown to work before and not after, each
while it lasted. Whatever else fails meanwhile is a failure of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from conformance.result import Damage, Failure, ItemResult, Outcome, Sighting

IN_CONSEQUENCE = "not decided in consequence of: "
"""How the reason of an item begins that could decide nothing because of another's failure."""


def cause_of(failure: Failure, damages: Iterable[Damage]) -> str | None:
    """Id of the failure that ``failure`` follows from, None if some sighting of it has no such cause."""
    if len(failure.sightings) < failure.seen:
        return None
    known = [damage for damage in damages if damage.cause != failure.id]
    causes = [_cause(sighting, known) for sighting in failure.sightings]
    return None if None in causes or not causes else causes[0]


def _cause(sighting: Sighting, damages: Iterable[Damage]) -> str | None:
    return next((damage.cause for damage in damages if explains(damage, sighting)), None)


def explains(damage: Damage, sighting: Sighting) -> bool:
    """Whether a sighting is one of what a damage did: at a time when it was there, and of just that."""
    if sighting.ended < damage.since or (damage.until is not None and sighting.began > damage.until):
        return False
    if damage.read:
        return damage.read == sighting.read and set(damage.query) <= set(sighting.query)
    if not damage.resource or damage.resource != sighting.resource:
        return False
    return not damage.fields or set(sighting.fields) <= set(damage.fields)


def follow(failure: Failure, cause: str, evidence: dict[str, int]) -> None:
    """Make ``failure`` the consequence of ``cause``: it is no evidence about its requirement, either way."""
    failure.consequence_of = cause
    left = evidence.get(failure.requirement, 0) - failure.seen
    if left > 0:
        evidence[failure.requirement] = left
    else:
        evidence.pop(failure.requirement, None)


def settle(items: Sequence[ItemResult]) -> None:
    """Find the consequences among the failures of a run, and decide its items without them.

    A failure whose cause is told nowhere stands for itself. Calling it twice changes nothing.
    """
    damages = [damage for item in items for damage in item.damages]
    told = {failure.id: failure for item in items for failure in item.failures if failure.id}
    for item in items:
        for failure in item.failures:
            cause = cause_of(failure, damages) if failure.consequence_of is None else None
            if cause is not None and cause in told:
                follow(failure, cause, item.evidence)
    for item in items:
        _follow_up(item, told)


def _follow_up(item: ItemResult, told: Mapping[str, Failure]) -> None:
    causes = []
    for failure in item.failures:
        if failure.consequence_of is None:
            continue
        cause = told.get(failure.consequence_of)
        if cause is None or cause.consequence_of is not None:
            failure.consequence_of = None
        else:
            failure.waived_by = failure.waived_by or cause.waived_by
            causes.append(cause)
    if any(failure.counts for failure in item.failures):
        if item.outcome in ("passed", "waived", "not_run"):
            item.outcome, item.reason = "failed", next(f.message for f in item.failures if f.counts)
    elif causes and (item.outcome == "failed" or item.reason.startswith(IN_CONSEQUENCE)):
        item.outcome, item.reason = outcome_without(item.failures, _undecided(item), causes)


def _undecided(item: ItemResult) -> list[str]:
    return [identifier for identifier in item.requirements if not item.evidence.get(identifier)]


def outcome_without(
    failures: Sequence[Failure], undecided: Sequence[str], causes: Sequence[Failure]
) -> tuple[Outcome, str]:
    """Outcome and reason of an item none of whose ``failures`` count, some of them in consequence of ``causes``.

    ``undecided``: ids of its requirements about which it has no evidence.
    """
    waived = [failure for failure in failures if failure.consequence_of is None or undecided]
    if waived and all(failure.waived_by is not None for failure in waived):
        return "waived", "; ".join(sorted({f"waived by {failure.waived_by}" for failure in waived}))
    if undecided:
        told = "; ".join(dict.fromkeys(cause.message for cause in causes))
        return "not_run", f"{IN_CONSEQUENCE}{told}"
    return "passed", ""
