"""How two targets answered the same requests: where status, code or shape of their answers differ."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from conformance.report.errors import ReportError
from conformance.report.files import read_text
from conformance.report.shapes import Shape, unlike
from conformance.report.text import NO_OPERATION

_COUNT = re.compile(r" (?:once|\d+ times)(?=,|$)")

FILES = "behaviour-*.jsonl"
"""Where the workers of a run keep what `Observed` says."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A request of an item and its answer. ``key`` is the same for the same request in another run; ``request``: it in
    a few words; ``media_type``: of the answer, "" if it has no body.
    """

    item: str
    operation: str
    key: str
    request: str
    status: int
    code: str
    media_type: str
    shape: Shape

    @property
    def is_read(self) -> bool:
        return self.request.startswith("GET ")

    @property
    def outcome(self) -> str:
        """``201``, ``400 BAD_REQUEST``."""
        return f"{self.status} {self.code}".strip()


@dataclass(frozen=True, slots=True)
class Answers:
    """What one request was answered, or several equal ones in a row: writes each count, of reads the last one."""

    last: Observed
    outcomes: tuple[str, ...]


@dataclass(slots=True)
class Difference:
    """Something that the targets answer differently: ``operation``, ``what`` differs (``status``, ``media type`` or the
    pointer of a field), what it is at each, how often, the ids of the items that saw it, and one of the requests.
    """

    operation: str
    what: str
    before: str
    after: str
    requests: int = 0
    items: list[str] = field(default_factory=list)
    example: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.operation, self.what, self.before, self.after


@dataclass(slots=True)
class BehaviourComparison:
    """``compared``: requests by operation. ``unmatched``: requests that only the first, or only the second target got,
    in items that both ran. ``one_sided``: ids of items that only one of them answered requests of.
    """

    differences: list[Difference] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)
    items: int = 0
    unmatched: tuple[int, int] = (0, 0)
    one_sided: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    operations: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))

    @property
    def concerned(self) -> list[str]:
        """Ids of the items that saw a difference."""
        return sorted({item for difference in self.differences for item in difference.items})

    @property
    def half_asked(self) -> list[str]:
        """Operations that only one target answered, so that nothing is known of how they compare."""
        return sorted(self.operations[0] ^ self.operations[1])


def compare_behaviour(one: Iterable[Observed], other: Iterable[Observed]) -> BehaviourComparison:
    """Compare what two targets answered, item by item."""
    first, second = _by_item(one), _by_item(other)
    found: dict[tuple[str, str, str, str], Difference] = {}
    result = BehaviourComparison()
    alone = [0, 0]
    for item, requests in first.items():
        if item not in second:
            continue
        result.items += 1
        pairs, here, there = _pairs(_answers(requests), _answers(second[item]))
        alone[0] += here
        alone[1] += there
        for left, right in pairs:
            result.compared[left.last.operation] += len(left.outcomes)
            for what, before, after in _unlike(left, right):
                entry = Difference(left.last.operation, what, before, after, example=left.last.request)
                entry = found.setdefault(entry.key, entry)
                entry.requests += 1
                if item not in entry.items:
                    entry.items.append(item)
    result.differences = sorted(found.values(), key=lambda entry: (entry.what != "status", -entry.requests, entry.key))
    result.unmatched = alone[0], alone[1]
    result.one_sided = sorted(first.keys() - second.keys()), sorted(second.keys() - first.keys())
    result.operations = _asked(first), _asked(second)
    return result


def steady(first: BehaviourComparison, again: BehaviourComparison) -> tuple[list[Difference], list[Difference]]:
    """The differences that showed again when the items that saw them ran once more, and those that did not."""
    seen = {_whatever_the_counts(entry) for entry in again.differences}
    kept = [entry for entry in first.differences if _whatever_the_counts(entry) in seen]
    return kept, [entry for entry in first.differences if entry not in kept]


def _whatever_the_counts(entry: Difference) -> tuple[str, ...]:
    """A difference without how often equal requests at once were answered one way or the other."""
    return tuple(_COUNT.sub("", part) for part in entry.key)


def read_behaviour(directory: Path) -> list[Observed]:
    """What the workers of the run in ``directory`` kept; raises `ReportError`."""
    found: list[Observed] = []
    for path in sorted(directory.glob(FILES)):
        shapes: dict[int, Shape] = {}
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            try:
                record = json.loads(line)
                if "pointers" in record:
                    shapes[record["shape"]] = {key: frozenset(kinds) for key, kinds in record["pointers"].items()}
                else:
                    found.append(Observed(**{**record, "shape": shapes[record["shape"]]}))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ReportError(f"{path}: line {number} is no observation: {error!r}") from error
    return found


def _by_item(observed: Iterable[Observed]) -> dict[str, list[Observed]]:
    found: dict[str, list[Observed]] = {}
    for entry in observed:
        found.setdefault(entry.item, []).append(entry)
    return found


def _asked(by_item: Mapping[str, Sequence[Observed]]) -> set[str]:
    return {entry.operation for requests in by_item.values() for entry in requests} - {NO_OPERATION}


def _answers(requests: Sequence[Observed]) -> list[Answers]:
    """The requests of an item in their order; of equal reads between two writes only the last one, since an item that
    waits for something reads until it is there; equal writes in a row as one.
    """
    groups: list[list[Observed]] = []
    reads: dict[str, int] = {}
    for entry in requests:
        if not entry.is_read:
            reads = {}
            if groups and groups[-1][0].key == entry.key:
                groups[-1].append(entry)
            else:
                groups.append([entry])
        elif entry.key in reads:
            groups[reads[entry.key]] = [entry]
        else:
            reads[entry.key] = len(groups)
            groups.append([entry])
    return [Answers(group[-1], tuple(sorted(entry.outcome for entry in group))) for group in groups]


def _pairs(one: Sequence[Answers], other: Sequence[Answers]) -> tuple[list[tuple[Answers, Answers]], int, int]:
    """Answers to the same requests in the same order, and how many requests of each have no counterpart."""
    matcher = SequenceMatcher(None, [a.last.key for a in one], [b.last.key for b in other], autojunk=False)
    pairs = [
        (one[block.a + offset], other[block.b + offset])
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    ]
    return pairs, len(one) - len(pairs), len(other) - len(pairs)


def _unlike(one: Answers, other: Answers) -> Iterator[tuple[str, str, str]]:
    """What differs: ``status``, ``media type`` or a pointer into the body, and what it is at each."""
    if set(one.outcomes) != set(other.outcomes):  # how often equal requests at once lost is chance
        yield "status", _told(one.outcomes), _told(other.outcomes)
        return
    if one.last.outcome != other.last.outcome:
        return  # equal requests at once, of which another one came last
    if one.last.media_type != other.last.media_type:
        yield "media type", one.last.media_type or "no body", other.last.media_type or "no body"
        return
    for pointer, before, after in unlike(one.last.shape, other.last.shape):
        yield pointer or "(whole body)", f"{one.last.outcome}: {before}", f"{other.last.outcome}: {after}"


def _told(outcomes: Sequence[str]) -> str:
    counts = Counter(outcomes)
    if len(outcomes) == 1:
        return outcomes[0]
    return ", ".join(f"{outcome} {'once' if count == 1 else f'{count} times'}" for outcome, count in counts.items())


def as_line(observed: Observed, shape: int) -> dict[str, Any]:
    """An observation as it is kept: its shape by a number, which a line with ``pointers`` explains before."""
    return {
        "item": observed.item,
        "operation": observed.operation,
        "key": observed.key,
        "request": observed.request,
        "status": observed.status,
        "code": observed.code,
        "media_type": observed.media_type,
        "shape": shape,
    }
