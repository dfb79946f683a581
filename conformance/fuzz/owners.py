"""Which type shows what counts for all types that have it."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from conformance.contract.value_space import ValueSpace
from conformance.contract.values import ValueClass
from conformance.fuzz.space import Subject
from conformance.target.guard.hosts import NEVER_STARTED

TLS_ALWAYS = frozenset({"azure_event_hub_producer", "confluent_producer"})
_KEYS_ALWAYS = frozenset({"s3"})
"""Types that the guard lets pass with keys of their own only."""


def is_owner(
    subject: Subject, space: ValueSpace, seeds: Sequence[int], one: ValueClass, end: str | None = None
) -> bool:
    """Whether the type of a subject is the one that shows a class for all types that have it (`ValueSpace.owners`).

    If that can be one whose alternatives take a body each, it is: theirs have room for a value more.
    """
    owners = space.owners(subject.label, one, end)
    able = [owner for owner in owners if owner not in NEVER_STARTED | TLS_ALWAYS | _KEYS_ALWAYS] or owners
    able = [owner for owner in able if owner in space.divided(subject.label)] or able
    chance = crc32(f"{one.field if end is None else end} {one.what}".encode())
    return subject.resource_type in {able[(seed + chance) % len(able)] for seed in seeds}
