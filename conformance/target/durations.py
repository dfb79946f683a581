"""Durations and rates as users write them on a command line and in files."""

from __future__ import annotations

import re

_BYTES = {"": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration_s(value: str) -> float:
    """``500ms``, ``30s``, ``10m``, ``2h`` or ``1d`` in seconds; raises ValueError with one sentence."""
    match = re.fullmatch(r"(\d{1,9})(ms|[smhd])", value)
    if match is None:
        raise ValueError(f"{value!r} is not a duration like 30s, 10m or 2h")
    return int(match[1]) / 1000 if match[2] == "ms" else float(int(match[1]) * _UNITS_S[match[2]])


def duration_text(seconds: float) -> str:
    """The shortest way to write a duration so that `duration_s` reads it, to the ms: ``600.0`` -> ``10m``."""
    if not float(seconds).is_integer():
        return f"{round(seconds * 1000)}ms"
    whole = int(seconds)
    unit = next(unit for unit in reversed(_UNITS_S) if whole % _UNITS_S[unit] == 0)
    return f"{whole // _UNITS_S[unit]}{unit}"


def rate_per_s(value: str) -> float:
    """``50``, ``50/s``, ``100/10s`` or ``500KB/s``, as EMQX writes rates, in pieces or bytes per second.

    Raises ValueError with one sentence.
    """
    match = re.fullmatch(r"(\d{1,12})(KB|MB|GB|)(?:/(\d{0,9})(ms|[smhd]))?", value, re.IGNORECASE | re.ASCII)
    if match is not None:
        amount = int(match[1]) * _BYTES[match[2].upper()]
        interval_s = duration_s(f"{match[3] or 1}{(match[4] or 's').lower()}")
        if amount and interval_s:
            return amount / interval_s
    raise ValueError(f"{value!r} is not a rate like 50/s, 100/10s or 500KB/s")
