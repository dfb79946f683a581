"""What the contract says of single fields of a body: which hold secrets, which are deprecated, which have defaults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conformance.contract.contract import Contract

Path = tuple[str, ...]
"""Keys from the body inwards; `EACH` stands for every element of a list."""

EACH = "*"

Schema = Mapping[str, Any]


def value_at(body: Any, path: Iterable[str]) -> Any:
    """The value at a place, None if there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def secret_fields(contract: Contract, schema: Schema) -> list[Path]:
    """Fields of ``schema`` that hold a secret (``format: password``), those of every alternative, sorted."""
    return sorted({path for path, field in every_field(contract, schema) if field.get("format") == "password"})


def secret_names(contract: Contract) -> frozenset[str]:
    """Names of all fields that the contract marks as secret (``format: password`` or ``writeOnly``), of any body."""
    return frozenset(_secret_names(contract.document))


def _secret_names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        properties = node.get("properties")
        for name, field in properties.items() if isinstance(properties, dict) else ():
            if isinstance(field, dict) and (field.get("format") == "password" or field.get("writeOnly")):
                yield name
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _secret_names(inner)


def header_maps(contract: Contract, schema: Schema) -> list[Path]:
    """Fields of ``schema`` that hold headers by name, any of them: those of every alternative, sorted."""
    found = {path for path, field in every_field(contract, schema) if path[-1] == "headers" and _is_open(field)}
    return sorted(found)


def _is_open(field: Schema) -> bool:
    return field.get("type") == "object" and not field.get("properties")


def deprecated_fields(contract: Contract, schema: Schema) -> frozenset[Path]:
    """Fields of ``schema`` that a server may ignore and need not answer."""
    return frozenset(path for path, field in every_field(contract, schema) if field.get("deprecated"))


def left_out(contract: Contract, schema: Schema, body: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The scalar fields with a default that ``body`` leaves out, each with its default.

    Deprecated fields and secrets have none that is answered. Where several alternatives fit, nothing is left out.
    """
    alternative = _alternative(contract, schema, body)
    for name, field in _properties(contract, alternative):
        if field.get("deprecated") or field.get("format") == "password":
            continue
        value = body.get(name, field.get("default"))
        if isinstance(value, Mapping):
            yield from left_out(contract, field, value, (*at, name))
        elif name not in body and isinstance(value, str | int | float):
            yield (*at, name), value


def with_field(contract: Contract, schema: Schema, body: Any, path: Path, value: Any) -> dict[str, Any]:
    """A copy of ``body`` with ``value`` at ``path``.

    An object on the way that is not there becomes the smallest one of an alternative with the field. The result need
    not be valid: fields may exclude one another.
    """
    name, *below = path
    alternative = next((b for b in contract.branches(schema) if name in dict(_properties(contract, b))), {})
    properties = dict(_properties(contract, alternative))
    required = contract.resolve(alternative).get("required", ())
    result = dict(body) if isinstance(body, Mapping) else {other: _anything(properties[other]) for other in required}
    if below:
        value = with_field(contract, properties.get(name, {}), result.get(name), tuple(below), value)
    result[name] = value
    return result


def _anything(field: Schema) -> Any:
    """Some value for a required text, the first one of an enumeration."""
    return field.get("enum", ["any"])[0]


def every_field(contract: Contract, schema: Schema, at: Path = ()) -> Iterator[tuple[Path, Schema]]:
    """Every field at any depth, of every alternative, with its schema."""
    for branch in contract.branches(schema):
        for name, field in _properties(contract, branch):
            yield (*at, name), field
            yield from every_field(contract, field, (*at, name))
        items = contract.resolve(branch).get("items")
        if items is not None:
            yield from every_field(contract, items, (*at, EACH))


def _properties(contract: Contract, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Properties by name, references followed; what stands beside a reference goes before what it leads to."""
    for name, written in contract.resolve(schema).get("properties", {}).items():
        beside = {key: value for key, value in written.items() if key != "$ref"}
        yield name, {**contract.resolve(written), **beside}


def _alternative(contract: Contract, schema: Schema, body: Mapping[str, Any]) -> Schema:
    """The alternative of ``schema`` that ``body`` was written for; an empty schema if that cannot be told."""
    branches = list(contract.branches(schema))
    fitting = [branch for branch in branches if len(branches) == 1 or _fits(contract, branch, body)]
    return fitting[0] if len(fitting) == 1 else {}


def _fits(contract: Contract, schema: Schema, body: Mapping[str, Any]) -> bool:
    properties = dict(_properties(contract, schema))
    required = contract.resolve(schema).get("required", ())
    return (
        set(required) <= set(body) <= set(properties)
        and all(value in properties[name].get("enum", [value]) for name, value in body.items())
    )  # fmt: skip
