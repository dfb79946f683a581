"""Observations a script made with means of its own: they are named, so each has a function here."""

from __future__ import annotations

import socket
from typing import Any

_TIMEOUT = 5.0


def observe(line: dict[str, Any], last_text: str, mqtt: tuple[str, int]) -> dict[str, Any]:
    """See what the script saw at ``line``; ``last_text`` is the body of the answer before it."""
    recorded = line["observation"]
    if "authorization_header_in_message" in recorded:
        return {"authorization_header_in_message": "authorization" in last_text and "Basic " in last_text}
    raise ValueError(f"unknown observation {sorted(recorded)}")
