"""Check and convert values against the contract's schemas the way EMQX's configuration layer does (behaviour 0.2).

Not a JSON Schema validator: strings are taken for numbers and booleans, defaults are filled at any depth, unknown
fields are refused, durations and byte sizes are read, and errors are the JSON texts EMQX prints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.contract import Contract
from conformance.reference.crashes import crash_of
from conformance.reference.defects import NO_TRAITS, Defect, Quirk, Traits
from conformance.reference.rest.http import ApiError
from conformance.reference.rest.units import is_duration_field, is_size_field, parse_duration, parse_size

Schema = Mapping[str, Any]
Problem = dict[str, Any]

_INTEGER = re.compile(r"[-+]?[0-9]+")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_TLS_VERSIONS = frozenset({"tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"})
_REDACTED = "******"
_UNMATCHED_SHOWN = 2
_ABSENT: Any = object()
# Names have a rule of their own, which handlers check: its error text differs from that of a schema (CON-03, SCH-08).
_NAME = "root.name"
_TOPIC_OF_A_RULE = re.compile(r"\.rules\.[0-9]+\.topic$")
# What the recorded server takes for no character of a text, whatever its document says (erratum B26).
_UNPRINTABLE = re.compile("[\0-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffe\uffff]")
_SASL_MECHANISM = {"mechanism": {"type": "string", "enum": ["plain"]}}
# Accepted and shown by the server although the document leaves them out of these components.
_UNDOCUMENTED: Mapping[str, Mapping[str, Schema]] = {
    "#/components/schemas/confluent.auth_username_password": _SASL_MECHANISM,
    "#/components/schemas/bridge_azure_event_hub.auth_username_password": _SASL_MECHANISM,
    "#/components/schemas/connector_azure_blob_storage.post_connector": {"endpoint": {"type": "string"}},
    "#/components/schemas/connector_azure_blob_storage.put_connector": {"endpoint": {"type": "string"}},
}


class CheckError(Exception):
    """One or more problems ``{"kind", "reason", "path", ...}``; the text is what EMQX answers as ``message``."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        printed: Any = problems[0] if len(problems) == 1 else problems
        super().__init__(json.dumps(printed, ensure_ascii=False, separators=(",", ":")))

    @classmethod
    def of(cls, reason: Any, path: str, **details: Any) -> CheckError:
        return cls([{**details, "reason": reason, "path": path, "kind": "validation_error"}])

    def as_bad_request(self) -> ApiError:
        return ApiError(400, "BAD_REQUEST", str(self))


class Checker:
    """Checks against the schemas of one contract.

    ``traits``: those of the deployment, some of which let pass what should be refused, such as integers for strings
    (GEN-25).
    """

    def __init__(self, contract: Contract, traits: Traits = NO_TRAITS) -> None:
        self._contract = contract
        self._traits = traits

    def check(
        self,
        schema: Schema,
        value: Any,
        path: str = "root",
        *,
        fill: bool = True,
        convert: bool = True,
        from_text: bool = False,
    ) -> Any:
        """Return ``value`` with defaults filled (``fill``) and scalars converted (``convert``).

        ``from_text``: the value comes from a path or query, where everything is text. Raises `CheckError`.
        """
        return _Pass(self._contract, self._traits, fill, convert, from_text).value(schema, value, path)


class _Pass:
    """One walk over one value."""

    def __init__(self, contract: Contract, traits: Traits, fill: bool, convert: bool, from_text: bool) -> None:
        self.contract = contract
        self.traits = traits
        self.fill = fill
        self.convert = convert
        self.from_text = from_text

    def value(self, schema: Schema, value: Any, path: str) -> Any:
        if Defect.CRASH_TOLD_IN_A_REFUSAL in self.traits and (crash := crash_of(path, value)):
            raise CheckError([crash])
        written = schema
        schema = self.contract.resolve(schema)
        if "oneOf" in schema or "anyOf" in schema:
            return self._union(schema, value, path)
        for part in schema.get("allOf", ()):
            value = self.value(part, value, path)
        if value is None and schema.get("nullable"):
            return None
        match schema.get("type"):
            case "object":
                return self._object(_with_undocumented(written, schema), value, path)
            case "array":
                return self._array(schema, value, path)
            case "string":
                return self._string({**schema, "default": written.get("default", schema.get("default"))}, value, path)
            case "boolean":
                return self._boolean(value, path)
            case "integer" | "number" as kind:
                return self._number(schema, value, path, kind == "integer")
        return self._listed(schema, value, path)

    def _object(self, schema: Schema, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise CheckError.of("bad_value_for_struct", path, value=value)
        properties: Mapping[str, Schema] = schema.get("properties", {})
        if not properties:
            return self._map(schema, value, path)
        problems: list[Problem] = []
        unknown = [name for name in value if name not in properties]
        if unknown and schema.get("additionalProperties") is not True:
            unmatched = [name for name in properties if name not in value]
            shown = ",".join(unmatched[:_UNMATCHED_SHOWN]) + (",..." if len(unmatched) > _UNMATCHED_SHOWN else "")
            details = {"unmatched": shown, "unknown": ",".join(sorted(unknown))}
            raise CheckError.of("unknown_fields", path, **details)
        result = dict(value)
        required = schema.get("required", ())
        for name, field_schema in properties.items():
            field_path = f"{path}.{name}"
            if self.contract.resolve(field_schema).get("deprecated"):
                continue  # whatever it holds, as the recorded server does
            given = value.get(name)
            try:
                if given is not None or (name in value and Quirk.NULL_FOR_ABSENT not in self.traits):
                    result[name] = self.value(field_schema, given, field_path)
                    continue
                result.pop(name, None)
                filled = self._filled(field_schema, field_path, required=name in required)
                if filled is not _ABSENT and self.fill:
                    result[name] = filled
            except CheckError as error:
                problems.extend(error.problems)
        if problems:
            raise CheckError(problems)
        return result

    def _filled(self, schema: Schema, path: str, *, required: bool) -> Any:
        """What an absent field gets: its default, the defaults inside its object, or `_ABSENT`.

        A default satisfies ``required``, as it does on the recorded server (``url`` of hstreamdb).
        """
        resolved = self.contract.resolve(schema)
        default = schema.get("default", resolved.get("default", _ABSENT))
        if schema.get("deprecated"):
            default = _ABSENT
        if default is not _ABSENT:
            try:
                return self.value(schema, default, path)
            except CheckError:
                if required:
                    raise
                # Written by the document, so taken even where its own schema would refuse it.
                return default
        if required:
            raise CheckError.of("required_field", path)
        if "$ref" not in schema or schema.get("deprecated") or not self._has_defaults_only(resolved):
            return _ABSENT
        return self.value(schema, {}, path) or _ABSENT

    def _has_defaults_only(self, schema: Schema) -> bool:
        """Whether an object may be left out and still be filled: it requires nothing."""
        return schema.get("type") == "object" and bool(schema.get("properties")) and not schema.get("required")

    def _map(self, schema: Schema, value: dict[str, Any], path: str) -> dict[str, Any]:
        member = schema.get("additionalProperties")
        if not isinstance(member, dict) or not member:
            return dict(value)
        return {name: self.value(member, item, f"{path}.{name}") for name, item in value.items()}

    def _array(self, schema: Schema, value: Any, path: str) -> Any:
        if self.from_text and isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list):
            raise CheckError.of({"expected_data_type": "array", "got": _type_name(value)}, path)
        items = schema.get("items", {})
        checked = [self.value(items, item, f"{path}.{index}") for index, item in enumerate(value, 1)]
        if not schema.get("minItems", 0) <= len(checked) <= schema.get("maxItems", len(checked)):
            raise CheckError.of("bad_array_length", path, length=len(checked))
        if schema.get("uniqueItems") and len({json.dumps(item, sort_keys=True) for item in checked}) < len(checked):
            raise CheckError.of("items_not_unique", path)
        if path.endswith(".ssl.versions") and (unknown := [one for one in checked if one not in _TLS_VERSIONS]):
            raise CheckError.of(f"{{unsupported_tls_versions,[{','.join(unknown)}]}}", path)
        return checked

    def _union(self, schema: Schema, value: Any, path: str) -> Any:
        branches = [self.contract.resolve(branch) for branch in self.contract.branches(schema)]
        candidates = [branch for branch in branches if not _contradicts(branch, value)] or branches
        failures: list[CheckError] = []
        for branch in sorted(candidates, key=lambda branch: not _fits_as_it_is(branch, value)):
            try:
                return self.value(branch, value, path)
            except CheckError as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        mismatches = {str(index): error.problems for index, error in enumerate(failures, 1)}
        raise CheckError.of("matched_no_union_member", path, mismatches=mismatches)

    def _string(self, schema: Schema, value: Any, path: str) -> Any:
        name = path.rpartition(".")[2]
        default = schema.get("default")
        if is_duration_field(name, default) or is_size_field(name, default):
            reader = parse_duration if is_duration_field(name, default) else parse_size
            expected = "a duration" if reader is parse_duration else "a byte size"
            try:
                # EMQX takes bare numbers here (milliseconds, bytes); the document does not promise it.
                reader(value if isinstance(value, str) or Defect.NUMBERS_FOR_TEXTS in self.traits else "")
            except ValueError:
                raise self._bad(schema, value, path, expected) from None
            return value
        if "enum" in schema:
            return self._symbol(schema["enum"], value, path)
        if isinstance(value, int) and not isinstance(value, bool) and self._takes_numbers(schema, path):
            converted = str(value)
        elif isinstance(value, str):
            converted = value
            self._check_text(schema, value, path)
        else:
            raise self._bad(schema, value, path, "binary()")
        return converted if self.convert else value

    def _takes_numbers(self, schema: Schema, path: str) -> bool:
        """Whether a text may be given as a number: any, or one that crashes what comes after."""
        return (
            Defect.NUMBERS_FOR_TEXTS in self.traits
            or (Defect.NUMERIC_SECRET in self.traits and schema.get("format") == "password")
            or (Defect.NAME_THAT_IS_A_NUMBER in self.traits and path == _NAME)
            or (Defect.AUTHORIZATION_TOPIC_AS_NUMBER in self.traits and _TOPIC_OF_A_RULE.search(path) is not None)
        )

    def _symbol(self, members: list[Any], value: Any, path: str) -> Any:
        """A member of an enum; the members true and false of a string enum may be given as text too."""
        for member in members:
            if value == member and type(value) is type(member):
                return value
            if isinstance(member, bool) and value == json.dumps(member):
                return member if self.convert else value
        raise CheckError.of("unable_to_convert_to_enum_symbol", path, value=value)

    def _check_text(self, schema: Schema, text: str, path: str) -> None:
        self._check_printable(schema, text, path)
        if path == _NAME:
            return
        if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)):
            raise self._bad(schema, text, path, "a string of the documented length")
        if "pattern" in schema and not re.search(schema["pattern"], text):
            raise self._bad(schema, text, path, f"a string matching {schema['pattern']}")
        if schema.get("format") == "date-time" and not _DATE_TIME.fullmatch(text):
            raise self._bad(schema, text, path, "an RFC 3339 date and time")

    def _check_printable(self, schema: Schema, text: str, path: str) -> None:
        if schema.get("format") == "password" and Quirk.SECRETS_UNCHECKED in self.traits:
            return  # 5.8.9 wraps secrets before it looks at them
        unprintable = _UNPRINTABLE if Quirk.OWN_DOCUMENT in self.traits else self.contract.unprintable
        if unprintable is not None and unprintable.search(text):
            raise self._bad(schema, text, path, "binary()")

    def _boolean(self, value: Any, path: str) -> Any:
        if isinstance(value, bool):
            return value
        if value in ("true", "false") and isinstance(value, str):
            return value == "true" if self.convert else value
        raise CheckError.of({"expected": "boolean()"}, path, value=value)

    def _number(self, schema: Schema, value: Any, path: str, integer: bool) -> Any:
        number: int | float
        if isinstance(value, str):
            try:
                number = int(value) if _INTEGER.fullmatch(value) else float("nan" if integer else value)
            except ValueError:
                number = float("nan")
        elif isinstance(value, bool) or not isinstance(value, int if integer else (int, float)):
            number = float("nan")
        else:
            number = value
        low, high = schema.get("minimum", number), schema.get("maximum", number)
        if not low <= number <= high or number in (float("inf"), float("-inf")):
            raise CheckError.of({"expected": _expected_number(schema, integer)}, path, value=value)
        if "enum" in schema and number not in schema["enum"]:
            raise CheckError.of("unable_to_convert_to_enum_symbol", path, value=value)
        return number if self.convert else value

    def _listed(self, schema: Schema, value: Any, path: str) -> Any:
        """A value without a type, or of the comma separated kind: only an ``enum`` restricts it."""
        if "enum" in schema and value not in schema["enum"]:
            raise CheckError.of("unable_to_convert_to_enum_symbol", path, value=value)
        return value

    def _bad(self, schema: Schema, value: Any, path: str, expected: str) -> CheckError:
        # Secrets never occur in an error message (CON-07).
        shown = _REDACTED if schema.get("format") == "password" else value
        return CheckError.of({"expected": expected}, path, value=shown)


def _with_undocumented(written: Schema, schema: Schema) -> Schema:
    """``schema`` with the properties that only its default or `_UNDOCUMENTED` tell of."""
    default = written.get("default")
    extra = dict(_UNDOCUMENTED.get(written.get("$ref", ""), {}))
    if isinstance(default, dict) and schema.get("properties"):
        extra |= {name: _schema_of(value) for name, value in default.items() if name not in schema["properties"]}
    return {**schema, "properties": {**extra, **schema["properties"]}} if extra else schema


def _schema_of(value: Any) -> Schema:
    return {"type": _type_name(value)}


def _contradicts(branch: Schema, value: Any) -> bool:
    """Whether ``value`` has a tag that ``branch`` gives another value: a property with a single-valued enum."""
    if not isinstance(value, dict):
        return False
    return any(name in value and value[name] not in property_schema["enum"] for name, property_schema in _tags(branch))


def _tags(branch: Schema) -> Iterator[tuple[str, Schema]]:
    for name, property_schema in branch.get("properties", {}).items():
        if len(property_schema.get("enum", ())) == 1:
            yield name, property_schema


_JSON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
}


def _fits_as_it_is(branch: Schema, value: Any) -> bool:
    """Whether ``value`` is of the branch's JSON type already, so that no conversion hides a better branch."""
    kind: str = branch.get("type", "")
    if isinstance(value, bool):
        return kind == "boolean"
    return kind in _JSON_TYPES and isinstance(value, _JSON_TYPES[kind])


def _expected_number(schema: Schema, integer: bool) -> str:
    if not integer:
        return "number()"
    low, high = schema.get("minimum"), schema.get("maximum")
    if high is not None:
        return f"{low if low is not None else '-inf'}..{high}"
    return {0: "non_neg_integer()", 1: "pos_integer()"}.get(low, "integer()") if low is not None else "integer()"


def _type_name(value: Any) -> str:
    for name, kind in (("boolean", bool), *_JSON_TYPES.items()):
        if isinstance(value, kind):
            return name
    return "null"
