"""Other values for the fields of a connector or action, so that an update shows of each field that it replaces it.

Of most fields a few types show every value that the contract lists (`conformance.fuzz.wanted`). That *each* type takes
a new value in each of its fields needs no certain value, only another one: a number or a duration more, the other truth
value, another name. They come for nothing with a write that is sent anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from conformance.contract.contract import Contract
from conformance.contract.fields import Path, Schema, every_field, value_at, with_field
from conformance.contract.values import fits, followed
from conformance.target.guard.hosts import HOST_FIELDS

_AMOUNT = re.compile(r"(\d+)([A-Za-z]*)")
"""A duration or size, with its unit or without."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""A text that is a name, and neither a template nor a statement, each of which has a grammar of its own."""

_LOOPBACK = re.compile(r"127\.0\.0\.1|localhost")
_NOBODY = "nobody.invalid"

_BOUND = frozenset({"enable", "connector"})
"""TYP-04 switches a connector or action, and TLS that is on has its files read; an action needs its connector."""

_TLS = frozenset({"ssl", "ssl_opts"})
"""Where a text is the name of a file, or one of the words that TLS knows."""

_FILE = re.compile(r"(.*_)?(file|path)")

_OF_A_GRAMMAR = {"tcp_keepalive": "240,30,5"}
"""Values of fields that take a word, or what is written in a grammar that the contract tells in prose only."""


def with_other_values(
    contract: Contract,
    schema: Schema,
    body: Mapping[str, Any],
    may_change: Callable[[Path], bool],
    is_fine: Callable[[Mapping[str, Any]], bool],
) -> dict[str, Any]:
    """A copy of ``body`` with another value in each field that ``may_change``.

    ``schema``: that of the body; ``is_fine``: whether a body may be sent. Secrets, deprecated fields and members of
    lists stay as they are; so do texts but names, hosts, durations and sizes.
    """
    others = [
        (path, other)
        for path, alternatives in _by_path(contract, schema).items()
        if (value := value_at(body, path)) is not None
        and (other := _other(path, value)) is not None
        and may_change(path)
        and any(fits(contract, field, value) and fits(contract, field, other) for field in alternatives)
        and not any(field.get("deprecated") or field.get("format") == "password" for field in alternatives)
    ]
    together = dict(body)
    for path, other in others:
        together = with_field(contract, schema, together, path, other)
    if is_fine(together):
        return together
    result = dict(body)
    for path, other in others:
        candidate = with_field(contract, schema, result, path, other)
        if is_fine(candidate):
            result = candidate
    return result


def _by_path(contract: Contract, schema: Schema) -> Mapping[Path, list[Schema]]:
    """The schemas of a field, one for each alternative that has it."""
    schemas: dict[Path, list[Schema]] = {}
    for path, field in every_field(contract, schema):
        schemas.setdefault(path, []).append(followed(contract, field))
    return schemas


def _other(path: Path, value: Any) -> Any:
    """Another value for a field, None if there is none that every target can be expected to take."""
    name = path[-1]
    if name in _BOUND:
        return None
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if name == "tags":
        return [*value, "other"]
    if not isinstance(value, str):
        return None
    if name in _OF_A_GRAMMAR:
        return _OF_A_GRAMMAR[name]
    if name == "local_topic":
        return f"{value}/other"
    if name in HOST_FIELDS:
        other = _LOOPBACK.sub(_NOBODY, value)
        return other if other != value else None
    amount = _AMOUNT.fullmatch(value)
    if amount is not None:
        return f"{int(amount[1]) + 1}{amount[2]}"
    is_name = _NAME.fullmatch(value) is not None and not _FILE.fullmatch(name) and _TLS.isdisjoint(path)
    return f"{value}2" if is_name else None
