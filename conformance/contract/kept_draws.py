"""Draws that are kept from run to run: with the same contract, seed and suite they would be the same again.

To draw costs tenths of a second for each item, most of it in building strategies. What is drawn holds no ids yet (items
put theirs in), so that it serves every run. What a key says is all that draws depend on: the narrowed document, what is
asked for, and the versions of whatever has a part in drawing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import sys
import unicodedata
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.contract import cache
from conformance.contract.contract import Contract
from conformance.contract.generation import MISSING, Generated, Mode, Part, draw, narrowed

_MOST_SEEDS = 8
"""Of how many seeds, contracts and versions draws are kept: some 700 small files each."""

_CODE = ("drawing.py", "generation.py", "kept_draws.py")
_LIBRARIES = ("hypothesis", "schemathesis", "jsonschema-rs")


class KeptDraws:
    """The draws of runs with one seed. ``keeps``: False where nobody will ask for them again."""

    def __init__(self, contract: Contract, run_seed: int, *, keeps: bool) -> None:
        self._contract = contract
        self._keeps = keeps
        self._folder = "draws/" + _digest(_tools(), contract.digest, run_seed)[:16]
        if keeps:
            cache.use_folder(self._folder, _MOST_SEEDS)

    def draw(
        self, label: str, *, mode: Mode, part: Part, count: int, seed_value: int, resource_type: str | None = None
    ) -> list[Generated]:
        """As `conformance.contract.generation.draw`."""

        def drawn() -> list[Generated]:
            return draw(
                self._contract,
                label,
                mode=mode,
                part=part,
                count=count,
                seed_value=seed_value,
                resource_type=resource_type,
            )

        if not self._keeps:
            return drawn()
        unprintable = self._contract.unprintable
        key = _digest(
            _tools(),
            narrowed(self._contract, label, part, resource_type),
            [label, mode, part, count, seed_value],
            unprintable.pattern if unprintable is not None else None,
        )
        known = _decoded(cache.read(key, self._folder))
        if known is not None:
            return known
        draws = drawn()
        encoded = _encoded(draws)
        if encoded is not None:
            cache.keep(key, encoded, self._folder)
        return draws


def _encoded(draws: list[Generated]) -> list[dict[str, Any]] | None:
    """Draws as JSON; None if that would not give exactly the same draws again."""
    entries = [_entry(generated) for generated in draws]
    try:
        again = _decoded(json.loads(json.dumps(entries, allow_nan=False)))
    except (ValueError, TypeError):
        return None
    # repr tells 1 from 1.0 and True, and knows the order of fields.
    return entries if repr(again) == repr(draws) else None


def _entry(generated: Generated) -> dict[str, Any]:
    entry: dict[str, Any] = {"query": dict(generated.query), "description": generated.description}
    if isinstance(generated.body, bytes):
        entry["bytes"] = base64.b64encode(generated.body).decode()
    elif generated.body is not MISSING:
        entry["json"] = generated.body
    return entry


def _decoded(entries: Any) -> list[Generated] | None:
    if not isinstance(entries, list):
        return None
    try:
        return [Generated(entry["query"], _body(entry), entry["description"]) for entry in entries]
    except (KeyError, TypeError, binascii.Error):
        return None


def _body(entry: dict[str, Any]) -> Any:
    return base64.b64decode(entry["bytes"]) if "bytes" in entry else entry.get("json", MISSING)


@lru_cache
def _tools() -> str:
    """Everything beside the contract that has a part in drawing."""
    return _digest(
        __version__,
        cache.code_digest(Path(__file__).parent, _CODE),
        [version(library) for library in _LIBRARIES],
        [*sys.version_info[:3], unicodedata.unidata_version],
    )


def _digest(*parts: Any) -> str:
    # Not sorted: the order of the fields of a schema makes a difference.
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()
