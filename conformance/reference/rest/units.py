"""Durations ("15s", "1h30m", "infinity") and byte sizes ("1MB") as EMQX configuration writes them."""

from __future__ import annotations

import math
import re
from typing import Any

_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)", re.IGNORECASE)
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern}\s*)+", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"([0-9]+)\s*(kb|mb|gb)?", re.IGNORECASE)
_BYTES = {"": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
_DURATION_NAME = re.compile(r"(?:^|_)(?:timeout|interval|ttl|period|heartbeat)(?:_ms)?$")
_SIZE_NAME = re.compile(r"(?:^|_)(?:bytes|recbuf|sndbuf|part_size|send_buffer)$")


def parse_duration(value: Any, *, unit: float = 0.001) -> float:
    """Seconds of ``"1h30m"``, ``"infinity"`` (inf) or a bare whole number of ``unit`` seconds; raises ValueError."""
    if isinstance(value, bool | float):
        raise ValueError("not a duration")
    if isinstance(value, int):
        return value * unit
    text = str(value).strip()
    if text == "infinity":
        return math.inf
    if text.isascii() and text.isdigit():
        return int(text) * unit
    if not _DURATION.fullmatch(text):
        raise ValueError("not a duration")
    return sum(float(number) * _SECONDS[name.lower()] for number, name in _DURATION_PART.findall(text))


def parse_size(value: Any) -> int:
    """Bytes of ``"32MB"``, ``"1024"`` or 1024; raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("not a byte size")
    return int(match[1]) * _BYTES[(match[2] or "").lower()]


def is_duration_field(name: str, default: Any) -> bool:
    """Whether a string field is a duration: its default is one, or it has none and is named like one.

    The document types durations as plain strings, so this is all it tells (erratum B16's kind).
    """
    if isinstance(default, str):
        return _DURATION.fullmatch(default) is not None
    return default is None and _DURATION_NAME.search(name) is not None


def is_size_field(name: str, default: Any) -> bool:
    """Whether a string field is a byte size, told like a duration."""
    if isinstance(default, str):
        match = _SIZE.fullmatch(default)
        return match is not None and match[2] is not None
    return default is None and _SIZE_NAME.search(name) is not None
