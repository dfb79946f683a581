"""Values that together show every value class of a schema, as few as the shape of the schema allows.

The fields of an object vary at the same time: as many rows as its richest field has values show all of them. Then
follow a row for each optional field that is to be shown alone, and one without any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from conformance.contract import Contract
from conformance.contract.values import (
    ALONE,
    SPELLINGS,
    Schema,
    ValueClass,
    below,
    fields,
    fits,
    followed,
    inside,
    labelled,
    members,
    optional_fields,
)
from conformance.fuzz.hostile import TOGETHER

_FEW = 4

_FREE = frozenset({"by", "description", "reason"})
"""Texts for people, which are stored and shown, whatever they hold."""

_FORMATS = {"emqx-duration": "15s", "emqx-bytesize": "8MB", "date-time": "2022-01-01T00:00:00Z", "sql": "SELECT 1"}
# Of fields for which the contract has no example and no default.
_TEXTS = {
    **dict.fromkeys(
        (
            "local_threshold_ms",
            "min_heartbeat_frequency_ms",
            "overflow_check_period",
            "overflow_ttl",
            "socket_timeout_ms",
        ),
        "15s",
    ),
    "batch_time": "10ms",
    "ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "clientid": "c",
    "host": "cft.invalid",
    "kafka_headers": "${pub_props}",
    "max_block_size": "1MB",
    "node": "emqx@127.0.0.1",
    "partition_key": "${clientid}",
    "payload": "aGVsbG8=",
    "position": "none",
    "server_name_indication": "cft.invalid",
    "timestamp": "${timestamp}",
    "verify_peer_ext_key_usage": "clientAuth",
    "versions": "tlsv1.2",
}
_NUMBERS = {"at": 1_700_000_000, "until": 4_000_000_000}
_TIMES = {"until": "2099-01-01T00:00:00Z"}


class Covering:
    """Rows of values for the schemas of one operation.

    ``examples``: valid values, which free texts and numbers are taken from. ``alone``: whether a class of the kind
    `ALONE` is wanted.
    """

    def __init__(self, contract: Contract, examples: Iterable[Any], alone: Callable[[ValueClass], bool]) -> None:
        self._contract = contract
        self._alone = alone
        self._known: dict[tuple[str, ...], list[Any]] = {}
        for example in examples:
            self._learn(example, ())

    def _learn(self, example: Any, path: tuple[str, ...]) -> None:
        for place, value in _leaves(example, path):
            self._known.setdefault(place, []).append(value)

    def rows(self, schema: Schema, at: str = "", path: tuple[str, ...] = ()) -> list[Any]:
        """Valid values of ``schema``, at least one; the first shows as much as any. ``path``: names of the fields that
        lead to it."""
        schema = followed(self._contract, schema)
        alternatives = labelled(self._contract, schema)
        if alternatives:
            return [
                row
                for label, branch in alternatives
                for row in self._knowing(branch, path).rows(branch, inside(at, label, branch), path)
            ]
        listed = list(members(schema))
        if listed:
            if path[-1:] == ("port",):
                return [self._scalar(schema, path)]  # another port is another host
            bounded = schema.get("type") == "integer" and "enum" not in schema
            usual = [self._scalar(schema, path)] if bounded else []  # it comes first, for it is sure to be stored
            return [*usual, *(member for member in listed if member not in usual)]
        if spelled := SPELLINGS.get(schema.get("format", "")):
            return [self._scalar(schema, path), *spelled.values()]
        if "items" in schema:
            every = self.rows(schema["items"], f"{at}/*", (*path, "*"))
            # Of a few words each is a list as well: all of them are often the default.
            return [every, *([one] for one in every if 1 < len(every) <= _FEW and not isinstance(one, dict | list))]
        if schema.get("properties"):
            return list(self._objects(schema, at, path))
        return [self._scalar(schema, path)]

    def _knowing(self, branch: Schema, path: tuple[str, ...]) -> Covering:
        """With only those examples of what is at a place that are of an alternative, if there are any."""
        fitting = [value for value in self._known.get(path, ()) if fits(self._contract, branch, value)]
        if not fitting:
            return self
        narrowed = Covering(self._contract, (), self._alone)
        narrowed._known = {**self._known}
        for place in [place for place in narrowed._known if place[: len(path)] == path]:
            del narrowed._known[place]
        for value in fitting:
            narrowed._learn(value, path)
        return narrowed

    def _objects(self, schema: Schema, at: str, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        values = {
            name: self.rows(field, below(at, name), (*path, name)) for name, field in fields(self._contract, schema)
        }
        optional = optional_fields(self._contract, schema)
        for number in range(max(map(len, values.values()), default=0)):
            yield {name: rows[number % len(rows)] for name, rows in values.items()}
        least = {name: rows[0] for name, rows in values.items() if name not in optional}
        for name in values:
            if name in optional and self._alone(ValueClass(below(at, name), ALONE)):
                yield {**least, name: values[name][0]}
        if optional:  # also of the objects that must be there
            yield {name: values[name][-1] if isinstance(rows, dict) else rows for name, rows in least.items()}

    def _scalar(self, schema: Schema, path: tuple[str, ...]) -> Any:
        """A value that is known to be valid, or one that the kind of the field suggests."""
        name = next((step for step in reversed(path) if step != "*"), "")
        kind = schema.get("type", "string")
        if name in _FREE and kind == "string":
            return TOGETHER
        if name in _NUMBERS and kind == "integer":
            return _NUMBERS[name]
        if name in _TIMES and kind == "string":
            return _TIMES[name]
        default = schema.get("default")
        known = [*self._known.get(path, ()), schema.get("example")]
        fitting = [value for value in known if value is not None and fits(self._contract, schema, value)]
        # A value that would be there anyway says nothing.
        telling = [value for value in fitting if value != default]
        if telling:
            return telling[0]
        if kind == "integer" and default is not None:
            return default + 1 if default < schema.get("maximum", default + 1) else default
        if fitting or default is not None:
            return fitting[0] if fitting else default
        if kind in ("integer", "number"):
            return schema.get("minimum", 1 if kind == "integer" else 1.5)
        if kind == "object":
            return {"a": "b"}
        return _FORMATS.get(schema.get("format", "")) or _TEXTS.get(name, "conformance")


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value with its place, elements of lists under ``*``; an object also as a whole."""
    yield path, value
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _leaves(member, (*path, name))
    elif isinstance(value, list):
        for element in value:
            yield from _leaves(element, (*path, "*"))
