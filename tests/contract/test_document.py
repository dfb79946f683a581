"""The published document carries the facts exactly: nothing missing, nothing extra."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV30SpecValidator

from conformance.contract import load_contract
from conformance.contract.document import DocumentError, assemble, openapi_root

FACTS = json.loads((Path(__file__).parents[1] / "data" / "dedicated-v5.facts.json").read_text(encoding="utf-8"))
DOCUMENT = assemble(openapi_root())

# What describes instead of constraining; the facts hold other people's examples.
DESCRIPTIVE = frozenset({"summary", "description", "operationId", "example", "examples"})
RENAMED = {"is_template": "x-is-template", "log_meta": "x-log-meta"}


def structure(node: Any, *, names: bool = False) -> Any:
    """``node`` without what only describes; ``names``: its keys are names of fields, not keywords."""
    if isinstance(node, dict):
        return {
            key if names else RENAMED.get(key, key): value
            if key in ("default", "enum") and not names
            else structure(value, names=key == "properties" and not names)
            for key, value in node.items()
            if names or key not in DESCRIPTIVE
        }
    return [structure(item) for item in node] if isinstance(node, list) else node


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    reduced = structure(document)
    reduced.pop("tags", None)
    reduced["components"].pop("examples", None)
    reduced["info"] = {key: reduced["info"][key] for key in ("title", "version")}
    return dict(reduced)


def test_document_and_facts_have_the_same_structure() -> None:
    ours, theirs = comparable(DOCUMENT), comparable(FACTS)
    assert ours["paths"].keys() == theirs["paths"].keys()
    assert ours["components"]["schemas"].keys() == theirs["components"]["schemas"].keys()
    for path, item in theirs["paths"].items():
        assert ours["paths"][path] == item, path
    for name, schema in theirs["components"]["schemas"].items():
        assert ours["components"]["schemas"][name] == schema, name
    assert ours == theirs


def test_counts_are_those_of_the_published_document() -> None:
    assert len(DOCUMENT["components"]["schemas"]) == 406
    contract = load_contract("published")
    assert (len(contract.types("actions")), len(contract.types("connectors"))) == (34, 37)


def pointers(node: Any, pointer: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document."""
    if pointer:
        yield pointer
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in members:
        yield from pointers(value, (*pointer, key))


PLACES = list(pointers(comparable(DOCUMENT)))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(PLACES), st.booleans())
def test_comparison_notices_any_change(place: tuple[Any, ...], remove: bool) -> None:
    changed = deepcopy(comparable(DOCUMENT))
    parent = changed
    for step in place[:-1]:
        parent = parent[step]
    if remove:
        del parent[place[-1]]
    else:
        parent[place[-1]] = "altered"
    assert changed != comparable(FACTS)


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_parameter_response_and_schema_is_described() -> None:
    identifiers = [operation["operationId"] for _, operation in operations()]
    assert len(set(identifiers)) == len(identifiers)
    parameters = DOCUMENT["components"]["parameters"]
    for label, operation in operations():
        assert operation["summary"], label
        assert operation["description"], label
        for parameter in operation.get("parameters", ()):
            described = parameters[parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter
            assert described["description"], (label, described["name"])
        for status, response in operation["responses"].items():
            assert response["description"], (label, status)
    assert all(schema.get("description") for schema in DOCUMENT["components"]["schemas"].values())


def test_document_is_valid_openapi() -> None:
    errors = [error.message[:200] for error in OpenAPIV30SpecValidator(without_defaults(DOCUMENT)).iter_errors()]
    assert errors == []


def without_defaults(node: Any, *, names: bool = False) -> Any:
    """The document without defaults: some published ones do not fit their own schema (errata A10, E7)."""
    if isinstance(node, dict):
        return {
            key: without_defaults(value, names=key == "properties" and not names)
            for key, value in node.items()
            if names or key != "default"
        }
    return [without_defaults(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize("variant", ["published", "corrected"])
def test_every_type_has_an_example_that_fits_its_schema(variant: Any) -> None:
    contract = load_contract(variant, "5.8.1")
    for label, operation in contract.operations.items():
        if operation.json_body is None:
            continue
        kind: Any = "connectors" if operation.path.startswith("/connectors") else "actions"
        for resource_type in contract.types(kind) if operation.body_chosen_by_type else [None]:
            examples = contract.body_examples(label, resource_type)
            assert examples, (label, resource_type)
            if variant == "corrected":
                for name, example in examples.items():
                    assert contract.validate_request(label, example, resource_type) == [], (label, name)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "openapi.yaml"),
        ({"openapi.yaml": "a: ["}, "openapi.yaml"),
        ({"openapi.yaml": "openapi: 3.0.0"}, "not an OpenAPI document"),
        ({"openapi.yaml": "paths: {/a: {$ref: 'b.yaml#/~1a'}}"}, "b.yaml"),
        ({"openapi.yaml": "paths: {/a: {$ref: 'b.yaml#/~1a'}}", "b.yaml": "/x: {}"}, "leads nowhere"),
        ({"openapi.yaml": "paths: {/a: {$ref: '../b.yaml#/~1a'}}"}, "leaves the contract's folder"),
    ],
)
def test_broken_files_are_one_sentence(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DocumentError) as caught:
        assemble(tmp_path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
