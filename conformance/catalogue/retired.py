"""Requirements that are checked no more: their ids are never given again, so that old reports keep their meaning."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FILE_NAME = "retired.toml"

_ID = re.compile(r"[A-Z]{3,4}-\d\d")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Retired:
    """``reason``: a sentence that says why, and what took its place. ``since``: the version of the suite without it."""

    id: str
    reason: str
    since: str


@cache
def retired_requirements() -> tuple[Retired, ...]:
    """The entries of ``retired.toml``; raises ValueError as `parse_retired`."""
    return parse_retired(files("conformance.catalogue").joinpath(FILE_NAME).read_text(encoding="utf-8"))


def parse_retired(text: str) -> tuple[Retired, ...]:
    """The entries of a file like ``retired.toml``; raises ValueError for one that says too little, or an id twice."""
    entries: dict[str, Retired] = {}
    for table in tomllib.loads(text).get("retired", []):
        if set(table) != {"id", "reason", "since"} or not all(isinstance(value, str) for value in table.values()):
            raise ValueError(f"a retired requirement has the texts id, reason and since, not {table}")
        entry = Retired(**table)
        if not _ID.fullmatch(entry.id) or entry.id in entries:
            raise ValueError(f"{entry.id!r} is no id of a requirement, or is retired twice")
        if not entry.reason.endswith(".") or not _VERSION.fullmatch(entry.since):
            raise ValueError(f"{entry.id}: the reason is a sentence, since a version of the suite like 0.2.0")
        entries[entry.id] = entry
    return tuple(entries.values())
