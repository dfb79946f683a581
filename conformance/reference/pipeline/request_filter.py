"""The schema filter: checks path, query and body of a request against the contract (behaviour 0.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.contract.operations import Operation, Parameter, ResourceKind
from conformance.reference.bridges.configuration import UNDOCUMENTED
from conformance.reference.bridges.identifiers import type_for_filter
from conformance.reference.crashes import converter_crash, refusal_crashes
from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.rest.checking import Checker, CheckError
from conformance.reference.rest.http import Call, Crash, SchemaFilter, unsupported_media_type


class RequestFilter:
    """The filter of one operation. Operations outside the contract have nothing to check against."""

    def __init__(self, deployment: Deployment, label: str, kind: SchemaFilter) -> None:
        self._deployment = deployment
        self._kind = kind
        self._operation = deployment.contract.operations.get(label)
        self._checker = Checker(deployment.contract, deployment.traits)
        self._path_parameters: list[Parameter] = []
        self._query_schemas: dict[str, Mapping[str, Any]] = {}
        self._query_defaults: dict[str, Any] = {}
        self._required_query: list[str] = []
        if self._operation is not None:
            self._prepare(self._operation)
        elif kind is not SchemaFilter.NONE:
            raise ValueError(f"{label} is not in the contract, so its filter must be NONE")

    def _prepare(self, operation: Operation) -> None:
        self._path_parameters = list(operation.parameters_in("path"))
        for parameter in operation.parameters_in("query"):
            schema = self._resolved(parameter.schema)
            self._query_schemas[parameter.name] = schema
            if "default" in schema:
                self._query_defaults[parameter.name] = schema["default"]
            elif parameter.required:
                self._required_query.append(parameter.name)

    def apply(self, call: Call) -> None:
        """Check ``call`` and put the converted query and body into it; raises `ApiError` 400, 404 or 415."""
        operation = self._operation
        if operation is None or self._kind is SchemaFilter.NONE:
            call.query = dict(call.raw_query)
            return
        if self._kind in (SchemaFilter.CONTENT_TYPE, SchemaFilter.BY_HANDLER):
            call.query = dict(call.raw_query)
            if operation.json_body is not None and (isinstance(call.body, bytes) or self._is_misspelt(call)):
                raise unsupported_media_type()
            return
        self._check_parameters(call)
        schema = operation.json_body
        if schema is not None:
            self._check_body(operation, schema, call)

    def _is_misspelt(self, call: Call) -> bool:
        """Whether the rules of 5.8.9 do not know the media type again: they compare it letter by letter (GEN-10)."""
        if self._kind is not SchemaFilter.CONTENT_TYPE or call.body == {}:
            return False
        by_letter = self._deployment.has(Defect.MEDIA_TYPE_OF_RULES)
        return by_letter and not call.headers.get("content-type", "").startswith("application/json")

    def _check_parameters(self, call: Call) -> None:
        try:
            for parameter in self._path_parameters:
                self._checker.check(parameter.schema, call.path[parameter.name], parameter.name, from_text=True)
            call.query = dict(self._query_defaults)
            given: dict[str, list[str]] = {}
            for name, value in call.raw_query:
                given.setdefault(name, []).append(value)
            for name in self._required_query:
                if name not in given:
                    raise CheckError.of("required_field", name)
            for name, values in given.items():
                schema = self._query_schemas.get(name)
                if schema is not None:  # unknown query parameters are ignored (GEN-17)
                    call.query[name] = self._query_value(schema, name, values)
        except CheckError as error:
            raise error.as_bad_request() from None

    def _query_value(self, schema: Mapping[str, Any], name: str, given: list[str]) -> Any:
        takes_text_list = any(self._resolved(branch).get("type") == "array" for branch in schema.get("oneOf", ()))
        if takes_text_list and len(given) > 1:
            # One comma separated text is meant (``fields`` of GET /clients).
            if self._deployment.has(Defect.CRASH_TOLD_IN_A_REFUSAL):
                raise CheckError([converter_crash(name)])
            raise CheckError.of("repeated_parameter", name)
        # Of a repeated scalar the last one counts; array parameters collect all.
        value: Any = given if schema.get("type") == "array" else given[-1]
        return self._checker.check(schema, value, name, from_text=True)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._deployment.contract.resolve(schema)

    def _check_body(self, operation: Operation, schema: Mapping[str, Any], call: Call) -> None:
        resource_type: str | None = None
        if operation.body_chosen_by_type and operation.method == "PUT":
            resource_type = type_for_filter(self._deployment, operation, call.path["id"])
        if isinstance(call.body, (bytes, str)):
            raise unsupported_media_type()
        body = self._shaped(schema, call.body)
        if operation.body_chosen_by_type:
            resource_type = resource_type or self._type_in(operation, body)
            schema = self._deployment.contract.body_schema(operation.label, resource_type) or schema
        try:
            call.checked = self._checked(operation, schema, body)
        except CheckError as error:
            if refusal_crashes(self._deployment.traits, operation, resource_type, body, error.problems):
                raise Crash("a refusal that cannot be printed", silent=True) from None
            raise error.as_bad_request() from None
        if self._kind is SchemaFilter.TRANSLATE:
            call.body = call.checked

    def _checked(self, operation: Operation, schema: Mapping[str, Any], body: Any) -> Any:
        if not (operation.body_chosen_by_type and operation.path.startswith("/actions")):
            return self._checker.check(schema, body, "root")
        takes_times = self._deployment.has(Defect.ACTION_CREATED_AT)
        accepted = UNDOCUMENTED if takes_times else {"local_topic": UNDOCUMENTED["local_topic"]}
        hidden = {name: body[name] for name in accepted if name in body} if isinstance(body, dict) else {}
        checked = {name: self._checker.check(accepted[name], value, f"root.{name}") for name, value in hidden.items()}
        documented = {name: value for name, value in body.items() if name not in hidden} if hidden else body
        return {**self._checker.check(schema, documented, "root"), **checked}

    def _shaped(self, schema: Mapping[str, Any], body: Any) -> Any:
        """What the check sees of bodies of the wrong shape: 5.8.9 takes ``{}`` for ``[]`` and null for ``{}``."""
        if not self._deployment.has(Defect.NO_ARRAY):
            return body
        schema = self._resolved(schema)
        is_array = schema.get("type") == "array"
        if body is None:
            if is_array or not (schema.get("required") or "oneOf" in schema or "anyOf" in schema):
                raise Crash("null body", silent=True)
            return {}
        return [] if is_array and body == {} else body

    def _type_in(self, operation: Operation, body: Any) -> str:
        kind: ResourceKind = "actions" if operation.path.startswith("/actions") else "connectors"
        if not isinstance(body, dict):
            raise CheckError.of("bad_value_for_struct", "root", value=body).as_bad_request()
        given = body.get("type")
        if given not in self._deployment.types(kind):
            detail = "required_field" if given is None else "unknown_type"
            raise CheckError.of(detail, "root.type", **({} if given is None else {"value": given})).as_bad_request()
        return str(given)
