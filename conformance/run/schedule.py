"""In what order items are done, and which of them one worker does in a row.

What a worker creates of a connector or action type serves all items about that type, so that one worker does them, in
the order in which they were collected; so it does those that write, and share what they write about. Apart from that
the longest come first, for workers to end together; what takes longer than the share of one worker is split by what it
shares. Under a time budget what is cheap comes first, after a floor: every operation, type and requirement once, by its
cheapest item.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from conformance.run.costs import Costs
from conformance.run.grouping import Chunk, Group, Items
from conformance.run.node_ids import operation_of, requirements_of
from conformance.run.types_of_items import Types

_WRITERS = 2
"""Workers that write at once: while one of them looks at what it wrote, the other keeps the target busy."""


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
    items = Items(ids, costs, types, price_s, away_s)
    ahead = [item for item, node_id in enumerate(ids) if node_id in first]
    floor = list(_floor(items, without=ahead)) if hurried else []
    groups = items.groups(without={*ahead, *floor})
    if counted:
        groups = _with_few_writes(items, groups, workers)
    elif workers > 1:
        groups = _side_by_side(items, groups, workers)
    key: Callable[[Chunk], float] = (
        (lambda one: one.total_s / len(one.items)) if hurried else (lambda one: -one.total_s)
    )
    singly = [items.chunk([item]) for item in (*ahead, *floor)]
    return [*singly, *sorted(map(items.chunk, groups), key=key)]


def _with_few_writes(items: Items, groups: Sequence[Group], workers: int) -> list[Group]:
    """Groups that make what they share, in as few as the share of one worker each has room for."""
    whole = items.chunk(range(len(items.ids)))
    shared = items.chunk(item for group in groups if items.makes(group) for item in group)
    in_time = int(workers * shared.total_s / whole.total_s) if whole.total_s else 1
    return items.joined(groups, items.makes, max(1, in_time))


def _side_by_side(items: Items, groups: Sequence[Group], workers: int) -> list[Group]:
    """Groups for several workers: those of types, and others in as few as end in time, whatever decides how long it
    takes, the writes of the target or the workers themselves."""
    of_types = [group for group in groups if items.is_of_type(group)]
    others = [group for group in groups if not items.is_of_type(group)]
    whole = items.chunk(range(len(items.ids)))
    shared = items.chunk(item for group in others if items.shares(group) for item in group)
    share_s = whole.total_s / workers
    if whole.writes_s > whole.seconds / workers:
        in_time = round(_WRITERS * shared.total_s / whole.writes_s)  # each waits for the writes of the other
        return [*of_types, *items.joined(others, items.shares, max(1, min(in_time, workers // 2)))]
    if shared.total_s <= share_s:
        return [*of_types, *items.joined(others, items.shares, 1)]
    return [*of_types, *(part for group in others for part in items.split(group, share_s))]


def _floor(items: Items, *, without: Collection[int]) -> Iterator[int]:
    """The items, cheapest first, each of which shows an operation, a type or a requirement that none before it does."""
    ids, types = items.ids, items.types
    shown = {feature for item in without for feature in features_of(ids[item], types)}
    for item in sorted(range(len(ids)), key=lambda index: items.costs[index].at(items.price_s)):
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
