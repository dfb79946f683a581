"""Texts with ``${placeholders}`` in the arguments of the republish action."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.rules.functions.containers import parse_path
from conformance.reference.rules.functions.registry import FunctionError
from conformance.reference.rules.values import UNDEFINED, encode_json, get, to_text

_PLACEHOLDER = re.compile(r"\$\{(\$|\.|\.?[A-Za-z0-9_$][^{}$]*|[A-Za-z0-9_$'][^{}$]*)\}")
_SINGLE = re.compile(r"\$\{([^{}]+)\}")


def lookup(reference: str, row: dict[str, Any]) -> Any:
    """Value of ``a.b`` in ``row``, or `UNDEFINED`; ``.`` is the whole row."""
    if reference == ".":
        return row
    try:
        keys = parse_path(reference.removeprefix(".").replace("'", ""))
    except FunctionError:
        return UNDEFINED
    return get(row, keys)


def render(template: str, row: dict[str, Any], missing: set[str] | None = None) -> str:
    """The text; what is not there reads ``undefined`` and is noted in ``missing``. Raises `EvaluationError`."""

    def value_of(found: re.Match[str]) -> str:
        if found[1] == "$":
            return "$"
        value = lookup(found[1], row)
        if value is UNDEFINED and missing is not None:
            missing.add(found[1])
        return to_text(value)

    if not template:
        return encode_json(row)
    return _PLACEHOLDER.sub(value_of, template)


def simple_value(template: Any, row: dict[str, Any], default: Any) -> Any:
    """A constant as it is; the value behind a single placeholder, ``default`` if there is none."""
    if not isinstance(template, str):
        return template
    found = _SINGLE.fullmatch(template)
    if found is None:
        return render(template, row)
    value = lookup(found[1], row)
    return default if value is UNDEFINED else value
