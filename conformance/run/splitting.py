"""Splits items that share what they make into parts that share most of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from conformance.run.node_ids import function_of, kind_of_item, operation_of


def in_parts(
    items: Sequence[int], ids: Sequence[str], seconds_of: Callable[[Iterable[int]], float], most_s: float
) -> list[list[int]]:
    """``items``, places in ``ids``, in parts that take no longer than ``most_s``, as far as an item does not by itself.

    Items about one kind of resource stay together, those of one operation if that is not possible. Each part keeps the
    order of the items.
    """
    pieces = _pieces(items, ids, seconds_of, most_s, (_kind, _operation))
    parts: list[tuple[float, list[int]]] = []
    for piece in sorted(pieces, key=seconds_of, reverse=True):  # first-fit decreasing
        piece_s = seconds_of(piece)
        place = next((place for place, (part_s, _) in enumerate(parts) if part_s + piece_s <= most_s), None)
        if place is None:
            parts.append((piece_s, piece))
        else:
            parts[place] = (parts[place][0] + piece_s, parts[place][1] + piece)
    return [sorted(part) for _, part in parts]


def _pieces(
    items: Sequence[int],
    ids: Sequence[str],
    seconds_of: Callable[[Iterable[int]], float],
    most_s: float,
    names: Sequence[Callable[[str], str]],
) -> list[list[int]]:
    """Items grouped by the first of ``names``, each group that takes longer than ``most_s`` by the others."""
    if not names:
        return [[item] for item in items]
    groups: dict[str, list[int]] = {}
    for item in items:
        groups.setdefault(names[0](ids[item]), []).append(item)
    pieces = []
    for group in groups.values():
        pieces += [group] if seconds_of(group) <= most_s else _pieces(group, ids, seconds_of, most_s, names[1:])
    return pieces


def _kind(node_id: str) -> str:
    """The kind of resource that an item is about, else its test."""
    kind = kind_of_item(node_id)
    return kind.name if kind is not None else _operation(node_id)


def _operation(node_id: str) -> str:
    return operation_of(node_id) or function_of(node_id)
