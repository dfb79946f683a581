"""Systematic data at the edges: a valid body or query with exactly one fault, or exactly on a bound.

Unlike random negatives each of these says by itself what a server did wrong ("accepted qos 3").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from conformance.contract import Contract, Operation
from conformance.fuzz.fuzzing import NO_SUCH_MEMBER
from conformance.fuzz.records import FUZZING

UNKNOWN_FIELD = "x_unknown_field"
WITH_UNKNOWN_FIELD = "with an unknown field"

BEYOND_LATIN = f"{NO_SUCH_MEMBER}\u0101"
"""A refusal that prints it as bytes has none for its last letter."""

_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Mutation:
    """``path``: where in the body (JSON pointer), ``what``: the single fault in words."""

    path: str
    what: str
    body: Any

    @property
    def first(self) -> bool:
        """Whether every run tries it, whatever its seed is.

        So are a missing and an unknown field, and fields where live servers were seen to break (docs/known-defects.md).
        """
        return not self.path or self.path.endswith(_WEAK_FIELDS)


def has_bounds(operation: Operation) -> bool:
    """Whether the contract bounds the body or some query parameter of an operation, as far as servers check it."""
    checked = [
        parameter
        for parameter in operation.parameters_in("query")
        if parameter.name not in FUZZING[operation.label].unchecked
        and {"enum", "minimum", "maximum"} & set(parameter.schema)
        | {parameter.schema.get("type")} & {"boolean", "integer"}
    ]
    return operation.json_body is not None or bool(checked)


def body_mutations(contract: Contract, schema: Mapping[str, Any], base: Any) -> Iterator[Mutation]:
    """Every single-fault variation of the valid body ``base``; the caller decides which are certainly invalid."""
    for pointer, what, value in _faults(contract, schema, base, (), 0):
        yield Mutation("/" + "/".join(map(str, pointer)) if pointer else "", what, _replaced(base, pointer, value))


_WEAK_FIELDS = (
    "/account",
    "/metadata",
    "/parameters",
    "/parameters/container",
    "/parameters/kafka_headers",
    "/resource_opts/health_check_interval",
    "/ssl/ciphers",
    "/static_clientids",
)


def without_fields(body: Any, pointers: Iterable[str]) -> Any:
    """``body`` without the fields that ``pointers`` name, a list without those of its rows."""
    if isinstance(body, list):
        return [without_fields(row, pointers) for row in body]
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if f"/{name}" not in pointers}


@dataclass(frozen=True, slots=True)
class QueryCase:
    """One query value; ``valid`` False means that a 400 is due."""

    name: str
    value: str
    valid: bool

    @property
    def what(self) -> str:
        return f"{self.name}={self.value}"


def query_cases(contract: Contract, operation: Operation) -> Iterator[QueryCase]:
    """Values on and just beyond every bound of the query parameters of an operation."""
    for parameter in operation.parameters_in("query"):
        for value, valid in _query_values(contract, parameter.schema):
            yield QueryCase(parameter.name, value, valid)
        for value, valid in FUZZING[operation.label].edges.get(parameter.name, ()):
            yield QueryCase(parameter.name, value, valid)


def _query_values(contract: Contract, schema: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    schema = contract.resolve(schema)
    kind = schema.get("type")
    if "enum" in schema:
        yield NO_SUCH_MEMBER, False
        yield from ((str(member), True) for member in schema["enum"])
    elif kind == "integer":
        yield "abc", False
        yield "1.5", False
        if "minimum" in schema:
            yield str(schema["minimum"] - 1), False
            yield str(schema["minimum"]), True
        if "maximum" in schema:
            yield str(schema["maximum"] + 1), False
            yield str(schema["maximum"]), True
    elif kind == "boolean":
        yield "maybe", False
        yield from (("true", True), ("false", True))


def _faults(
    contract: Contract, schema: Mapping[str, Any], value: Any, pointer: tuple[str | int, ...], depth: int
) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    schema = contract.resolve(schema)
    if schema.get("deprecated") or depth > _DEEPEST:
        return
    if "oneOf" in schema or "anyOf" in schema:
        yield pointer, "an object without any field of the union", {UNKNOWN_FIELD: {}}
        yield pointer, "a word instead of any alternative of the union", "text"
        if not pointer:  # the branches of nested unions overlap: what breaks one may satisfy another to a server
            yield from _faults(contract, _branch_of(contract, schema, value), value, pointer, depth)
        return
    kind = schema.get("type", "object" if "properties" in schema else None)
    yield from ((pointer, what, wrong) for what, wrong in _wrong_values(schema, kind, value))
    if kind == "object" and isinstance(value, dict):
        yield from _object_faults(contract, schema, value, pointer, depth)
    elif kind == "array" and isinstance(value, list) and value:
        yield from _faults(contract, schema.get("items", {}), value[0], (*pointer, 0), depth + 1)


def _branch_of(contract: Contract, union: Mapping[str, Any], body: Any) -> Mapping[str, Any]:
    """The branch of a union of objects that a valid body satisfies, judged by its fields and its enumerations."""
    for branch in map(contract.resolve, (*union.get("oneOf", ()), *union.get("anyOf", ()))):
        properties = branch.get("properties", {})
        if isinstance(body, dict) and set(branch.get("required", ())) <= body.keys() <= properties.keys():
            members = {name: contract.resolve(properties[name]).get("enum") for name in body}
            if all(member is None or body[name] in member for name, member in members.items()):
                return branch
    return {}


def _object_faults(
    contract: Contract, schema: Mapping[str, Any], value: dict[str, Any], pointer: tuple[str | int, ...], depth: int
) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    for name in schema.get("required", ()):
        if name in value:
            rest = {key: member for key, member in value.items() if key != name}
            yield pointer, f"without the required {name}", rest
    if schema.get("additionalProperties") is False:
        yield pointer, WITH_UNKNOWN_FIELD, {**value, UNKNOWN_FIELD: 1}
    for name, member in schema.get("properties", {}).items():
        yield from _faults(contract, member, value.get(name), (*pointer, name), depth + 1)


def _wrong_values(schema: Mapping[str, Any], kind: str | None, value: Any) -> Iterator[tuple[str, Any]]:
    """Faulty values; those of a text start with the text itself, so that a name stays inside the sandbox."""
    if "enum" in schema:
        for word in (NO_SUCH_MEMBER, BEYOND_LATIN):
            yield f"{word!r} instead of one of {schema['enum'][:4]}", word
        yield "an object instead of an enumeration member", {"a": 1}
    elif kind == "integer":
        yield "a word instead of an integer", "abc"
        yield "a fraction instead of an integer", 1.5
        yield "an object instead of an integer", {"a": 1}
        if "minimum" in schema:
            yield f"{schema['minimum'] - 1}, below the minimum", schema["minimum"] - 1
        if "maximum" in schema:
            yield f"{schema['maximum'] + 1}, above the maximum", schema["maximum"] + 1
    elif kind == "boolean":
        yield "'maybe' instead of a boolean", "maybe"
        yield "an object instead of a boolean", {"a": 1}
    elif kind == "string":
        yield "an object instead of a string", {"a": 1}
        yield "a boolean instead of a string", True
        if "pattern" in schema:
            yield "a string that breaks the pattern", f"{value if isinstance(value, str) else ''} ?!"
        if "maxLength" in schema:
            text = value if isinstance(value, str) else ""
            yield f"a string of {schema['maxLength'] + 1} characters", text.ljust(schema["maxLength"] + 1, "a")
    elif kind == "array":
        yield "a boolean instead of an array", True
        yield "an object instead of an array", {"a": 1}
    elif kind == "object":
        yield "a word instead of an object", "text"
        yield "an array instead of an object", ["text"]


def _replaced(base: Any, pointer: tuple[str | int, ...], value: Any) -> Any:
    """A copy of ``base`` with ``value`` at ``pointer``; objects on the way are created."""
    if not pointer:
        return deepcopy(value)
    copy = deepcopy(base)
    node = copy
    for step, following in pairwise(pointer):
        if isinstance(node, dict):
            node = node.setdefault(step, [] if isinstance(following, int) else {})
        else:
            node = node[int(step)]
    if isinstance(node, list):
        node[int(pointer[-1])] = value
    else:
        node[pointer[-1]] = value
    return copy
