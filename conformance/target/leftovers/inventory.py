"""The inventory of a target: what every collection held at one moment, to be compared with another moment.

Of each entry it keeps the name, and a digest of what only changes when somebody changes it: no content, no secret.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from conformance.target.guard.sandbox import PREFIX, Sandbox
from conformance.target.http.session import Api
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.listing import LISTINGS, Listing, Reader

BEFORE = "inventory-before.json"
AFTER = "inventory-after.json"


@dataclass(slots=True)
class Holdings:
    """What one collection held.

    ``entries``: name -> digest, or None where an entry goes away by itself; ``own``: resources that a run of the suite
    created, by its id; ``odd``: how many entries of others have an id that is no text. The other fields are those of a
    `Reading`.
    """

    entries: dict[str, str | None] = field(default_factory=dict)
    own: dict[str, list[Resource]] = field(default_factory=dict)
    odd: int = 0
    count: int | None = None
    complete: bool = True
    absent: bool = False
    problem: str | None = None

    @property
    def comparable(self) -> bool:
        """Whether all entries are known."""
        return self.problem is None and self.complete


@dataclass(slots=True)
class Inventory:
    """``collections`` by name; ``taken_at``: RFC 3339, UTC."""

    taken_at: str
    duration_s: float = 0.0
    requests: int = 0
    collections: dict[str, Holdings] = field(default_factory=dict)

    def left_by(self, run: str) -> list[Resource]:
        """What a run created and is still there."""
        return [resource for holdings in self.collections.values() for resource in holdings.own.get(run, [])]

    def as_json(self) -> str:
        """The inventory as a document for its file."""
        return json.dumps(asdict(self), indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Claim:
    """How to tell a run's own among entries that carry no name of any run: it asked for them, and they are new.

    ``before``: the inventory before the run, None if there is none. ``asked_for``: what its journals name under ids
    that can carry no name. ``kinds``: of all it asked for, for a target may make something else of an id.
    """

    before: Inventory | None = None
    asked_for: frozenset[Resource] = frozenset()
    kinds: frozenset[str] = frozenset()

    def covers(self, listing: Listing, entry: Mapping[str, Any]) -> bool:
        """Whether an entry without a name is the run's."""
        resource = listing.resource(entry)
        known = self.before.collections[listing.name].entries if self.before is not None else {}
        if resource is None or listing.key_of(entry) in known:
            return False
        return self.is_exact(resource) or (resource.no_text and resource.kind in self.kinds)

    def is_exact(self, resource: Resource) -> bool:
        """Whether the run asked for this very id; a target may take a number for a text, or the other way round."""
        return (resource.kind, resource.id) in {(asked.kind, asked.id) for asked in self.asked_for}


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the entries of a collection that no run of the suite created. ``names`` are sorted."""

    collection: str
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


NO_CLAIM = Claim()


def take_inventory(
    api: Api, run: str, workers: Sequence[str] = ("main",), claim: Claim = NO_CLAIM, *, at_once: int = 1
) -> Inventory:
    """Read every collection, ``at_once`` of them side by side. ``workers``: whose topics to look for where there is too
    much to read.

    What cannot be read is told by its `Holdings`; raises `TargetLost`. Of a target that is too slow for it, what was
    read in time is compared.
    """
    started = time.monotonic()
    inventory = Inventory(datetime.now(UTC).isoformat(timespec="seconds"))

    def read(listing: Listing) -> tuple[Holdings, int]:
        if time.monotonic() - started > api.timing.inventory:
            problem = f"not read: the collections before it took more than {api.timing.inventory:g} s"
            return Holdings(problem=problem), 0
        return _read(listing, api, run, workers, claim)

    with ThreadPoolExecutor(at_once) as pool:
        readings = map(read, LISTINGS) if at_once == 1 else pool.map(read, LISTINGS)
        for listing, reading in zip(LISTINGS, readings, strict=True):
            _add(inventory, listing, *reading)
    inventory.duration_s = round(time.monotonic() - started, 3)
    return inventory


def take_again(inventory: Inventory, api: Api, run: str, workers: Sequence[str], claim: Claim) -> None:
    """Read again the collections that hold something of the run."""
    for listing in LISTINGS:
        if inventory.collections[listing.name].own.get(run):
            _add(inventory, listing, *_read(listing, api, run, workers, claim))


def _add(inventory: Inventory, listing: Listing, holdings: Holdings, requests: int) -> None:
    inventory.collections[listing.name] = holdings
    inventory.requests += requests


def _read(
    listing: Listing, api: Api, run: str, workers: Sequence[str], claim: Claim
) -> tuple[Holdings, int]:  # fmt: skip
    """What a collection holds, and the number of requests that it took to find out."""
    sandboxes = [Sandbox(run, worker) for worker in workers]
    reading = Reader(api).read(listing, sandboxes, f"{PREFIX}{run}-")
    holdings = Holdings(
        count=reading.count, complete=reading.complete, absent=reading.absent, problem=reading.problem
    )  # fmt: skip
    for entry in reading.entries:
        if listing.of_the_target(entry):
            continue
        resource = listing.resource(entry)
        owner = listing.run_of(entry) or (run if claim.covers(listing, entry) else None)
        if owner is None:
            holdings.odd += resource is not None and resource.no_text
            if reading.complete:
                holdings.entries[listing.key_of(entry)] = _digest(listing, entry)
        elif resource is not None:
            holdings.own.setdefault(owner, []).append(resource)
    return holdings, reading.requests


def _digest(listing: Listing, entry: Mapping[str, Any]) -> str | None:
    if listing.temporary(entry):
        return None
    content = json.dumps(listing.configuration(entry), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16] if listing.judged else ""


def compare(before: Inventory, after: Inventory) -> list[Change]:
    """What happened, collection by collection, to entries of others; collections not wholly known are left out."""
    changes = []
    for name, old in before.collections.items():
        new = after.collections[name]
        if not (old.comparable and new.comparable):
            continue
        permanent = {key for key, digest in old.entries.items() if digest is not None}
        common = old.entries.keys() & new.entries.keys()
        change = Change(
            name,
            appeared=tuple(sorted(new.entries.keys() - old.entries.keys())),
            vanished=tuple(sorted(permanent - new.entries.keys())),
            changed=tuple(sorted(key for key in common if old.entries[key] != new.entries[key])),
        )
        if change.appeared or change.vanished or change.changed:
            changes.append(change)
    return changes
