"""What came back when a failure was seen, read from its exchange, and what of it is the same at every sighting."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from conformance.result import Failure

ANSWER = "--- answer ---"
"""What stands between request and answer in an exchange (`conformance.target.http.answer.Answer.transcript`)."""

_LONGEST_CRASH = 60
_STATUS = re.compile(r"\s*(\d{3}) after ")
_CODE = re.compile(r'"code"\s*:\s*"([A-Z_]+)"')
_FRAME = re.compile(r"\b([a-z]\w*),([a-z]\w*),(?:\d+|\[[^\]]*\]),\s*\[\{(?:file|error_info)")
_FRAMEWORK = ("minirest_handler", "cowboy_handler", "cowboy_stream_h", "proc_lib")
"""Modules that call every handler: that they are on the stack says nothing about who crashed."""
_TERM = re.compile(r"\berror, ?\{?([a-z]\w*)")
_REASON = re.compile(r'\\?"reason\\?"\s*:\s*\\?"([a-z]\w*)')
_POINTER = re.compile(r"^(.*?(?:^|\s)/[^\s:]*):\s", re.DOTALL)

# What differs between two sightings of one deviation: names of the sandbox, texts between quotes, numbers.
_VARIABLE = re.compile(r"cft-[\w.~/-]*|'[^']*'|\"[^\"]*\"|\b\d+(?:\.\d+)?\b|\b(?:True|False|None)\b")
_STATUS_ALONE = re.compile(r"[1-5]\d\d")
_REPEATED = re.compile(r"(\b\w+)(?:, \1\b)+")


@dataclass(frozen=True, slots=True)
class Came:
    """An answer as a signature: ``status`` and ``code``, None and empty where none came.

    ``crash``: what an error tells of the place that crashed (``re:split``), or at least of how (``badmatch``), empty
    for an orderly answer; ``place``: whether it is a place. ``text``: the message of an orderly error, without what
    differs from one sighting to the next.
    """

    status: int | None = None
    code: str = ""
    crash: str = ""
    place: bool = False
    text: str = ""

    @property
    def is_error(self) -> bool:
        return self.status is not None and self.status >= 400

    @property
    def words(self) -> str:
        """As headlines say it: ``500 INTERNAL_ERROR (badmatch)``; empty if nothing came."""
        if self.status is None:
            return ""
        crash = f" ({self.crash})" if self.crash else ""
        return f"{self.status}{' ' + self.code if self.code else ''}{crash}"


def came(failure: Failure) -> Came:
    """What came back when ``failure`` was seen."""
    _, found, answer = (failure.exchange or "").rpartition(ANSWER)
    status = _STATUS.match(answer) if found else None
    if status is None:
        return Came()
    number = int(status[1])
    body = answer.partition("\n\n")[2]
    if number < 400:
        return Came(number)
    code = _CODE.search(body)
    crash, place = _crash(body)
    text = "" if crash else constant(_message(body))
    return Came(number, code[1] if code else "", crash, place, text)


def constant(text: str) -> str:
    """``text`` without what differs from one sighting of a deviation to the next; statuses stay, all successes as 2xx.

    Of a text about one place in a document only the place stays: ``2xx: /is_superuser``.
    """
    pointer = _POINTER.match(text)
    kept = pointer[1] if pointer else text

    def variable(found: re.Match[str]) -> str:
        if _STATUS_ALONE.fullmatch(found[0]) is None:
            return "_"
        return "2xx" if found[0].startswith("2") else found[0]

    return re.sub(r"\s+", " ", _REPEATED.sub(r"\1", _VARIABLE.sub(variable, kept))).strip()


def _crash(body: str) -> tuple[str, bool]:
    """What an error tells of a crash, and whether that is the place of it."""
    plain = body.replace("\\", "")
    for frame in _FRAME.finditer(plain):
        if frame[1] not in _FRAMEWORK:
            return f"{frame[1]}:{frame[2]}", True
    if term := _TERM.search(plain):
        return term[1][:_LONGEST_CRASH], False
    if "clause" in plain or "crash" in plain:
        reason = _REASON.search(plain)
        return (reason[1] if reason else "crash")[:_LONGEST_CRASH], False
    return "", False


def _message(body: str) -> str:
    """The message of an error; where that is JSON itself, as of EMQX's schema checks, the reason in it."""
    message = _member(body, "message")
    return _member(message, "reason") or message


def _member(text: str, name: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""
