"""Durations as users write them on a command line and in files."""

from __future__ import annotations

import re

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
