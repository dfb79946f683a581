"""What the document says of one operation: its parameters, bodies and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from conformance.contract.kinds import KINDS

ResourceKind = Literal["connectors", "actions"]

METHODS = ("get", "put", "post", "delete", "patch")
JSON_MEDIA_TYPE = "application/json"

BODY_CHOSEN_BY_TYPE = frozenset(label for kind in KINDS for label in kind.choosing_type)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One path, query or header parameter; ``schema`` is an OpenAPI 3.0 schema object."""

    name: str
    location: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """A documented answer; ``schema`` is None where the document promises no JSON body."""

    status: int
    media_types: tuple[str, ...]
    schema: Mapping[str, Any] | None


@dataclass(frozen=True)
class Operation:
    """Method and path template with everything the document says of them."""

    label: str
    operation_id: str
    method: str
    path: str
    tag: str
    parameters: tuple[Parameter, ...]
    request_bodies: Mapping[str, Mapping[str, Any]]
    request_body_required: bool
    responses: Mapping[int, Response]
    definition: Mapping[str, Any] = field(repr=False)

    @property
    def json_body(self) -> Mapping[str, Any] | None:
        """Schema of the JSON request body, or None for an operation without one."""
        return self.request_bodies.get(JSON_MEDIA_TYPE)

    @property
    def body_chosen_by_type(self) -> bool:
        """True for the six operations whose body depends on a connector or action type."""
        return self.label in BODY_CHOSEN_BY_TYPE

    def parameters_in(self, location: str) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if parameter.location == location)

    @cached_property
    def query_schema(self) -> Mapping[str, Any]:
        """The schema of an object with a field for each parameter of the query."""
        return _as_object(self.parameters_in("query"))

    @cached_property
    def path_schema(self) -> Mapping[str, Any]:
        """The schema of an object with a field for each parameter of the path."""
        return _as_object(self.parameters_in("path"))


def _as_object(parameters: tuple[Parameter, ...]) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {parameter.name: parameter.schema for parameter in parameters},
        "required": [parameter.name for parameter in parameters if parameter.required],
    }
