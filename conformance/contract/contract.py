"""The contract: the OpenAPI document after its overlays, indexed by operation and by resource type."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from conformance.contract.document import Document
from conformance.contract.operations import (
    BODY_CHOSEN_BY_TYPE,
    JSON_MEDIA_TYPE,
    METHODS,
    Operation,
    Parameter,
    ResourceKind,
    Response,
)
from conformance.contract.schemas import Schemas, Violation

Variant = Literal["corrected", "published", "documented"]

_TYPED_OPERATIONS: Mapping[ResourceKind, str] = {"connectors": "POST /connectors", "actions": "POST /actions"}


def contract_seed(digest: str) -> int:
    """The seed of a run that is told no other, from the digest of its contract (``sha256:...``)."""
    return int(digest.removeprefix("sha256:")[:8], 16)


class Contract:
    """One variant of the document (published or corrected) for one EMQX version.

    Build it with `conformance.contract.load_contract`; ``document`` has only local references.
    """

    def __init__(self, document: Document, variant: Variant, version: str) -> None:
        self.document = document
        self.variant = variant
        self.version = version
        self.remembered: dict[tuple[Any, int], tuple[Mapping[str, Any], Any]] = {}
        """What was made of its schemas, by what made it and the identity of the schema, which stays alive for that."""

    @cached_property
    def digest(self) -> str:
        """``sha256:`` and 64 hex digits over the canonical JSON of the document."""
        canonical = json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """All operations by label (``"GET /rules/{id}"``), in the order of the document."""
        return {operation.label: operation for operation in self._operations()}

    def operation(self, label: str) -> Operation:
        return self.operations[label]

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow ``$ref`` until a schema or parameter object is reached."""
        while "$ref" in schema:
            section, name = schema["$ref"].removeprefix("#/components/").split("/", 1)
            schema = self.document["components"][section][name]
        return schema

    def branches(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The members of a union, nested unions flattened, each as written (reference or schema)."""
        resolved = self.resolve(schema)
        members = resolved.get("oneOf") or resolved.get("anyOf")
        if members is None:
            yield schema
            return
        for member in members:
            yield from self.branches(member)

    @cached_property
    def _typed_branches(self) -> Mapping[str, Mapping[str, list[Mapping[str, Any]]]]:
        """For the six typed operations: type -> its branches (more than one for iotdb)."""
        found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
        for label in BODY_CHOSEN_BY_TYPE:
            operation = self.operations[label]
            by_type = found.setdefault(label, {})
            chosen = (operation.json_body or {}).get("x-mapping", {})
            by_type.update({name: list(self.branches({"$ref": target})) for name, target in chosen.items()})
            twin = operation.label.replace("PUT ", "POST ").replace("/{id}", "")
            for branch in self.branches(self.operations[twin].json_body or {}):
                resource_type = self.resolve(branch)["properties"]["type"]["enum"][0]
                if resource_type in chosen:
                    continue
                if operation.method == "PUT":
                    # Published, bodies of PUT carry no type and no mapping: they are named after those of POST.
                    branch = {"$ref": branch["$ref"].replace(".post", ".put")}
                by_type.setdefault(resource_type, []).append(branch)
        return found

    def types(self, kind: ResourceKind) -> list[str]:
        """Sorted connector or action types of this version."""
        return sorted(self._typed_branches[f"POST /{kind}"])

    @cached_property
    def every_type(self) -> frozenset[str]:
        """The connector and action types of this version."""
        return frozenset({*self.types("connectors"), *self.types("actions")})

    def body_schema(self, label: str, resource_type: str | None = None) -> Mapping[str, Any] | None:
        """Schema of the JSON body of an operation, narrowed to one connector or action type if given."""
        if resource_type is None:
            return self.operations[label].json_body
        return self._typed_bodies[label][resource_type]

    @cached_property
    def _typed_bodies(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        return {
            label: {name: found[0] if len(found) == 1 else {"anyOf": found} for name, found in by_type.items()}
            for label, by_type in self._typed_branches.items()
        }

    @cached_property
    def unprintable(self) -> re.Pattern[str] | None:
        """A character that no text of a request may hold (erratum B26); None if the document names none."""
        refused = self.document["info"].get("x-text", {}).get("refused")
        return re.compile(refused) if refused else None

    def validate_response(self, label: str, status: int, body: Any) -> list[Violation]:
        """Violations of the documented schema of an answer; none where no JSON body is documented."""
        return self._schemas.response(label, status, body)

    def validate_request(self, label: str, body: Any, resource_type: str | None = None) -> list[Violation]:
        """Violations of the request schema, narrowed to a connector or action type if given."""
        return self._schemas.request(label, body, resource_type)

    def validate_parameter(self, label: str, name: str, text: str) -> list[Violation]:
        """Violations of a path or query parameter given as ``text``. Raises KeyError for an unknown one."""
        return self._schemas.parameter(label, name, text)

    @cached_property
    def _schemas(self) -> Schemas:
        return Schemas(self)

    def body_examples(self, label: str, resource_type: str | None = None) -> Mapping[str, Any]:
        """Named examples of the JSON body (name -> value); for typed operations those of one type.

        The examples of the typed operations are keyed ``<type>`` or ``<type>_<what>`` in the document and carry
        their type in POST bodies; for PUT the type is found in the ``x-type`` of the example object.
        """
        media = self.operations[label].definition.get("requestBody", {}).get("content", {}).get(JSON_MEDIA_TYPE, {})
        examples = {name: self.resolve(example) for name, example in media.get("examples", {}).items()}
        return {
            name: example["value"]
            for name, example in examples.items()
            if resource_type is None
            or example.get("x-type") == resource_type
            or (isinstance(example["value"], dict) and example["value"].get("type") == resource_type)
        }

    def _operations(self) -> Iterator[Operation]:
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield self._operation(method.upper(), path, item[method])

    def _operation(self, method: str, path: str, definition: Mapping[str, Any]) -> Operation:
        body = definition.get("requestBody", {})
        return Operation(
            label=f"{method} {path}",
            operation_id=definition.get("operationId", ""),
            method=method,
            path=path,
            tag=definition["tags"][0],
            parameters=tuple(self._parameter(parameter) for parameter in definition.get("parameters", ())),
            request_bodies={media: content.get("schema", {}) for media, content in body.get("content", {}).items()},
            request_body_required=body.get("required", False),
            responses={
                int(status): self._response(int(status), answer) for status, answer in definition["responses"].items()
            },
            definition=definition,
        )

    def _parameter(self, parameter: Mapping[str, Any]) -> Parameter:
        parameter = self.resolve(parameter)
        return Parameter(
            name=parameter["name"],
            location=parameter["in"],
            required=parameter.get("required", False),
            schema=parameter.get("schema", {}),
        )

    def _response(self, status: int, answer: Mapping[str, Any]) -> Response:
        content = self.resolve(answer).get("content", {})
        return Response(status, tuple(content), content.get(JSON_MEDIA_TYPE, {}).get("schema"))
