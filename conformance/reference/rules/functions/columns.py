"""Functions that read the event, and those about topics."""

from __future__ import annotations

from typing import Any

from conformance.reference.mqtt.topics import matches
from conformance.reference.rules.functions.containers import parse_path
from conformance.reference.rules.functions.registry import (
    FunctionError,
    a_text,
    an_array,
    an_integer,
    context_function,
    function,
)
from conformance.reference.rules.scope import Scope
from conformance.reference.rules.values import UNDEFINED, get


@context_function("topic")
def topic(scope: Scope, level: Any = None) -> Any:
    """The topic, or its level counted from 1."""
    name = scope.columns.get("topic", UNDEFINED)
    if level is None:
        return name
    return a_text(name).split("/")[_position(level)]


def _position(level: Any) -> int:
    if an_integer(level) < 1:
        raise FunctionError("levels count from 1")
    return int(level) - 1


@context_function("payload")
def payload(scope: Scope, path: Any = None) -> Any:
    if path is None:
        return scope.columns.get("payload", UNDEFINED)
    return get(scope.payload(), parse_path(a_text(path)))


@context_function("flag")
def flag(scope: Scope, name: Any) -> bool:
    flags = scope.columns.get("flags", {})
    return isinstance(flags, dict) and flags.get(a_text(name)) is True


def _column(name: str) -> None:
    context_function(name)(lambda scope: scope.columns.get(name, UNDEFINED))


for _name in ("clientid", "username", "qos", "flags", "peerhost", "node", "timestamp"):
    _column(_name)

context_function("msgid")(lambda scope: scope.columns.get("id", UNDEFINED))
context_function("clientip")(lambda scope: scope.columns.get("peerhost", UNDEFINED))


@function("contains_topic")
def contains_topic(filters: Any, name: Any, qos: Any = None) -> bool:
    """Whether an array of ``{"topic", "qos"}`` (or of texts) has the filter ``name``, with that ``qos`` if given."""
    return any(entry == name and (qos is None or level == qos) for entry, level in _entries(filters))


@function("contains_topic_match")
def contains_topic_match(filters: Any, name: Any, qos: Any = None) -> bool:
    """Like `contains_topic`, by matching the topic ``name`` against the filters."""
    return any(matches(a_text(name), entry) and (qos is None or level == qos) for entry, level in _entries(filters))


def _entries(filters: Any) -> list[tuple[str, Any]]:
    entries = []
    for item in an_array(filters):
        entries.append((item["topic"], item.get("qos")) if isinstance(item, dict) else (a_text(item), None))
    return entries
