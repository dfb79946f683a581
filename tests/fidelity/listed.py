"""Accepted differences: ``differences.toml`` with the traits of the recorded server, ``default_...`` with none.

Each entry names a ``script``, its ``steps`` and the ``reason`` they differ.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

Mode = Literal["recorded", "default"]

_FILES: dict[Mode, str] = {"recorded": "differences.toml", "default": "default_differences.toml"}


def listed_differences(mode: Mode) -> dict[tuple[str, str], str]:
    """Reason by script and step; raises ValueError for an entry without one and for a step listed twice."""
    with (Path(__file__).parent / _FILES[mode]).open("rb") as file:
        entries = tomllib.load(file).get("difference", [])
    listed: dict[tuple[str, str], str] = {}
    for entry in entries:
        if not entry["reason"].strip():
            raise ValueError(f"{entry['script']}: a difference needs a reason")
        for step in entry["steps"]:
            if (entry["script"], step) in listed:
                raise ValueError(f"{entry['script']} {step} is listed twice")
            listed[entry["script"], step] = entry["reason"]
    return listed
