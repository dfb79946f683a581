"""The result of a run as plain data: every writer renders the same `RunResult`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["passed", "failed", "waived", "skipped", "error", "not_run", "not_selected"]
Verdict = Literal["conformant", "conformant_with_waivers", "partial", "non_conformant", "inconclusive"]
Level = Literal["MUST", "SHOULD"]
Attribution = Literal["target", "document", "undecided"]
Omission = Literal["chosen", "not_demanded", "undecided"]
"""Why something was not looked at: on the user's word (selection, mode, a smaller profile, an option not given),
because nothing demands it here (another version, nothing to judge), or although it is demanded."""

WaiverState = Literal["reproduced", "unobserved", "expired"]

PROVISIONAL = "provisional"
"""Stands for the waiver of a failure whose requirement does not count yet."""


@dataclass(slots=True)
class Sighting:
    """What an answer was wrong about when a failure was seen, where that could follow from an earlier request.

    Either ``resource`` (``connector pulsar:name``), which the answer shows with wrong ``fields``, none for the whole of
    it; or ``read``, the label of a read that was refused, with the names of its ``query`` parameters. ``began`` and
    ``ended``: when the request was sent and answered, in seconds of the monotonic clock of the machine.
    """

    began: float
    ended: float
    resource: str = ""
    fields: list[str] = field(default_factory=list)
    read: str = ""
    query: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Damage:
    """What an invalid request left on the target, which accepted it, from ``since`` until it was undone, if it was.

    ``cause``: id of the failure that tells of the request. ``resource``: what it wrote, ``fields``: what is invalid of
    that, none for the whole of it. ``read`` with ``query``: a read that worked before, and not as long as this lasts.
    Times as of `Sighting`.
    """

    cause: str
    since: float
    until: float | None = None
    resource: str = ""
    fields: list[str] = field(default_factory=list)
    read: str = ""
    query: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Failure:
    """One deviation, counted once per item however often it was seen.

    ``id`` names it within its run. ``check`` names what was checked (``response_schema``), ``attribution`` who is at
    fault; ``erratum`` is the id of the document's erratum where that is the document. ``exchange`` is the redacted
    request and response. ``consequence_of``: id of the failure it follows from, and is told with. ``sightings``: one
    for each time it was seen, fewer if that could follow from nothing.
    """

    requirement: str
    operation: str | None
    check: str
    message: str
    curl: str | None = None
    attribution: Attribution = "undecided"
    erratum: str | None = None
    waived_by: str | None = None
    item: str = ""
    request_id: str | None = None
    exchange: str | None = None
    seen: int = 1
    id: str = ""
    consequence_of: str | None = None
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether it stands for itself, and nobody accepts it."""
        return self.waived_by is None and self.consequence_of is None


@dataclass(slots=True)
class Postponed:
    """An invalid request of an item that comes when all items are done: who stores it breaks lists for everybody.

    ``path`` and ``query`` are its parameters; ``body``: its bytes, read as Latin-1; ``what``: the fault in them.
    """

    operation: str
    requirement: str
    what: str
    body: str
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ItemResult:
    """One pytest item: its outcome, its traffic and its evidence.

    ``statuses``: operation label -> HTTP status (as text) -> number of answers. ``evidence``: requirement id ->
    number of times its antecedent really happened. ``decided``: check name -> number of decisions, per operation.
    ``omission``: why an item was skipped, ``needs_mode``: the mode in which it would run, if that is why. ``damages``:
    what its invalid requests did to the target. ``withheld``: a mode that allows more -> number of requests that an
    item would send in it besides. ``postponed``: what an item has not sent yet. ``latencies``: operation label ->
    bucket (`conformance.latency.bucket`) -> number of answers. ``values``: subject -> value classes of the contract
    that it was the first of its worker to reach. ``config_writes``: label of an operation -> number of configuration
    writes that the target took while it ran, ``config_cleanup``: those of the clean-up after it; ``config_write_s``:
    seconds until all of them were answered.
    """

    id: str
    requirements: tuple[str, ...]
    operation: str | None
    outcome: Outcome
    reason: str = ""
    duration_s: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    statuses: dict[str, dict[str, int]] = field(default_factory=dict)
    evidence: dict[str, int] = field(default_factory=dict)
    decided: dict[str, dict[str, int]] = field(default_factory=dict)
    worker: str = "main"
    needs_mode: str | None = None
    omission: Omission | None = None
    damages: list[Damage] = field(default_factory=list)
    withheld: dict[str, int] = field(default_factory=dict)
    postponed: list[Postponed] = field(default_factory=list)
    latencies: dict[str, dict[str, int]] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    config_writes: dict[str, int] = field(default_factory=dict)
    config_cleanup: dict[str, int] = field(default_factory=dict)
    config_write_s: float = 0.0

    @property
    def requests(self) -> int:
        return sum(sum(counts.values()) for counts in self.statuses.values())


@dataclass(slots=True)
class RequirementResult:
    """A requirement after the closed accounting; ``reason`` says why, unless it passed.

    ``groups``: its outcome in each group of the contract whose operations it names.
    """

    id: str
    title: str
    level: Level
    outcome: Outcome
    tests: list[str]
    reason: str = ""
    groups: dict[str, Outcome] = field(default_factory=dict)


@dataclass(slots=True)
class OperationResult:
    """Traffic of one operation; ``statuses`` maps the HTTP status as text to a count, ``group`` is its tag."""

    operation: str
    requests: int
    statuses: dict[str, int]
    outcome: Outcome = "not_run"
    reason: str = ""
    group: str = ""


@dataclass(slots=True)
class ValuesResult:
    """The value classes of an operation, or of one of its types: how many the contract opens and how many of them were
    sent and taken; ``missed``: the others, ``excused``: those that no run can reach (`conformance.catalogue.coverage`).
    """

    subject: str
    classes: int
    reached: int
    missed: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)


@dataclass(slots=True)
class LeftOut:
    """What was not looked at for one reason.

    ``items``: how many items were skipped for it, ``requirements``: ids of those that nothing was looked at of,
    ``partly``: ids of those of which other items were, ``operations``: labels of those that nothing was looked at of.
    An entry without any of them concerns the run as a whole. ``groups``: those of the contract that are concerned.
    """

    why: Omission
    reason: str
    items: int = 0
    requirements: list[str] = field(default_factory=list)
    partly: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PartSelected:
    """Which items the user selected: ids, pytest's expressions ``-k`` and ``-m``, and ids that were deselected.

    ``options``: whatever else selects, as it was given (``--requirement RUL-08``).
    """

    items: list[str] = field(default_factory=list)
    expression: str | None = None
    markers: str | None = None
    deselected: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """As reports name it."""
        count = len(self.items)
        parts = [f"{count} id{'' if count == 1 else 's'}"] * (count > 0)
        parts += [f"{flag} {value!r}" for flag, value in (("-k", self.expression), ("-m", self.markers)) if value]
        parts += ["--deselect"] * bool(self.deselected)
        parts += self.options
        return " and ".join(parts) or "some items were deselected"


@dataclass(slots=True)
class Shard:
    """What a run must tell that was one of ``count`` parts: ``index``, from 1.

    ``items``: ids of the whole that was cut, in its order, none where the run did not come to that; ``digest``: over
    the part of each. ``selection``: what the whole was, None for the suite.
    """

    index: int
    count: int
    digest: str = ""
    items: list[str] = field(default_factory=list)
    selection: PartSelected | None = None

    @property
    def words(self) -> str:
        return f"shard {self.index} of {self.count}"


@dataclass(slots=True)
class MergedShard:
    """A run of which a merged report is made: its ``index`` among the parts, from 1, its id and its verdict."""

    index: int
    run_id: str
    verdict: Verdict
    base_url: str
    started_at: str
    duration_s: float


@dataclass(slots=True)
class WaiverUse:
    """What became of a waiver: ``failures`` is how many failures of the run it covers, or would, had it not expired.

    ``expires`` is an ISO 8601 date, the last day on which it waives.
    """

    id: str
    state: WaiverState
    failures: int
    reason: str
    link: str
    owner: str
    expires: str


@dataclass(slots=True)
class CollectionResult:
    """One collection of the target before and after the run.

    ``before`` and ``after``: numbers of entries, None if unknown. ``left``: ids of what the run created and is still
    there, ``other_runs``: how many entries other runs of the suite created. ``appeared``, ``vanished`` and ``changed``
    count entries of nobody's run, ``odd`` those before the run whose ids are no texts. ``note``: what was not compared,
    and why.
    """

    name: str
    before: int | None
    after: int | None
    left: list[str] = field(default_factory=list)
    other_runs: int = 0
    appeared: int = 0
    vanished: int = 0
    changed: int = 0
    odd: int = 0
    note: str = ""

    def activity(self) -> str:
        """What happened to entries of nobody's run: ``3 appeared, 1 changed``; empty if nothing did."""
        counts = {"appeared": self.appeared, "vanished": self.vanished, "changed": self.changed}
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


@dataclass(slots=True)
class InventoryResult:
    """What the target held before and after the run; ``requests`` is what it cost to find out.

    ``late``: what the target still showed of the run after everything was deleted, and was deleted once more.
    ``partly``: whether it is that of some shards alone, because others have no report.
    """

    collections: list[CollectionResult] = field(default_factory=list)
    requests: int = 0
    late: list[str] = field(default_factory=list)
    partly: bool = False

    @property
    def left(self) -> list[str]:
        """Ids of what the run created and is still there."""
        return [identifier for collection in self.collections for identifier in collection.left]

    def sentences(self) -> Iterator[str]:
        """What the run left, and what happened beside it."""
        unknown = [collection.name for collection in self.collections if collection.after is None]
        if unknown:
            yield f"What is in {', '.join(unknown)} is not known."
        if self.left:
            yield f"{len(self.left)} of what the run created {'is' if len(self.left) == 1 else 'are'} still there."
        elif len(unknown) < len(self.collections):
            yield f"Nothing that {'these shards' if self.partly else 'the run'} created is left."
        if self.partly:
            yield "What the shards without a report left is not known."
        if self.late:
            yield f"{len(self.late)} of it showed up after everything was deleted: {', '.join(self.late[:3])}."
        activity = [f"{collection.name}: {text}" for collection in self.collections if (text := collection.activity())]
        if activity:
            yield f"Of what it did not create, {'; '.join(activity)}."
        for collection in self.collections:
            if collection.odd:
                yield (
                    f"{collection.name}: {collection.odd} that {'was' if collection.odd == 1 else 'were'} there before "
                    "cannot be deleted one by one, for an id that is no text; EMQX then refuses to filter the list."
                )
        others = sum(collection.other_runs for collection in self.collections)
        if others:
            yield (
                f"{others} {'entry' if others == 1 else 'entries'} of other runs: leftovers, unless those still go on, "
                f"which emqx-conformance sweep --prefix cft- deletes when they are 2 hours old (--older-than)."
            )


@dataclass(slots=True)
class RunResult:
    """Everything a report tells. Times: ``started_at`` RFC 3339 in UTC, ``duration_s`` seconds.

    ``deployment``: how the target is configured, a sentence for each fact. ``described_version``: the EMQX version
    whose contract was taken, ``selection``: None if nothing was deselected, ``warnings``: sentences on what does not
    touch the verdict. ``extensions``: each that adds requirements, with its distribution and version. ``embedded``:
    whether the target was the embedded deployment, which is gone. ``config_cleanup``: label -> number of configuration
    writes that belong to no item, of the preflight and of the clean-ups when workers end and when the run does.
    ``more_seeds``: those that generated data was drawn with besides ``seed``. ``troubles``: sentences on what spoiled
    the run as a whole. ``shard``: which part of a whole it was, None if it was none; ``shards``: the parts that it was
    merged from.
    """

    verdict: Verdict
    reasons: list[str]
    suite: str
    run_id: str
    contract_digest: str
    contract_variant: str
    base_url: str
    target_version: str | None
    seed: int
    profile: str
    started_at: str
    duration_s: float
    items: list[ItemResult]
    requirements: list[RequirementResult]
    operations: list[OperationResult]
    failures: list[Failure]
    described_version: str = ""
    deployment: list[str] = field(default_factory=list)
    mode: str = "sandboxed"
    selection: PartSelected | None = None
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    waivers: list[WaiverUse] = field(default_factory=list)
    inventory: InventoryResult | None = None
    extensions: list[str] = field(default_factory=list)
    embedded: bool = False
    values: list[ValuesResult] = field(default_factory=list)
    shard: Shard | None = None
    shards: list[MergedShard] = field(default_factory=list)
    config_cleanup: dict[str, int] = field(default_factory=dict)
    more_seeds: list[int] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def seeds(self) -> list[int]:
        """All of them, that of ``seed`` first."""
        return [self.seed, *self.more_seeds]

    @property
    def complete(self) -> bool:
        """Whether everything that the contract demands was decided: nothing left out, nothing that did not run."""
        subjects: tuple[ItemResult | RequirementResult | OperationResult, ...] = (
            *self.items, *self.requirements, *self.operations
        )  # fmt: skip
        return not any(subject.outcome in ("error", "not_run") for subject in subjects) and not any(
            entry.why != "not_demanded" for entry in self.left_out
        )

    @property
    def extent(self) -> str:
        """How much was looked at: ``18 of 222 requirements``."""
        return f"{_decided(self.requirements)} of {len(self.requirements)} requirements"

    @property
    def operations_extent(self) -> str:
        """How many operations were looked at: ``31 of 77 operations``."""
        return f"{_decided(self.operations)} of {len(self.operations)} operations"

    @property
    def values_extent(self) -> str:
        """How much of what the contract opens was sent and taken: ``5,900 of 6,000 value classes``."""
        open_to_runs = sum(entry.classes - len(entry.excused) for entry in self.values)
        return f"{sum(entry.reached for entry in self.values):,} of {open_to_runs:,} value classes"

    def totals(self) -> dict[str, int]:
        """Counts for the report: requests, and items by outcome (``not_run`` counts among the skipped)."""
        outcomes = [item.outcome for item in self.items]
        return {
            "requests": sum(item.requests for item in self.items),
            "passed": outcomes.count("passed"),
            "failed": outcomes.count("failed"),
            "waived": outcomes.count("waived"),
            "skipped": outcomes.count("skipped") + outcomes.count("not_run"),
            "errors": outcomes.count("error"),
        }


def _decided(subjects: Sequence[RequirementResult] | Sequence[OperationResult]) -> int:
    return sum(subject.outcome in ("passed", "failed", "waived") for subject in subjects)
