"""The PUT of the connectors or actions of one type, as far as a body for it is made without a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.contract import Contract
from conformance.contract.fields import Schema
from conformance.contract.values import NONE, ValueClass, followed, optional_fields, shown_classes
from conformance.fuzz.space import Subject

_LEAST = ValueClass("", NONE)


@dataclass(frozen=True, slots=True)
class Replacement:
    """``subject``: PUT /connectors/{id} or PUT /actions/{id} with a type; ``is_safe``: whether a body may be sent."""

    contract: Contract
    subject: Subject
    is_safe: Callable[[Mapping[str, Any]], bool]

    @property
    def schema(self) -> Schema:
        """That of its body."""
        return self.contract.body_schema(self.subject.label, self.subject.resource_type) or {}

    def shown_by(self, body: Mapping[str, Any]) -> set[ValueClass]:
        """The value classes that a body shows; scalars more or less, one without objects is one of defaults."""
        shown = set(shown_classes(self.contract, self.schema, body))
        optional = optional_fields(self.contract, followed(self.contract, self.schema))
        if optional and not any(isinstance(body.get(name), Mapping) for name in optional):
            shown.add(_LEAST)
        return shown

    def takes(self, body: Mapping[str, Any]) -> bool:
        """Whether a body is valid, and may be sent."""
        return not self.contract.validate_request(
            self.subject.label, body, self.subject.resource_type
        ) and self.is_safe(body)
