"""Find what is wrong with the documents themselves: invalid OpenAPI, dead references, examples that break a schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from openapi_spec_validator import OpenAPIV30SpecValidator
from openapi_spec_validator.validation.exceptions import DuplicateOperationIDError

from conformance.contract.contract import Contract
from conformance.contract.document import DocumentError, openapi_root
from conformance.contract.errata import read_errata
from conformance.contract.loading import DEFAULT_VERSION, described_versions, load_contract, overlays
from conformance.contract.operations import JSON_MEDIA_TYPE, Operation
from conformance.contract.schemas import Violation, pointer

_SHOWN = 5
"""Violations shown of one example; a wrong one usually has many."""
_LONGEST = 160


def lint() -> Iterator[str]:
    """Every finding as one line; nothing if all is well. Raises no error for broken files, they are findings."""
    root = openapi_root()
    try:
        versions = described_versions(root)
        contracts = [load_contract("published"), *(load_contract("corrected", version) for version in versions)]
    except DocumentError as error:
        yield str(error)
        return
    for contract in contracts:
        name = contract.variant if contract.variant == "published" else f"{contract.variant} {contract.version}"
        for finding in (*validity(contract), *references(contract), *operation_ids(contract)):
            yield f"{name}: {finding}"
        if contract.variant == "corrected":
            yield from (f"{name}: {finding}" for finding in examples(contract))
    yield from action_errata(DEFAULT_VERSION)


def validity(contract: Contract) -> Iterator[str]:
    """Where the document is no valid OpenAPI 3.0.

    Defaults that break their own schema (errata A10 and B22) and shared operation ids are not told: the former belong
    to the published document and are corrected, the latter are told better by `operation_ids`.
    """
    if any(True for _ in references(contract)):
        return  # the validator stops at the first dead reference, which `references` tells better
    for error in OpenAPIV30SpecValidator(contract.document).iter_errors():
        default = isinstance(error.validator, str) and not error.absolute_path
        if not (isinstance(error, DuplicateOperationIDError) or (default and contract.variant == "published")):
            yield f"{pointer(list(error.absolute_path)) or '/'}: {_reason(error)}"


def _reason(error: Any) -> str:
    """The validator's text without the instance, which it prints first and whole."""
    is_response = "responses" in list(error.absolute_path)[-2:-1] and isinstance(error.instance, dict)
    if is_response and not {"description", "$ref"} & error.instance.keys():
        return "a response needs a description"
    text: str = error.message.splitlines()[0]
    return text if len(text) <= _LONGEST else f"…{text[-_LONGEST:]}"


def references(contract: Contract) -> Iterator[str]:
    """References that lead nowhere, also those of discriminators and mappings."""
    for location, reference in _references(contract.document, ()):
        if not _resolves(contract.document, reference):
            yield f"{pointer(location)}: {reference} leads nowhere"


def operation_ids(contract: Contract) -> Iterator[str]:
    """Operations without an operationId, and ids that several operations share."""
    seen: dict[str, str] = {}
    for operation in contract.operations.values():
        if not operation.operation_id:
            yield f"{operation.label}: no operationId"
        elif operation.operation_id in seen:
            other = seen[operation.operation_id]
            yield f"{operation.label}: operationId {operation.operation_id} is also that of {other}"
        else:
            seen[operation.operation_id] = operation.label


def examples(contract: Contract) -> Iterator[str]:
    """Examples of bodies and parameters that break their schema; operations with a body and without an example."""
    for operation in contract.operations.values():
        yield from _request_examples(contract, operation)
        yield from _response_examples(contract, operation)
        yield from _parameter_examples(contract, operation)


def action_errata(version: str) -> Iterator[str]:
    """Overlay actions without a reason or with an erratum that is not listed."""
    root = openapi_root()
    known = {entry["id"] for entry in read_errata(root)}
    for overlay in overlays(root, version):
        for action in overlay.actions:
            if not action.reason:
                yield f"{action.name}: no reason"
            if not action.errata:
                yield f"{action.name}: no erratum"
            yield from (f"{action.name}: unknown erratum {name}" for name in action.errata if name not in known)


def _request_examples(contract: Contract, operation: Operation) -> Iterator[str]:
    body = operation.definition.get("requestBody", {}).get("content", {}).get(JSON_MEDIA_TYPE)
    if body is None:
        return
    values = dict(_examples(contract, body))
    if not values:
        yield f"{operation.label}: the body has no example"
    kinds = {name: contract.resolve(example).get("x-type") for name, example in body.get("examples", {}).items()}
    for name, value in values.items():
        given = value.get("type") if isinstance(value, dict) else None
        resource_type = (kinds.get(name) or given) if operation.body_chosen_by_type else None
        yield from _violations(
            f"{operation.label}: example {name}", contract.validate_request(operation.label, value, resource_type)
        )


def _response_examples(contract: Contract, operation: Operation) -> Iterator[str]:
    for status in operation.responses:
        answer = contract.resolve(operation.definition["responses"][str(status)])
        for name, value in _examples(contract, answer.get("content", {}).get(JSON_MEDIA_TYPE, {})):
            where = f"{operation.label}: example {name} of {status}"
            yield from _violations(where, contract.validate_response(operation.label, status, value))


def _parameter_examples(contract: Contract, operation: Operation) -> Iterator[str]:
    for written in operation.definition.get("parameters", ()):
        parameter = contract.resolve(written)
        schema = contract.resolve(parameter.get("schema", {}))
        for name, value in (*_examples(contract, parameter), *_examples(contract, schema)):
            where = f"{operation.label}: example {name} of the parameter {parameter['name']}"
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield from _violations(where, contract.validate_parameter(operation.label, parameter["name"], text))


def _examples(contract: Contract, holder: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "example" in holder:
        yield "example", holder["example"]
    examples = holder.get("examples")
    if isinstance(examples, dict):
        resolved = {name: contract.resolve(example) for name, example in examples.items()}
        yield from ((name, example["value"]) for name, example in resolved.items() if "value" in example)


def _violations(where: str, violations: list[Violation]) -> Iterator[str]:
    for violation in violations[:_SHOWN]:
        yield f"{where}: {violation.path or 'the value'}: {violation.message}"


def _references(node: Any, location: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            here = (*location, key)
            if key == "$ref" and isinstance(value, str):
                yield here, value
            elif key in ("mapping", "x-mapping") and isinstance(value, dict):
                yield from (((*here, name), target) for name, target in value.items() if _is_reference(target))
            elif key == "examples" and isinstance(value, dict):
                # Only an example itself can be a reference; its value is data.
                shallow = {name: {"$ref": example["$ref"]} for name, example in value.items() if _referring(example)}
                yield from _references(shallow, here)
            elif key not in ("example", "default", "enum"):
                yield from _references(value, here)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _references(value, (*location, index))


def _referring(example: Any) -> bool:
    return isinstance(example, dict) and "$ref" in example


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("#/")


def _resolves(document: Mapping[str, Any], reference: str) -> bool:
    node: Any = document
    for step in reference.removeprefix("#/").split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or step not in node:
            return False
        node = node[step]
    return True
