"""Instants: reading the clock, and RFC 3339 and strftime-like texts of it.

Units are second, millisecond, microsecond and nanosecond; offsets are seconds, ``+02:00``, ``Z`` or ``local`` (UTC).
"""

from __future__ import annotations

import calendar
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from conformance.reference.rules.functions.registry import FunctionError, a_text, an_integer, function

_PER_SECOND = {"second": 1, "millisecond": 10**3, "microsecond": 10**6, "nanosecond": 10**9}
_DIGITS = {"second": 0, "millisecond": 3, "microsecond": 6, "nanosecond": 9}
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})(?::?([0-9]{2}))?")
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _per_second(unit: Any) -> int:
    return _PER_SECOND[unit]


@function("now_timestamp")
def now_timestamp(unit: Any = "second") -> int:
    return time.time_ns() * _per_second(unit) // 10**9


@function("now_rfc3339")
def now_rfc3339(unit: Any = "second") -> str:
    return unix_ts_to_rfc3339(now_timestamp(unit), unit)


@function("unix_ts_to_rfc3339")
def unix_ts_to_rfc3339(instant: Any, unit: Any = "second") -> str:
    seconds, fraction = divmod(an_integer(instant), _per_second(unit))
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    if unit != "second":
        text += f".{fraction:0{_DIGITS[unit]}d}"
    return text + "+00:00"


@function("rfc3339_to_unix_ts")
def rfc3339_to_unix_ts(text: Any, unit: Any = "second") -> int:
    found = _RFC3339.fullmatch(a_text(text))
    if found is None:
        raise FunctionError(f"{text!r} is no instant")
    *numbers, fraction, offset = found.groups()
    seconds = _seconds(*map(int, numbers)) - offset_seconds(offset)
    return seconds * _per_second(unit) + int((fraction or "").ljust(9, "0")) * _per_second(unit) // 10**9


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    return calendar.timegm(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timetuple())


@function("timezone_to_second", "timezone_to_offset_seconds")
def offset_seconds(offset: Any) -> int:
    if isinstance(offset, int):
        return an_integer(offset)
    if offset in ("Z", "z", "local", ""):
        return 0
    found = _OFFSET.fullmatch(a_text(offset))
    if found is None:
        raise FunctionError(f"{offset!r} is no offset")
    sign, hours, minutes, seconds = found.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:
        raise FunctionError(f"{offset!r} is no offset")
    total = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return -total if sign == "-" else total


_FORMAT = re.compile(r"%(3N|6N|:z|::z|[a-zA-Z%])")


@function("format_date")
def format_date(unit: Any, offset: Any, template: Any, instant: Any = None) -> str:
    """Text of ``instant`` (now if left out): ``%Y %m %d %H %M %S %N %3N %6N %z %:z %%``."""
    moment = now_timestamp(unit) if instant is None else an_integer(instant)
    seconds, fraction = divmod(moment, _per_second(unit))
    nanoseconds = fraction * 10**9 // _per_second(unit)
    shift = offset_seconds(offset)
    local = datetime.fromtimestamp(seconds, timezone(timedelta(seconds=shift)))
    sign, minutes = "-" if shift < 0 else "+", abs(shift) // 60
    parts = {
        "%": "%",
        "N": f"{nanoseconds:09d}",
        "3N": f"{nanoseconds // 10**6:03d}",
        "6N": f"{nanoseconds // 10**3:06d}",
        "z": f"{sign}{minutes // 60:02d}{minutes % 60:02d}",
        ":z": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}",
        "::z": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:{abs(shift) % 60:02d}",
        **{letter: local.strftime(f"%{letter}") for letter in "YmdHMS"},
    }
    return _FORMAT.sub(lambda found: parts[found[1]], a_text(template))


_READ = {
    "Y": r"(?P<Y>[0-9]{4})",
    "m": r"(?P<m>[0-9]{2})",
    "d": r"(?P<d>[0-9]{2})",
    "H": r"(?P<H>[0-9]{2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "N": r"(?P<N>[0-9]{9})",
    "3N": r"(?P<N>[0-9]{3})",
    "6N": r"(?P<N>[0-9]{6})",
    "z": r"(?P<z>[+-][0-9]{4})",
    ":z": r"(?P<z>[+-][0-9]{2}:[0-9]{2})",
    "::z": r"(?P<z>[+-][0-9]{2}:[0-9]{2}:[0-9]{2})",
    "%": "%",
}


@function("date_to_unix_ts")
def date_to_unix_ts(unit: Any, *arguments: Any) -> int:
    """``date_to_unix_ts(unit, [offset,] format, text)``; an offset in the text counts instead of the argument."""
    *offset, template, text = arguments
    pieces = re.split(_FORMAT, a_text(template))
    pattern = "".join(re.escape(piece) if index % 2 == 0 else _READ[piece] for index, piece in enumerate(pieces))
    try:
        found = re.fullmatch(pattern, a_text(text))
    except re.error as error:
        raise FunctionError(str(error)) from None
    if found is None:
        raise FunctionError(f"{text!r} is not of the format")
    given = {name: value for name, value in found.groupdict().items() if value is not None}
    numbers = [int(given.get(letter, first)) for letter, first in zip("YmdHMS", (1970, 1, 1, 0, 0, 0), strict=True)]
    shift = offset_seconds(given["z"] if "z" in given else offset[0] if offset else 0)
    fraction = int(given.get("N", "0").ljust(9, "0"))
    return (_seconds(*numbers) - shift) * _per_second(unit) + fraction * _per_second(unit) // 10**9
