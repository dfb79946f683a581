"""``${...}`` templates of actions and of the republish function, over the columns of a rule's result."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

_PLACEHOLDER = re.compile(r"\$\{(\$|[^${}]*)\}")
_SEGMENT = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^.'\"]+)")
_WHOLE = "."
_ESCAPED_DOLLAR = "$"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=lambda value: as_text(value)).encode


class Null:
    """JSON's null, unlike a value that is not there."""

    def __repr__(self) -> str:
        return "null"


NULL: Final = Null()


class _Placeholder(str):
    """The inside of ``${...}``."""


@lru_cache(maxsize=1024)
def _parts(template: str) -> tuple[str, ...]:
    parts: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        if match.start() > end:
            parts.append(template[end : match.start()])
        # ``${$}`` stands for a dollar sign, so that ``${$}{x}`` can be written literally.
        parts.append("$" if match[1] == _ESCAPED_DOLLAR else _Placeholder(match[1]))
        end = match.end()
    if end < len(template):
        parts.append(template[end:])
    return tuple(parts)


@lru_cache(maxsize=1024)
def _path(placeholder: str) -> tuple[str, ...]:
    return tuple(quoted or double or bare for quoted, double, bare in _SEGMENT.findall(placeholder.strip()))


def lookup(placeholder: str, data: Mapping[str, Any]) -> Any:
    """Value of ``a.b`` or ``.a.b`` in ``data`` (``.``: all of it), None if there is none.

    The first text on the way is read as JSON, so ``payload.k`` reaches into a JSON payload; quotes protect dots. A null
    in it is `NULL`.
    """
    if placeholder.strip() in (_WHOLE, ""):
        return data
    value: Any = data
    decoded = False
    for name in _path(placeholder):
        if isinstance(value, str | bytes) and not decoded:
            try:
                value, decoded = json.loads(value), True
            except (ValueError, RecursionError):
                return None
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return NULL if decoded and value is None else value


def as_text(value: Any) -> str:
    """A value as templates print it: ``undefined`` for None, JSON for objects and arrays."""
    return as_bytes(value).decode("utf-8", "replace")


def as_bytes(value: Any) -> bytes:
    """Like `as_text`, but bytes stay what they are."""
    if isinstance(value, bytes):
        return value
    if value is None:
        return b"undefined"
    if value is NULL:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, Mapping | list | tuple):
        return _encode(_printable(value)).encode("utf-8", "replace")
    return str(value).encode()


def _printable(value: Any) -> Any:
    """``value`` with what JSON cannot hold printed: None as ``undefined``, bytes as text, keys as text."""
    if isinstance(value, Mapping):
        # The recorded server prints the members of an object backwards (act_mqtt_loop).
        return {name: _printable(value[name]) for name in sorted(value, key=str, reverse=True)}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    if value is None:
        return "undefined"
    if value is NULL:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def render_bytes(template: str, data: Mapping[str, Any], missing: bytes | None = None) -> bytes:
    """``template`` with its placeholders filled; a payload that is not UTF-8 keeps its bytes.

    ``missing`` is printed for what is not there, if it is not printed as usual.
    """

    def filled(placeholder: str) -> bytes:
        value = lookup(placeholder, data)
        return missing if value is None and missing is not None else as_bytes(value)

    return b"".join(
        filled(part) if isinstance(part, _Placeholder) else part.encode("utf-8", "replace") for part in _parts(template)
    )


def render(template: str, data: Mapping[str, Any]) -> str:
    """``template`` with its placeholders filled, as text."""
    return render_bytes(template, data).decode("utf-8", "replace")


def evaluate(template: Any, data: Mapping[str, Any]) -> Any:
    """The value itself where ``template`` is one placeholder (``"${qos}"``), else the text; no string: as it is."""
    if not isinstance(template, str):
        return template
    parts = _parts(template)
    if len(parts) == 1 and isinstance(parts[0], _Placeholder):
        return lookup(parts[0], data)
    return render(template, data)
