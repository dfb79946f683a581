"""Turn decoded JSON back into the dataclasses of `conformance.result`, checking every value."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from conformance.result import ItemResult

Decoded = TypeVar("Decoded")

_MEMBERS: dict[type[Any], dict[str, tuple[Any, bool]]] = {}


class DecodingError(ValueError):
    """A value does not have its declared type; the text says where and what."""


def decode(kind: type[Decoded], value: object, where: str = "") -> Decoded:
    """Build ``kind`` from JSON data; raises `DecodingError`.

    Known are dataclasses (unknown keys are refused, missing ones take the default), list, tuple, dict with string
    keys, Literal, unions with None, and str, int, float, bool. An int is taken for a float, a bool for no number.
    """
    result: Decoded = _decode(kind, value, where)
    return result


def item_from(value: Mapping[str, Any]) -> ItemResult:
    """An item from what `dataclasses.asdict` made of it, on whatever way it came."""
    return decode(ItemResult, {**value, "requirements": list(value["requirements"])})


def _decode(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _decode(next(a for a in arguments if a is not type(None)), value, where)
    if origin is Literal:
        if value not in arguments or isinstance(value, bool):
            raise DecodingError(f"{where}: {value!r:.60} is none of {', '.join(map(str, arguments))}")
        return value
    if origin in (list, tuple):
        if not isinstance(value, list):
            raise DecodingError(f"{where}: expected a list")
        return origin(_decode(arguments[0], member, f"{where}[{index}]") for index, member in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise DecodingError(f"{where}: expected an object")
        return {key: _decode(arguments[1], member, f"{where}.{key}") for key, member in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DecodingError(f"{where}: {value!r:.60} is no {kind.__name__}")
    return value


def _decode_dataclass(kind: type[Any], value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise DecodingError(f"{where or 'the file'}: expected an object")
    members = _members(kind)
    if unknown := sorted(set(value) - set(members)):
        raise DecodingError(f"{where or 'the file'}: unknown key {unknown[0]!r}")
    if missing := [name for name, (_, needed) in members.items() if needed and name not in value]:
        raise DecodingError(f"{where or 'the file'}: {missing[0]} is missing")
    prefix = f"{where}." if where else ""
    return kind(**{name: _decode(members[name][0], member, prefix + name) for name, member in value.items()})


def _members(kind: type[Any]) -> dict[str, tuple[Any, bool]]:
    """Field name -> (type, whether it must be given)."""
    if kind not in _MEMBERS:
        hints = get_type_hints(kind)
        _MEMBERS[kind] = {
            field.name: (hints[field.name], field.default is MISSING and field.default_factory is MISSING)
            for field in fields(kind)
        }
    return _MEMBERS[kind]
