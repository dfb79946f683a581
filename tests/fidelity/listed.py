"""Accepted differences: ``differences.toml`` with the traits of the recorded server, ``default_...`` with none.

Each entry names a ``script``, its ``steps`` and the ``reason`` they differ; with ``chance = true`` they do at times.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

Mode = Literal["recorded", "default"]

_FILES: dict[Mode, str] = {"recorded": "differences.toml", "default": "default_differences.toml"}


def listed_differences(mode: Mode) -> dict[tuple[str, str], str]:
    """Reason by script and step; raises ValueError for an entry without one and for a step listed twice."""
    listed: dict[tuple[str, str], str] = {}
    for entry in _entries(mode):
        if not entry["reason"].strip():
            raise ValueError(f"{entry['script']}: a difference needs a reason")
        for step in entry["steps"]:
            if (entry["script"], step) in listed:
                raise ValueError(f"{entry['script']} {step} is listed twice")
            listed[entry["script"], step] = entry["reason"]
    return listed


def differences_by_chance(mode: Mode) -> set[tuple[str, str]]:
    """Script and step of the differences that there are at times: requests at once reach a server as it comes."""
    return {(entry["script"], step) for entry in _entries(mode) if entry.get("chance") for step in entry["steps"]}


def _entries(mode: Mode) -> list[dict[str, Any]]:
    with (Path(__file__).parent / _FILES[mode]).open("rb") as file:
        entries: list[dict[str, Any]] = tomllib.load(file).get("difference", [])
    return entries
