"""What inventories tell that lasts: their digests, and whether the target held the same before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.report.evidence import digest_of
from conformance.report.files import read_json
from conformance.target.leftovers.inventory import AFTER, BEFORE


def inventory_evidence(directory: Path) -> dict[str, Any]:
    """Of the inventories in a report directory: ``before`` and ``after``, digests over what lasts, null where there is
    none; ``equal``, null where that is not known; the collections that are ``differing`` or ``unknown``.

    What comes and goes by itself (clients, subscriptions, retained messages, bans with an end) and the times are left
    out. Raises `ReportError` for a damaged file.
    """
    before, after = (_lasting(directory / name) for name in (BEFORE, AFTER))
    names = dict.fromkeys((*(before or ()), *(after or ())))
    pairs = {name: ((before or {}).get(name), (after or {}).get(name)) for name in names}
    unknown = [name for name, pair in pairs.items() if None in pair]
    differing = [name for name, (old, new) in pairs.items() if None not in (old, new) and old != new]
    undecided = not pairs or bool(unknown)
    return {
        "before": _digest(before),
        "after": _digest(after),
        "equal": False if differing else None if undecided else True,
        "differing": differing,
        "unknown": unknown,
    }


def _lasting(file: Path) -> dict[str, Any] | None:
    """Collection -> entries that stay as they are, and what runs of the suite left; None if not all are known."""
    if not file.exists():
        return None
    collections = read_json(file).get("collections")
    return {str(name): _entries(held) for name, held in collections.items()} if isinstance(collections, dict) else {}


def _entries(held: Any) -> dict[str, Any] | None:
    if not isinstance(held, Mapping) or held.get("problem") is not None or not held.get("complete"):
        return None
    entries = held.get("entries", {})
    lasting = {name: digest for name, digest in entries.items() if digest} if isinstance(entries, dict) else entries
    return {"entries": lasting, "own": held.get("own")}


def _digest(lasting: dict[str, Any] | None) -> dict[str, str] | None:
    if lasting is None:
        return None
    return digest_of(json.dumps(lasting, sort_keys=True, separators=(",", ":")).encode())
