"""Which refusals of 5.8.9 crash while they are put into words, so that it answers 500 without a body (GEN-15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.contract.fields import value_at
from conformance.contract.operations import Operation
from conformance.reference.defects import Defect, Traits

_UNIONS: Mapping[str, tuple[str, ...]] = {
    "azure_blob_storage": ("parameters",),
    "s3": ("parameters", "parameters.container"),
    "snowflake": ("parameters",),
}
"""By action type the objects whose alternatives are told apart by a field, whether or not they have any."""


def refusal_crashes(
    traits: Traits, operation: Operation, resource_type: str | None, body: Any, problems: Iterable[Mapping[str, Any]]
) -> bool:
    """Whether the refusal of a body of connectors or actions for ``problems`` crashes: 500 without a body."""
    if operation.path.startswith("/connectors"):
        return Defect.TLS_VERSION_BEYOND_LATIN in traits and any(map(_prints_beyond_latin, problems))
    if Defect.PARAMETERS_THAT_ARE_NO_OBJECT not in traits:
        return False
    places = [value_at(body, place.split(".")) for place in _UNIONS.get(resource_type or "", ())]
    return any(value is not None and not isinstance(value, dict) for value in places)


def _prints_beyond_latin(problem: Mapping[str, Any]) -> bool:
    """Whether it tells of a version of TLS with a letter that is no byte."""
    reason = f"{problem.get('reason')}"
    if reason.startswith("{unsupported_tls_versions"):
        return max(reason) > "\xff"
    return any(_prints_beyond_latin(inner) for inners in problem.get("mismatches", {}).values() for inner in inners)
