"""A cause in one line of a terminal, in which its operation and what came can still be told."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from conformance.report.causes import Cause
from conformance.report.text import visible

_LEAST = 24
_OPERATIONS = re.compile(r"(\w+) (/\S*)(?: and (\d+) more)?")
_SHARES = (0.4, 0.3)
"""How much of a line that is too narrow for a cause its sentence and its operation may take; what came has the rest."""


def print_cause(console: Console, cause: Cause, mark: str) -> None:
    """Print a cause behind a ``mark``: each part of it in full where there is room, all of them shortened where not.

    What is no terminal has room for everything.
    """
    parts = [plain(cause.sentence), plain(cause.where), plain(cause.came)]
    if console.is_terminal:
        parts = _fitted(parts, max(console.width - len(mark) - len(" : "), _LEAST))
    text = Text.assemble((mark, "red"), f"{parts[0]} ", (parts[1], "bold"), f": {parts[2]}")
    console.print(text, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True, highlight=False)


def _fitted(parts: Sequence[str], room: int) -> list[str]:
    """The parts of a cause in no more than ``room`` characters."""
    sentence, where, came = parts
    if len(sentence) + len(where) + len(came) <= room:
        return [*parts]
    operation = cut_path(where, int(room * _SHARES[1]))
    told = cut(sentence, max(int(room * _SHARES[0]), room - len(operation) - len(came)))
    return [told, operation, cut(came, room - len(operation) - len(told))]


def plain(text: str) -> str:
    """In one line, with nothing that acts."""
    return visible(" ".join(text.split()))


def cut(text: str, width: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= width else f"{text[: max(width - 1, 1)].rstrip()}…"


def cut_path(where: str, width: int) -> str:
    """Operations (``POST /rules and 2 more``) without the beginning of the path: its end tells it from others."""
    if len(where) <= width:
        return where
    found = _OPERATIONS.fullmatch(where)
    more = f" +{found[3]}" if found is not None and found[3] else ""
    room = width - len(more)
    if found is None or room <= len(found[1]) + 2:
        return cut(where, width)
    operation = f"{found[1]} {found[2]}"
    return (operation if len(operation) <= room else f"{found[1]} …{found[2][len(found[1]) + 2 - room :]}") + more
