"""Texts in reports. Of a target: nothing in it may act, hide or mislead where it is shown."""

from __future__ import annotations

from collections.abc import Sequence

NO_REASON = "no reason was given"
NO_OPERATION = "no single operation"
IN_CONSEQUENCE = "in consequence"
WHAT_IS_LEFT = "What the run left"
"""Words that several reports use."""


def visible(text: str) -> str:
    """``text`` with every character that does not show as itself written as an escape such as ``\\x1b``.

    Kept are line breaks and tabs. Escaped are control characters, lone surrogates, and marks that reorder or hide
    text.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else character.encode("unicode_escape").decode()
        for character in text
    )


def duration(seconds: float) -> str:
    """``75.3`` -> ``1m15s``; below a minute with one decimal."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


def counted(number: int, noun: str) -> str:
    """``3 failures``, ``1 failure``."""
    return f"{number} {plural(number, noun)}"


def seeds_told(seeds: Sequence[int]) -> str:
    """``seed 7``, ``seeds 7,8``: as ``--seed`` takes them."""
    return f"{plural(len(seeds), 'seed')} {','.join(map(str, seeds))}"


def plural(number: int, noun: str) -> str:
    """``failures``, or ``failure`` where there is one."""
    return noun if number == 1 else f"{noun}s"


def words(name: str) -> str:
    """A name of the report as people read it: ``not_run`` -> ``not run``."""
    return name.replace("_", " ")
