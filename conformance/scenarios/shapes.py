"""Shapes of topics and of filters: how deep, with empty levels, with ``$``, with wildcards where (VAR)."""

from __future__ import annotations

from dataclasses import dataclass

Levels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Levels of a topic or filter below a topic of the sandbox."""

    name: str
    levels: Levels

    def below(self, root: str) -> str:
        """The topic or filter with these levels below ``root``."""
        return "/".join((root, *self.levels))


TOPICS = (
    Shape("one-level", ("a",)),
    Shape("two-levels", ("a", "b")),
    Shape("four-levels", ("a", "b", "c", "d")),
    Shape("empty-level", ("a", "", "b")),
    Shape("ends-empty", ("a", "")),
    Shape("dollar", ("$a", "b")),
)

FILTERS = (
    Shape("+", ("+",)),
    Shape("+.+", ("+", "+")),
    Shape("+.b", ("+", "b")),
    Shape("a.+", ("a", "+")),
    Shape("a.+.b", ("a", "+", "b")),
    Shape("a.+.+", ("a", "+", "+")),
    Shape("+.+.c", ("+", "+", "c")),
    Shape("a.+.c.+", ("a", "+", "c", "+")),
    Shape("+.+.+.+", ("+", "+", "+", "+")),
    Shape("#", ("#",)),
    Shape("a.#", ("a", "#")),
    Shape("+.b.#", ("+", "b", "#")),
    Shape("a.b.c.d", ("a", "b", "c", "d")),
)

FEW_FILTERS = tuple(each for each in FILTERS if each.name in ("+", "a.+", "a.+.b", "a.#", "+.b.#", "#", "a.b.c.d"))
"""Those of each kind, where trying a filter takes long."""

# Every depth, with and without what wildcards must not skip.
ZOO: tuple[Levels, ...] = (
    (), ("a",), ("b",), ("",), ("a", "b"), ("b", "b"), ("a", ""), ("", "b"), ("$a", "b"), ("a", "b", "c"),
    ("a", "", "b"), ("a", "x", "b"), ("a", "x", "b", "c"), ("b", "b", "c"), ("a", "b", "c", "d"), ("a", "x", "c", "d"),
    ("a", "b", "c", "d", "e"),
)  # fmt: skip
"""Levels of topics that the filters tell apart."""


def zoo(root: str) -> list[str]:
    """Topics of all kinds below ``root``, itself included."""
    return ["/".join((root, *levels)) for levels in ZOO]


def few(root: str) -> list[str]:
    """Topics of every depth below ``root``, where trying a topic takes long."""
    return ["/".join((root, *levels)) for levels in ZOO if levels in _FEW]


_FEW = ((), ("a",), ("a", "b"), ("a", ""), ("$a", "b"), ("a", "", "b"), ("b", "b", "c"), ("a", "b", "c", "d"))
