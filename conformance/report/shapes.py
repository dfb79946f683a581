"""What stays the same of requests and answers from run to run: names without the run, and values without themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Shape = Mapping[str, frozenset[str]]
"""Pointer of a value -> the types that it has: null, boolean, number, string, array or object. Elements of a list share
one pointer, which ends with ``*`` and, for objects that say their type, with that type in brackets; ``{}`` stands for a
key that is a name of somebody."""

_DYNAMIC = "{}"
_NEUTRAL = "cft"
_LONGEST = 64 * 1024
"""How much of a body tells it from others."""
# Every repetition that something must follow is bounded: bodies of megabytes are searched in no more than linear time.
_RULES = (
    (re.compile(r"cft-[0-9a-z]{11}-(?:main|gw\d+)"), _NEUTRAL),
    (re.compile(r"(cft[-/][A-Za-z][\w.-]{0,80}?)-\d+"), r"\1"),
    (re.compile(r"[\w.+-]{1,64}@(?:\d{1,3}\.){3}\d{1,3}|emqx@[\w.-]+"), "NODE"),
    (re.compile(r"(?:(?:\d{1,3}\.){3}\d{1,3}|localhost)(?::\d+)?|2001:db8:[0-9a-f:]*"), "ADDRESS"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]|%20)\d\d(?::|%3A)\d\d(?:[\w.:+-]|%3A|%2B)*"), "TIME"),
    (re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|\b[0-9a-fA-F]{24,}\b"), "HEX"),
    (re.compile(r"\d{9,}"), "NUMBER"),
)
_MEMBERS_THAT_NAME = ("id", "name", "clientid", "username", "user_id", "topic", "who")


def neutral(text: str) -> str:
    """``text`` without what a run, a node or a moment puts into it: names of the sandbox, nodes, addresses, times."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def neutral_body(body: bytes) -> str:
    """The beginning of a body, `neutral`, and whatever the order of its keys if it is JSON."""
    try:
        text = json.dumps(json.loads(body), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", errors="backslashreplace")
    return neutral(text[:_LONGEST])


def shape_of(value: Any, owns: Callable[[str], bool]) -> Shape:
    """The shape of a JSON value. Elements of lists that are somebody's, and not of those whom ``owns`` knows from the
    text of an element, have none: a run answers for what it created alone.
    """
    found: dict[str, set[str]] = {}
    for pointer, kind in _places(value, "", owns):
        found.setdefault(pointer, set()).add(kind)
    return {pointer: frozenset(kinds) for pointer, kinds in found.items()}


def unlike(one: Shape, other: Shape) -> Iterator[tuple[str, str, str]]:
    """Where two shapes differ: pointer, and what is there in the one and in the other; ``nothing`` where it is not.

    Nothing is concluded from a list without elements, from keys that are names, nor from what is inside of something
    that only one of them has.
    """
    for pointer in sorted({*one, *other}):
        here, there = one.get(pointer), other.get(pointer)
        if here is None or there is None:
            parent, _, last = pointer.rpartition("/")
            known = parent in one and parent in other and not last.startswith(("*", _DYNAMIC))
            if pointer and known:
                yield pointer, _kinds(here), _kinds(there)
        elif here.isdisjoint(there):
            yield pointer, _kinds(here), _kinds(there)


def _kinds(kinds: Iterable[str] | None) -> str:
    return " or ".join(sorted(kinds)) if kinds is not None else "nothing"


def _places(value: Any, at: str, owns: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield at, "object"
        for key, member in value.items():
            yield from _places(member, f"{at}/{_key(key)}", owns)
    elif isinstance(value, list):
        yield at, "array"
        for element in value:
            if not _is_of_others(element, owns):
                yield from _places(element, f"{at}/*{_type_of(element)}", owns)
    else:
        yield at, _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _key(key: str) -> str:
    plain = neutral(key)
    return _DYNAMIC if plain != key or key.isdecimal() else key.replace("~", "~0").replace("/", "~1")


def _type_of(element: Any) -> str:
    kind = element.get("type") if isinstance(element, dict) else None
    return f"[{kind}]" if isinstance(kind, str) and kind.isidentifier() else ""


def _is_of_others(element: Any, owns: Callable[[str], bool]) -> bool:
    if not isinstance(element, dict):
        return False
    named = any(isinstance(element.get(name), str) for name in _MEMBERS_THAT_NAME)
    return named and not owns(json.dumps(element, ensure_ascii=False))
