"""Compare the contract with another OpenAPI document, such as a target's ``/api-docs/swagger.json``.

Only the operations of the contract are compared. What is compared is what a client can rely on: operations, parameters,
statuses, and the properties of bodies with their types, enumerations, bounds and whether they are required.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import requests

from conformance.contract.contract import Contract
from conformance.contract.document import Document
from conformance.contract.operations import JSON_MEDIA_TYPE

PREFIX = "/api/v5"
_LARGEST = 64 * 1024 * 1024
_CHUNK = 256 * 1024
_TIMEOUTS = (10.0, 60.0)
_DEEPEST = 24
_COMPARED = (
    "type", "format", "nullable", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
)  # fmt: skip

Change = Literal["added", "removed", "changed"]


class DiffError(ValueError):
    """The other document cannot be fetched or is no OpenAPI document; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Difference:
    """``change`` from the contract to the other document; ``where`` within the operation ``label``."""

    label: str
    change: Change
    where: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.change:8} {self.label}: {self.where}{f': {self.detail}' if self.detail else ''}"


def load_other(source: str) -> Document:
    """Fetch or read another document; ``source`` is an http(s) URL or a file. Raises `DiffError`."""
    content = _fetched(source) if source.startswith(("http://", "https://")) else _read(source)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DiffError(f"{source} is no JSON: {error}") from error
    if not isinstance(document, dict) or "openapi" not in document or not isinstance(document.get("paths"), dict):
        raise DiffError(f"{source} is no OpenAPI 3 document")
    return document


def differences(contract: Contract, other: Document) -> Iterator[Difference]:
    """What ``other`` says differently of the operations of ``contract``, in the order of the contract."""
    paths = {_without_prefix(path): item for path, item in other["paths"].items() if isinstance(item, dict)}
    for operation in contract.operations.values():
        theirs = paths.get(operation.path, {}).get(operation.method.lower())
        if not isinstance(theirs, dict):
            yield Difference(operation.label, "removed", "the operation")
            continue
        ours = _facts(contract.document, operation.definition)
        yield from _compared(operation.label, ours, _facts(other, theirs))


def _read(source: str) -> bytes:
    try:
        file = Path(source)
        if file.stat().st_size > _LARGEST:
            raise DiffError(f"{source} is larger than {_LARGEST} bytes")
        return file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, DiffError):
            raise
        raise DiffError(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _fetched(url: str) -> bytes:
    session = requests.Session()
    session.trust_env = False
    try:
        with session.get(url, timeout=_TIMEOUTS, stream=True, headers={"Accept": JSON_MEDIA_TYPE}) as answer:
            if answer.status_code != requests.codes.ok:
                raise DiffError(f"{url} answered {answer.status_code}")
            content = b""
            for chunk in answer.iter_content(_CHUNK):
                content += chunk
                if len(content) > _LARGEST:
                    raise DiffError(f"{url} is larger than {_LARGEST} bytes")
            return content
    except (requests.RequestException, UnicodeError) as error:
        raise DiffError(f"{url} cannot be fetched: {type(error).__name__}") from error
    finally:
        session.close()


def _without_prefix(path: str) -> str:
    return path.removeprefix(PREFIX) if path.startswith(PREFIX + "/") else path


def _compared(label: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[Difference]:
    different = [where for where in ours.keys() | theirs.keys() if ours.get(where) != theirs.get(where)]
    for where in sorted(different):
        if any((parent in ours) != (parent in theirs) for parent in _parents(where)):
            continue  # its parent is told already
        if where not in theirs:
            yield Difference(label, "removed", where, ours[where])
        elif where not in ours:
            yield Difference(label, "added", where, theirs[where])
        else:
            yield Difference(label, "changed", where, f"{ours[where]} became {theirs[where]}")


def _parents(where: str) -> Iterator[str]:
    steps = where.split("/")
    yield from ("/".join(steps[:length]) for length in range(1, len(steps)))


def _facts(document: Document, definition: Mapping[str, Any]) -> dict[str, str]:
    """What a document says of one operation: where -> description of that one place."""
    facts: dict[str, str] = {}
    for written in definition.get("parameters", ()):
        parameter = _resolved(document, written)
        where = f"{parameter.get('in')} parameter {parameter.get('name')}"
        facts[where] = "required" if parameter.get("required") else "optional"
        _add(facts, document, parameter.get("schema", {}), where, required=False, seen=())
    body = _resolved(document, definition.get("requestBody", {}))
    for media, content in body.get("content", {}).items():
        facts[f"body {media}"] = ""
        _add(facts, document, content.get("schema", {}), f"body {media}", required=False, seen=())
    for status, written in definition.get("responses", {}).items():
        facts[f"status {status}"] = ""
        for content in _resolved(document, written).get("content", {}).values():
            _add(facts, document, content.get("schema", {}), f"status {status}", required=False, seen=())
    return facts


def _add(
    facts: dict[str, str], document: Document, schema: Any, where: str, *, required: bool, seen: tuple[str, ...]
) -> None:
    reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
    if reference in seen or len(seen) > _DEEPEST:
        return
    schema = _resolved(document, schema)
    described = _described(schema, required)
    facts[where] = f"{facts[where]} {described}".strip() if where in facts else described
    seen = (*seen, reference) if reference else (*seen, where)
    needed = set(schema.get("required") or ())
    for name, member in (schema.get("properties") or {}).items():
        _add(facts, document, member, f"{where}/{name}", required=name in needed, seen=seen)
    if isinstance(schema.get("items"), dict):
        _add(facts, document, schema["items"], f"{where}/[]", required=False, seen=seen)
    for number, member in enumerate(_members(schema)):
        name = member.get("$ref", "").rpartition("/")[2] if isinstance(member, dict) else ""
        name = name or _described(_resolved(document, member), False) or str(number)
        _add(facts, document, member, f"{where}/<{name}>", required=False, seen=seen)


def _members(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The members of the unions of a schema; those of a union without a name take its place."""
    for union in ("oneOf", "anyOf", "allOf"):
        for member in schema.get(union) or ():
            nested = list(_members(member)) if isinstance(member, dict) and "$ref" not in member else []
            yield from nested or [member]


def _described(schema: Mapping[str, Any], required: bool) -> str:
    words = ["required"] if required else []
    words += [str(schema[key]) if key == "type" else f"{key} {schema[key]}" for key in _COMPARED if key in schema]
    if "enum" in schema:
        words.append("one of " + ", ".join(sorted(map(str, schema["enum"]))))
    if schema.get("default") not in (None, {}):
        words.append(f"default {json.dumps(schema['default'], sort_keys=True)}")
    return " ".join(words)


def _resolved(document: Document, node: Any) -> dict[str, Any]:
    """Follow local references; one that leads nowhere is an empty object."""
    for _ in range(_DEEPEST):
        if not isinstance(node, dict):
            return {}
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return node
        node = document
        for step in reference.removeprefix("#/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            node = node.get(step) if isinstance(node, dict) else None
    return {}
