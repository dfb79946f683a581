"""Value classes: what a schema opens for each of its fields, and which of that a value shows.

A class is one member of an enumeration, one alternative of a union, ``true`` or ``false``, each number of a short
range and the bounds of a longer one, each unit of durations and sizes, and for objects: an optional field without any
other, all of them, and none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from conformance.contract.contract import Contract

Schema = Mapping[str, Any]
Made = TypeVar("Made")

ALONE = "without other optional fields"
ALL = "with all optional fields"
NONE = "without optional fields"

PARAMETERS: Mapping[str, str] = {"?": "", "{": "}"}
"""Where the classes of the parameters of a query and of a path begin, and how the name of one ends."""

SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "emqx-duration": {"s": "15s", "ms": "15000ms", "m": "1m", "h": "1h", "": "15000"},
    "emqx-bytesize": {"MB": "8MB", "KB": "8192KB", "mb": "8mb", "": "8388608"},
}
"""By format the units that a text may have (erratum B23), each with a text."""

_NO_UNIT = "without unit"
_SHORT_RANGE = 4
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict,
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class ValueClass:
    """``field``: pointer to the field, "" for the whole value, ``*`` for any element of a list, and in brackets the
    alternative of a union that it belongs to; ``what``: the class in words."""

    field: str
    what: str

    def __str__(self) -> str:
        return f"{self.field} {self.what}".strip()


def value_classes(contract: Contract, schema: Schema, at: str = "") -> Iterator[ValueClass]:
    """Every class of ``schema``, in its order; fields that are deprecated have none. May repeat itself."""
    schema = followed(contract, schema)
    alternatives = labelled(contract, schema)
    if alternatives:
        for label, alternative in alternatives:
            yield from _of_alternative(at, label, alternative)
            yield from value_classes(contract, alternative, inside(at, label, alternative))
        return
    yield from (ValueClass(at, f"= {json.dumps(member)}") for member in members(schema))
    yield from (_spelled(at, unit) for unit in SPELLINGS.get(schema.get("format", ""), ()))
    if "items" in schema:
        yield from value_classes(contract, schema["items"], f"{at}/*")
    optional = optional_fields(contract, schema)
    if optional:
        yield from (ValueClass(at, NONE), ValueClass(at, ALL))
    for name, field in fields(contract, schema):
        if name in optional:
            yield ValueClass(below(at, name), ALONE)
        yield from value_classes(contract, field, below(at, name))


def shown_classes(contract: Contract, schema: Schema, value: Any, at: str = "") -> Iterator[ValueClass]:
    """The classes of ``schema`` that a valid ``value`` shows."""
    schema = followed(contract, schema)
    alternatives = labelled(contract, schema)
    if alternatives:
        for label, alternative in sorted(alternatives, key=lambda entry: _generality(entry[1])):
            if fits(contract, alternative, value):
                yield from _of_alternative(at, label, alternative)
                yield from shown_classes(contract, alternative, value, inside(at, label, alternative))
                return
        return
    yield from (ValueClass(at, f"= {json.dumps(member)}") for member in members(schema) if _same(member, value))
    unit = value.lstrip("0123456789.") if isinstance(value, str) else None
    yield from (_spelled(at, one) for one in SPELLINGS.get(schema.get("format", ""), ()) if one == unit)
    if isinstance(value, list):
        for element in value:
            yield from shown_classes(contract, schema.get("items", {}), element, f"{at}/*")
    if not isinstance(value, dict):
        return
    optional = optional_fields(contract, schema)
    given = optional & value.keys()
    if optional and not given:
        yield ValueClass(at, NONE)
    if optional and given == optional:
        yield ValueClass(at, ALL)
    for name, field in fields(contract, schema):
        if name in value:
            if given == {name}:
                yield ValueClass(below(at, name), ALONE)
            yield from shown_classes(contract, field, value[name], below(at, name))


def _remembered(make: Callable[[Contract, Schema], Made]) -> Callable[[Contract, Schema], Made]:
    """A function that is asked once for each schema of a contract, which stays as it is."""

    @wraps(make)
    def once(contract: Contract, schema: Schema) -> Made:
        known = contract.remembered.get((once, id(schema)))
        if known is None:
            known = contract.remembered[once, id(schema)] = (schema, make(contract, schema))
        made: Made = known[1]
        return made

    return once


def followed(contract: Contract, schema: Schema) -> Schema:
    """What a schema refers to, also as the only member of a union; what stands beside the reference goes before it."""
    refers = "$ref" in schema or len(schema.get("oneOf") or schema.get("anyOf") or ()) == 1
    return _followed(contract, schema) if refers else schema


@_remembered
def _followed(contract: Contract, schema: Schema) -> Schema:
    only = schema if "$ref" in schema else (schema.get("oneOf") or schema["anyOf"])[0]
    beside = {key: value for key, value in schema.items() if key not in ("$ref", "oneOf", "anyOf")}
    return followed(contract, {**contract.resolve(only), **beside})


@_remembered
def fields(contract: Contract, schema: Schema) -> Sequence[tuple[str, Schema]]:
    """The properties of an object that a server may not ignore: name and schema."""
    found = ((name, followed(contract, written)) for name, written in schema.get("properties", {}).items())
    return [(name, field) for name, field in found if not field.get("deprecated") and not field.get("readOnly")]


@_remembered
def optional_fields(contract: Contract, schema: Schema) -> frozenset[str]:
    """Names of the fields that need not be given."""
    return frozenset(name for name, _ in fields(contract, schema)) - frozenset(schema.get("required", ()))


def members(schema: Schema) -> Sequence[Any]:
    """The values that a schema of a scalar lists: an enumeration, both truth values (unless it defaults to true, false
    comes first), the numbers of a short range, the bounds of a longer one."""
    if "enum" in schema:
        kind = _KINDS.get(schema.get("type", ""), object)
        return [member for member in schema["enum"] if isinstance(member, kind)]
    if schema.get("type") == "boolean":
        return (True, False) if schema.get("default") else (False, True)
    if schema.get("type") != "integer":
        return ()
    bounds = [schema[bound] for bound in ("minimum", "maximum") if bound in schema]
    if len(bounds) == 2 and bounds[1] - bounds[0] < _SHORT_RANGE:
        return range(bounds[0], bounds[1] + 1)
    return bounds


@_remembered
def labelled(contract: Contract, schema: Schema) -> Sequence[tuple[str, Schema]]:
    """The alternatives of a union, references followed, each under a label that no other has; [] if it is none."""
    branches = [followed(contract, branch) for branch in contract.branches(schema)]
    if len(branches) < 2:
        return []
    labels: list[str] = []
    for branch in branches:
        label = _label(contract, branch, branches)
        labels.append(label if label not in labels else f"{label}, {len(labels) + 1}")
    return list(zip(labels, branches, strict=True))


def fits(contract: Contract, schema: Schema, value: Any) -> bool:
    """Whether ``value`` is of the shape of ``schema``: enough to tell the alternatives of a union apart."""
    schema = followed(contract, schema)
    branches = list(contract.branches(schema))
    if len(branches) > 1:
        return any(fits(contract, branch, value) for branch in branches)
    if "enum" in schema:
        return any(_same(member, value) for member in schema["enum"])
    kind = schema.get("type", "object" if "properties" in schema else None)
    if kind is not None and (not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return False
    if isinstance(value, str):
        pattern = schema.get("pattern") or (_TIME.pattern if schema.get("format") == "date-time" else "")
        return re.search(pattern, value) is not None
    if isinstance(value, list):
        return all(fits(contract, schema.get("items", {}), element) for element in value)
    if isinstance(value, dict) and "properties" in schema:
        known = {name: followed(contract, field) for name, field in schema["properties"].items()}
        return set(schema.get("required", ())) <= value.keys() <= known.keys() and all(
            fits(contract, known[name], member) for name, member in value.items()
        )
    return True


def is_spelling(one: ValueClass) -> bool:
    """Whether a class is a unit of a duration or size, or that there is none."""
    return one.what == _NO_UNIT or is_unit(one)


def is_member(one: ValueClass) -> bool:
    """Whether a class is one of the values that a schema lists (`members`)."""
    return one.what.startswith("= ")


def is_unit(one: ValueClass) -> bool:
    """Whether a class is a unit of a duration or size."""
    return one.what.startswith("in ")


def _spelled(at: str, unit: str) -> ValueClass:
    return ValueClass(at, f"in {unit}" if unit else _NO_UNIT)


def _of_alternative(at: str, label: str, alternative: Schema) -> Iterator[ValueClass]:
    if "enum" not in alternative:  # whose members are classes of their own
        yield ValueClass(at, f"as {label}")


def inside(at: str, label: str, alternative: Schema) -> str:
    """The pointer to one alternative of what is at ``at``: objects may have fields of the same names."""
    return f"{at}({label})" if "properties" in alternative else at


def below(at: str, name: str) -> str:
    """The pointer to a field of what is at ``at``."""
    if at in PARAMETERS:
        return f"{at}{name}{PARAMETERS[at]}"
    return f"{at}/{name}"


def _label(contract: Contract, branch: Schema, branches: Iterable[Schema]) -> str:
    """What tells an alternative from the others: a field with one value, or else what it requires, or its type."""
    if "properties" not in branch:
        named = branch.get("format") or branch.get("type", "anything")
        return f"one of {len(branch['enum'])}" if "enum" in branch else str(named)
    for name, field in fields(contract, branch):
        constant = field.get("enum", ())
        if len(constant) == 1 and any(
            followed(contract, other.get("properties", {}).get(name, {})).get("enum") != constant for other in branches
        ):
            return f"{name}={constant[0]}"
    return " and ".join(branch.get("required", ())) or "object"


def _generality(schema: Schema) -> int:
    """Of alternatives that fit a value, the least general one says most of it."""
    kind = schema.get("type")
    if "enum" in schema:
        return 0
    if kind == "number" or (kind == "string" and not {"format", "pattern"} & schema.keys()):
        return 2
    return 1


def _same(member: Any, value: Any) -> bool:
    return bool(member == value) and isinstance(member, bool) == isinstance(value, bool)
