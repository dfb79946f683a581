"""Whether what was seen equals what was recorded: same keys and types, same values but for volatile ones and prose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_SHOWN = 160


class Comparison:
    """Compares one recorded value with one seen value; `differences` holds one line per difference.

    ``volatile`` and ``unordered`` are JSON pointers into the recorded value.
    """

    def __init__(self, volatile: list[str], unordered: list[str]) -> None:
        self._volatile = frozenset(volatile)
        self._unordered = frozenset(unordered)

    def differences(self, recorded: Any, seen: Any) -> list[str]:
        return list(self._walk(recorded, seen, ""))

    def _walk(self, recorded: Any, seen: Any, pointer: str) -> Iterator[str]:
        place = pointer or "/"
        if _kind(recorded) != _kind(seen):
            yield f"{place}: {_shown(recorded)} became {_shown(seen)}"
        elif pointer in self._volatile:
            return
        elif isinstance(recorded, dict):
            yield from self._objects(recorded, seen, pointer)
        elif isinstance(recorded, list):
            yield from self._arrays(recorded, seen, pointer)
        elif recorded != seen:
            yield f"{place}: {_shown(recorded)} became {_shown(seen)}"

    def _objects(self, recorded: dict[str, Any], seen: dict[str, Any], pointer: str) -> Iterator[str]:
        for name in sorted(recorded.keys() | seen.keys()):
            inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name not in seen:
                yield f"{inner}: {_shown(recorded[name])} is missing"
            elif name not in recorded:
                yield f"{inner}: {_shown(seen[name])} is new"
            elif name == "message" and "code" in recorded:
                # Prose: only its type is compared.
                if _kind(recorded[name]) != _kind(seen[name]):
                    yield f"{inner}: {_shown(recorded[name])} became {_shown(seen[name])}"
            else:
                yield from self._walk(recorded[name], seen[name], inner)

    def _arrays(self, recorded: list[Any], seen: list[Any], pointer: str) -> Iterator[str]:
        if len(recorded) != len(seen):
            yield f"{pointer or '/'}: {len(recorded)} items became {len(seen)}: {_shown(recorded)} / {_shown(seen)}"
        elif pointer in self._unordered:
            yield from self._as_sets(recorded, seen, pointer)
        else:
            for index, (one, other) in enumerate(zip(recorded, seen, strict=True)):
                yield from self._walk(one, other, f"{pointer}/{index}")

    def _as_sets(self, recorded: list[Any], seen: list[Any], pointer: str) -> Iterator[str]:
        """Pair every recorded item with a seen one that equals it (a bipartite matching)."""
        fits = [
            [other for other, item in enumerate(seen) if not any(self._walk(one, item, f"{pointer}/{index}"))]
            for index, one in enumerate(recorded)
        ]
        partner: dict[int, int] = {}

        def place(index: int, tried: set[int]) -> bool:
            for other in fits[index]:
                if other not in tried:
                    tried.add(other)
                    if other not in partner or place(partner[other], tried):
                        partner[other] = index
                        return True
            return False

        for index, one in enumerate(recorded):
            if not place(index, set()):
                rest = [item for other, item in enumerate(seen) if other not in partner]
                yield f"{pointer}/{index}: {_shown(one)} has no equal among {_shown(rest)}"


def pointed(value: Any, pointer: str) -> Any:
    """What a JSON pointer points to; raises LookupError."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
