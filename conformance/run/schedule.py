"""In what order items are done, and which of them one worker does in a row.

What a worker creates of a connector or action type serves all items about that type, so that one worker does them, in
the order in which they were collected; so it does those that write, and share what they write about. Apart from that
the longest come first, for workers to end together; what takes longer than the share of one worker is split by what it
shares. Under a time budget what is cheap comes first, after a floor: every operation, type and requirement once, by its
cheapest item.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from conformance.run.costs import TYPICAL_AWAY_S, Cost, Costs
from conformance.run.node_ids import function_of, kind_of_item, module_of, operation_of, requirements_of
from conformance.run.splitting import in_parts

_WRITES_MATTER_S = 0.02
"""A cheaper configuration write is worth no turn of its own."""

_WRITERS = 2
"""Workers that write at once: while one of them looks at what it wrote, the other keeps the target busy."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Items that one worker does in a row, by their index; ``seconds`` besides configuration writes, ``writes_s`` of
    those, which a target carries out one after the other, whoever sends them."""

    items: tuple[int, ...]
    seconds: float
    writes_s: float

    @property
    def total_s(self) -> float:
        return self.seconds + self.writes_s

    @property
    def waits_for_writes(self) -> bool:
        """Whether most of its time goes by in writes."""
        return self.writes_s > max(self.seconds, _WRITES_MATTER_S)


class Types:
    """Tells from the id of an item which connector or action type it is about."""

    def __init__(self, types: Collection[str]) -> None:
        names = "|".join(re.escape(name) for name in sorted(types, key=len, reverse=True))
        self._pattern = re.compile(rf"[\[-]({names})(?=-|\]$)") if names else None

    def of(self, node_id: str) -> str | None:
        """The type in ``...[POST /connectors-http]``, None for an item about none."""
        found = self._pattern.findall(node_id.partition("[")[1] + node_id.partition("[")[2]) if self._pattern else []
        return found[-1] if found else None


def in_chunks(
    ids: Sequence[str],
    costs: Costs,
    types: Types,
    price_s: float,
    *,
    first: Collection[str] = (),
    hurried: bool = False,
    away_s: float = 0.0,
    counted: bool = False,
    workers: int = 1,
) -> list[Chunk]:
    """All items in chunks, in the order in which they begin.

    ``price_s``: what a configuration write takes; ``first``: ids that come before all others; ``hurried``: whether time
    may not suffice for all; ``away_s``: how much longer than the costs say the way to the target and back takes;
    ``counted``: whether each write counts, of which every one of the ``workers`` that makes what it shares sends more.
    Then what shares, and else what shares and is about no type, stands in as few chunks as end in time.
    """
    known = [costs.of(node_id) for node_id in ids]
    writing = costs.writing()
    modules = {module_of(function) for function in writing if not _is_generated(module_of(function))}

    def makes(group: Iterable[int]) -> bool:
        return any(function_of(ids[item]) in writing or module_of(ids[item]) in modules for item in group)

    def shares(group: Iterable[int]) -> bool:
        return makes(group) or any(_is_about_configured(ids[item]) for item in group)

    def chunk(items: Iterable[int]) -> Chunk:
        chosen = tuple(items)
        seconds = sum(known[item].at(price_s=0.0, away_s=away_s) for item in chosen)
        return Chunk(chosen, seconds, price_s * sum(known[item].writes for item in chosen))

    ahead = [item for item, node_id in enumerate(ids) if node_id in first]
    floor = list(_floor(ids, known, types, price_s, without=ahead)) if hurried else []
    singly = {*ahead, *floor}
    groups: dict[str, list[int]] = {}
    for item, node_id in enumerate(ids):
        if item not in singly:
            groups.setdefault(types.of(node_id) or _sharing(node_id, known[item]), []).append(item)
    whole = chunk(range(len(ids)))
    together: Iterable[list[int]] = groups.values()
    if counted:
        shared = chunk(item for group in groups.values() if makes(group) for item in group)
        in_time = int(workers * shared.total_s / whole.total_s) if whole.total_s else 1
        together = _joined(groups.values(), makes, known, max(1, in_time))
    elif workers > 1:
        of_types: list[list[int]] = []
        others: list[list[int]] = []
        for group in groups.values():
            (others if types.of(ids[group[0]]) is None else of_types).append(group)
        shared = chunk(item for group in others if shares(group) for item in group)
        share_s = whole.total_s / workers
        if whole.writes_s > whole.seconds / workers:  # the target decides how long it takes
            in_time = round(_WRITERS * shared.total_s / whole.writes_s)  # each waits for the writes of the other
            together = [*of_types, *_joined(others, shares, known, max(1, min(in_time, workers // 2)))]
        elif shared.total_s <= share_s:
            together = [*of_types, *_joined(others, shares, known, 1)]
        else:
            together = [*of_types, *(part for group in others for part in _split(group, ids, chunk, share_s))]
    rest = [chunk(group) for group in together]
    key: Callable[[Chunk], float] = (
        (lambda one: one.total_s / len(one.items)) if hurried else (lambda one: -one.total_s)
    )
    return [*(chunk([item]) for item in (*ahead, *floor)), *sorted(rest, key=key)]


def _sharing(node_id: str, cost: Cost) -> str:
    """What an item about no type has in common with others that share with it what they write, in one worker.

    Scenarios do with those of their module, generated items with all others; who writes nothing shares nothing.
    """
    if not cost.alone.writes:
        return node_id
    module = module_of(node_id)
    return module.rpartition("/")[0] if _is_generated(module) else module


def _is_about_configured(node_id: str) -> bool:
    """Whether a generated item is about a kind of resource that is configured, one of which it may use."""
    kind = kind_of_item(node_id) if _is_generated(module_of(node_id)) else None
    return kind is not None and kind.configured


def _is_generated(module: str) -> bool:
    return module.rpartition("/")[0].endswith("/fuzz")


def _split(
    group: list[int], ids: Sequence[str], chunk: Callable[[Iterable[int]], Chunk], share_s: float
) -> list[list[int]]:
    """A group that one worker does while others have nothing to do, in parts, unless it waits for writes: these come
    one after the other, whoever sends them, and parts make things anew."""
    whole = chunk(group)
    if whole.total_s <= share_s or whole.waits_for_writes:
        return [group]
    return in_parts(group, ids, lambda items: chunk(items).total_s, share_s)


def _joined(
    groups: Iterable[list[int]], writes: Callable[[list[int]], bool], known: Sequence[Cost], most: int
) -> Iterator[list[int]]:
    """The groups, those that write joined to no more than ``most`` of about the same cost: every worker that begins one
    makes what it shares anew."""
    writing = []
    for group in groups:
        if writes(group):
            writing.append(group)
        else:
            yield group
    total = sum(known[item].at(away_s=TYPICAL_AWAY_S) for group in writing for item in group)
    joined: list[list[int]] = [[] for _ in range(most)]
    before = 0.0
    for group in writing:
        own = sum(known[item].at(away_s=TYPICAL_AWAY_S) for item in group)
        joined[min(int((before + own / 2) / total * most), most - 1) if total else 0] += group
        before += own
    yield from (sorted(group) for group in joined if group)


def _floor(
    ids: Sequence[str], costs: Sequence[Cost], types: Types, price_s: float, *, without: Collection[int]
) -> Iterator[int]:
    """The items, cheapest first, each of which shows an operation, a type or a requirement that none before it does."""
    shown = {feature for item in without for feature in features_of(ids[item], types)}
    for item in sorted(range(len(ids)), key=lambda index: costs[index].at(price_s)):
        if item not in without and not (features := features_of(ids[item], types)) <= shown:
            shown |= features
            yield item


def features_of(node_id: str, types: Types) -> set[tuple[str, str]]:
    """What an item shows: each a kind (requirement, operation or type) and the name of one."""
    features = {("requirement", identifier) for identifier in requirements_of(node_id)}
    for kind, name in (("operation", operation_of(node_id)), ("type", types.of(node_id))):
        if name is not None:
            features.add((kind, name))
    return features


class Queue:
    """What is still to be given to workers.

    A target carries out its configuration writes one after the other, so that workers who write wait for each other: no
    more of them write than keep it busy.
    """

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._waiting = list(chunks)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self, writing: int) -> Chunk | None:
        """The next chunk for a worker, while ``writing`` others write; None if there is none.

        Where nothing but writes is left, one worker more would only let those wait longer who come last anyway.
        """
        enough = writing >= _WRITERS
        for place, chunk in enumerate(self._waiting):
            if not (enough and chunk.waits_for_writes):
                return self._waiting.pop(place)
        return None

    def put_back(self, chunk: Chunk) -> None:
        """Do this next."""
        self._waiting.insert(0, chunk)
