"""What two documents say differently, by operation: thousands of differences as a line for each operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from conformance.contract.diff import Difference

WHOLE = "the operation"
"""Where a difference is that concerns an operation as a whole."""

_MOST_NAMES = 3


def by_operation(differences: Iterable[Difference]) -> Iterator[str]:
    """A line for each operation that differs: how much, in which parts of it, and which members most of it is about."""
    grouped: dict[str, list[Difference]] = {}
    for difference in differences:
        grouped.setdefault(difference.label, []).append(difference)
    for label, found in grouped.items():
        whole = [difference for difference in found if difference.where == WHOLE]
        yield f"{label}: {f'the operation was {whole[0].change}' if whole else _told(found)}"


def _told(found: list[Difference]) -> str:
    parts = Counter(_part(difference) for difference in found)
    names = Counter(name for difference in found if (name := _name(difference)))
    where = ", ".join(
        f"{part} {count}" for part, count in sorted(parts.items(), key=lambda entry: (-entry[1], entry[0]))
    )
    told = f"{counts(found)} (in {where})"
    if not names:
        return told
    shown = [name for name, _ in sorted(names.items(), key=lambda entry: (-entry[1], entry[0]))[:_MOST_NAMES]]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{told}: {', '.join(shown)}{more}"


def counts(found: Iterable[Difference]) -> str:
    """``22 added, 552 removed``; kinds of change that do not occur are left out."""
    changes = Counter(difference.change for difference in found)
    return ", ".join(f"{changes[change]} {change}" for change in ("added", "removed", "changed") if changes[change])


def _part(difference: Difference) -> str:
    """The part of the operation: ``status 200``, ``body``, ``parameters``."""
    first = difference.where.partition("/")[0]
    if first.startswith("status "):
        return first
    return "body" if first.startswith("body ") else "parameters"


def _name(difference: Difference) -> str:
    """The member that differs: the last step that is neither an index nor a member of a union; empty for the root."""
    where = difference.where
    if where.startswith("body "):
        where = where.partition("/")[2]  # the media type has a slash, too
    steps = [step for step in where.split("/")[1:] if step != "[]" and not step.startswith("<")]
    return steps[-1] if steps else ""
