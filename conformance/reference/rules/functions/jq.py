"""The part of the language jq that paths need: ``.``, ``.a``, ``.[1]``, ``.[]``, ``length`` and ``|``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conformance.reference.rules.functions.registry import FunctionError, a_text, an_integer, function
from conformance.reference.rules.values import decode_json

_STEP = re.compile(r'\.?(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|"(?P<quoted>[^"\\]*)"|\[(?P<position>-?[0-9]*)\])')


@function("jq")
def jq(program: Any, value: Any, timeout_ms: Any = 1000) -> list[Any]:
    """All results of a program for a value, or for the JSON of a text; raises `FunctionError` for any other program."""
    an_integer(timeout_ms)
    results = [decode_json(value) if isinstance(value, str) else value]
    for stage in a_text(program).split("|"):
        results = [found for each in results for found in _results(stage.strip(), each)]
    return results


def _results(stage: str, value: Any) -> Iterator[Any]:
    if stage == "length":
        if not isinstance(value, str | list | dict):
            raise FunctionError("no length")
        yield len(value)
        return
    if not stage.startswith("."):
        raise FunctionError(f"no path: {stage}")
    found, position = [value], 1 if stage == "." else 0
    while position < len(stage):
        step = _STEP.match(stage, position)
        if step is None:
            raise FunctionError(f"no path: {stage}")
        found = [one for each in found for one in _stepped(step, each)]
        position = step.end()
    yield from found


def _stepped(step: re.Match[str], value: Any) -> Iterator[Any]:
    name = step["name"] if step["quoted"] is None else step["quoted"]
    if name is not None:
        if value is not None and not isinstance(value, dict):
            raise FunctionError(f"no field {name}")
        yield (value or {}).get(name)
    elif not step["position"]:
        if not isinstance(value, list | dict):
            raise FunctionError("nothing to iterate over")
        yield from value.values() if isinstance(value, dict) else value
    else:
        if value is not None and not isinstance(value, list):
            raise FunctionError("no array")
        items, index = value or [], int(step["position"])
        yield items[index] if -len(items) <= index < len(items) else None
