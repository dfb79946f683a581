"""Validate bodies and parameters against the contract; validators are compiled on first use and kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol

from conformance.contract.document import Document
from conformance.contract.json_schema import DIALECT, Direction, Schema, to_json_schema
from conformance.contract.operations import Operation, Parameter

# jsonschema_rs is imported where it is used: most users of a contract validate nothing, and it takes 50 ms.

_SHOWN = 80
_LARGE = 10_000
_LONGEST_CAUSE = 240
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_NUMBER = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a value breaks its schema.

    ``path``: JSON pointer into the value ("" is the whole value), ``message``: what was expected and what came,
    ``schema_path``: JSON pointer to the broken keyword in the document, ``names``: the fields of an object that are
    missing or unknown.
    """

    path: str
    message: str
    schema_path: str
    names: tuple[str, ...] = field(default=(), compare=False)


class Described(Protocol):
    """What is asked of a contract (`conformance.contract.contract.Contract`) to validate against it."""

    @property
    def document(self) -> Document: ...
    def operation(self, label: str) -> Operation: ...
    def body_schema(self, label: str, resource_type: str | None = None) -> Schema | None: ...


class Schemas:
    """The validators of one contract."""

    def __init__(self, contract: Described) -> None:
        self._contract = contract
        self.response_validator = lru_cache(maxsize=None)(self._response_validator)
        self.request_validator = lru_cache(maxsize=None)(self._request_validator)
        self.parameter_validator = lru_cache(maxsize=None)(self._parameter_validator)

    def response(self, label: str, status: int, body: Any) -> list[Violation]:
        """Violations of the documented schema of an answer; none if the document promises no JSON body."""
        validator = self.response_validator(label, status)
        return [] if validator is None else validator.violations(body)

    def request(self, label: str, body: Any, resource_type: str | None = None) -> list[Violation]:
        """Violations of the schema of a JSON request body, narrowed to a connector or action type if given."""
        validator = self.request_validator(label, resource_type)
        return [] if validator is None else validator.violations(body)

    def parameter(self, label: str, name: str, text: str) -> list[Violation]:
        """Violations of a path or query parameter that is sent as ``text``.

        The text is read as every JSON value it can stand for (number, boolean, comma separated list).
        """
        validator = self.parameter_validator(label, name)
        found = [validator.violations(value) for value in _readings(text)]
        return min(found, key=len)

    def _response_validator(self, label: str, status: int) -> Validator | None:
        response = self._contract.operation(label).responses.get(status)
        if response is None or response.schema is None:
            return None
        return self._compiled(response.schema, "response", (*_location(label), "responses", str(status), *_JSON_SCHEMA))

    def _request_validator(self, label: str, resource_type: str | None) -> Validator | None:
        schema = self._contract.body_schema(label, resource_type)
        if schema is None:
            return None
        return self._compiled(schema, "request", (*_location(label), "requestBody", *_JSON_SCHEMA))

    def _parameter_validator(self, label: str, name: str) -> Validator:
        parameters: Sequence[Parameter] = self._contract.operation(label).parameters
        for index, parameter in enumerate(parameters):
            if parameter.name == name:
                location = (*_location(label), "parameters", str(index), "schema")
                return self._compiled(parameter.schema, "request", location)
        raise KeyError(f"{label} has no parameter {name}")

    def _compiled(self, schema: Schema, direction: Direction, location: tuple[str, ...]) -> Validator:
        import jsonschema_rs

        registry = self._request_components if direction == "request" else self._response_components
        compiled = jsonschema_rs.validator_for(
            {"$schema": DIALECT, "allOf": [to_json_schema(schema, direction, base=_uri(direction))]},
            registry=registry,
            validate_formats=True,
        )
        return Validator(compiled, location)

    @cached_property
    def _request_components(self) -> Any:
        return self._registry("request")

    @cached_property
    def _response_components(self) -> Any:
        return self._registry("response")

    def _registry(self, direction: Direction) -> Any:
        import jsonschema_rs

        components = self._contract.document["components"]["schemas"]
        converted = {name: to_json_schema(schema, direction) for name, schema in components.items()}
        root = {"$id": _uri(direction), "$schema": DIALECT, "components": {"schemas": converted}}
        return jsonschema_rs.Registry([(_uri(direction), root)], draft=jsonschema_rs.Draft7)


class Validator:
    """A compiled schema together with its place in the document."""

    def __init__(self, compiled: Any, location: tuple[str, ...]) -> None:
        self._compiled = compiled
        self._location = location

    def is_valid(self, value: Any) -> bool:
        valid: bool = self._compiled.is_valid(value)
        return valid

    def violations(self, value: Any) -> list[Violation]:
        """All violations, each once, in a stable order; of a very large value only the first."""
        if self.is_valid(value):
            return []
        if _is_large(value):
            # A hostile answer of 16 MiB has room for millions of violations, 2 kB of memory each.
            return [self._violation(_first_error(self._compiled, value))]
        found = {self._violation(error): None for error in self._compiled.iter_errors(value)}
        return sorted(found, key=lambda violation: (violation.path, violation.schema_path, violation.message))

    def _violation(self, error: Any) -> Violation:
        steps = [str(step) for step in error.schema_path]
        if steps[:2] == ["allOf", "0"]:
            steps = [*self._location, *steps[2:]]
        return Violation(pointer(error.instance_path), _message(error), pointer(steps), _names(error))


def _first_error(compiled: Any, value: Any) -> Any:
    import jsonschema_rs

    try:
        compiled.validate(value)
    except jsonschema_rs.ValidationError as error:
        return error
    raise AssertionError("an invalid value has an error")


def _is_large(value: Any) -> bool:
    """Whether a value has more than `_LARGE` parts."""
    open_parts, parts = [value], 1
    while open_parts:
        part = open_parts.pop()
        children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        parts += len(children)
        if parts > _LARGE:
            return True
        open_parts.extend(child for child in children if isinstance(child, dict | list))
    return False


def pointer(steps: Sequence[str | int]) -> str:
    """The JSON pointer of a list of keys and indexes."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


_JSON_SCHEMA = ("content", "application/json", "schema")


def _location(label: str) -> tuple[str, ...]:
    method, path = label.split(" ", 1)
    return ("paths", path, method.lower())


def _uri(direction: Direction) -> str:
    return f"urn:contract:{direction}"


def _readings(text: str) -> Iterator[Any]:
    yield text
    if _NUMBER.fullmatch(text):
        yield int(text) if _INTEGER.fullmatch(text) else float(text)
    if text in _TRUTH:
        yield _TRUTH[text]
    yield text.split(",")


def _message(error: Any) -> str:
    """What was expected and what came, in one short line."""
    kind = error.kind.as_dict()
    came = _shown(error.instance)
    match error.kind.name:
        case "required":
            return f"{kind['property']} is missing"
        case "additionalProperties":
            return f"unknown: {', '.join(kind['unexpected'])}"
        case "type":
            return f"expected {' or '.join(_as_list(kind['types']))}, came {came}"
        case "enum":
            return f"expected one of {_shown(kind['options'])}, came {came}"
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"expected {error.kind.name} {kind['limit']}, came {came}"
        case "pattern":
            return f"expected text like {kind['pattern']}, came {came}"
        case "format":
            return f"expected {kind['format']}, came {came}"
        case "anyOf" | "oneOf":
            fitting = sum(not errors for errors in kind.get("context") or ())
            if fitting:
                return f"{fitting} alternatives of {error.kind.name} fit {came} at once"
            return f"no alternative of {error.kind.name} fits {came}{_closest(kind)}"
    return f"{_cut(error.message)}"


def _names(error: Any) -> tuple[str, ...]:
    """The fields that are missing from an object, or unknown in it."""
    kind = error.kind.as_dict()
    match error.kind.name:
        case "required":
            return (str(kind["property"]),)
        case "additionalProperties":
            return tuple(map(str, kind["unexpected"]))
    return ()


def _closest(kind: dict[str, Any]) -> str:
    """What is wrong in the alternative that fits best: the fewest errors, the deepest first."""
    alternatives = [errors for errors in kind.get("context") or () if errors]
    if not alternatives:
        return ""
    errors = min(alternatives, key=lambda errors: (len(errors), -max(len(error.instance_path) for error in errors)))
    return f"; closest: {pointer(errors[0].instance_path)} {_message(errors[0])}"[:_LONGEST_CAUSE]


def _as_list(value: Any) -> list[str]:
    return [str(member) for member in value] if isinstance(value, list) else [str(value)]


def _shown(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
