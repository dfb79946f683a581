"""What `spec lint` finds in documents that are wrong in one way each."""

import copy

import pytest

from conformance.contract import Contract, DocumentError, lint, load_contract
from conformance.contract.overlay import parse_overlay

GOOD = {
    "openapi": "3.0.0",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/x/{id}": {
            "put": {
                "operationId": "put_x",
                "tags": ["t"],
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "example": "a"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}, "example": 5},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/thing"},
                            "examples": {"small": {"value": {"n": 1}}},
                        }
                    }
                },
                "responses": {
                    "200": {
                        "description": "It was changed.",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/thing"},
                                "example": {"n": 2},
                            }
                        },
                    }
                },
            }
        }
    },
    "components": {"schemas": {"thing": {"type": "object", "properties": {"n": {"type": "integer"}}}}},
}


def contract(*changes):
    """The good document with some places changed: ``(path to the place, value)``."""
    document = copy.deepcopy(GOOD)
    for path, value in changes:
        node = document
        *steps, last = path
        for step in steps:
            node = node[step]
        node[last] = value
    return Contract(document, "corrected", "5.8.9")


PUT = ("paths", "/x/{id}", "put")
BODY = (*PUT, "requestBody", "content", "application/json")
ANSWER = (*PUT, "responses", "200")


def test_a_good_document_has_no_findings():
    good = contract()
    assert [
        *lint.validity(good), *lint.references(good), *lint.operation_ids(good), *lint.examples(good),
    ] == []  # fmt: skip


def test_a_document_that_is_no_openapi_is_found():
    findings = list(lint.validity(contract(((*PUT, "parameters"), [{"name": "id", "in": "nowhere", "schema": {}}]))))
    assert findings[0].startswith("/paths/~1x~1{id}/put/parameters/0")


def test_an_answer_without_description_is_found():
    findings = list(lint.validity(contract((ANSWER, {"content": {}}))))
    assert findings == ["/paths/~1x~1{id}/put/responses/200: a response needs a description"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((*BODY, "schema"), {"$ref": "#/components/schemas/nothing"}),
        ((*BODY, "schema"), {"oneOf": [], "discriminator": {"mapping": {"a": "#/components/schemas/nothing"}}}),
        ((*BODY, "schema"), {"x-mapping": {"a": "#/components/schemas/nothing"}}),
    ],
)
def test_a_dead_reference_is_found_wherever_it_is(place, value):
    (finding,) = lint.references(contract((place, value)))
    assert finding.endswith("#/components/schemas/nothing leads nowhere")


def test_operation_ids_have_to_be_there_and_unique():
    get = {**GOOD["paths"]["/x/{id}"]["put"], "requestBody": {}}
    assert list(lint.operation_ids(contract((("paths", "/x/{id}", "get"), {**get, "operationId": "put_x"})))) == [
        "PUT /x/{id}: operationId put_x is also that of GET /x/{id}"
    ]
    assert list(lint.operation_ids(contract(((*PUT, "operationId"), "")))) == ["PUT /x/{id}: no operationId"]


@pytest.mark.parametrize(
    ("place", "value", "finding"),
    [
        ((*BODY, "examples", "small", "value"), {"n": "1"}, "example small: /n: expected integer, came \"1\""),
        ((*BODY, "examples"), {}, "the body has no example"),
        ((*ANSWER, "content", "application/json", "example"), 5, "example example of 200: the value: expected object"),
        ((*PUT, "parameters", 1, "example"), "five", "example example of the parameter limit: the value: expected"),
    ],
)  # fmt: skip
def test_an_example_that_breaks_its_schema_is_found(place, value, finding):
    (found,) = lint.examples(contract((place, value)))
    assert found.startswith(f"PUT /x/{{id}}: {finding}")


def test_actions_need_a_reason_and_a_listed_erratum(monkeypatch):
    actions = [
        {"target": "$.a", "update": {}},
        {"target": "$.a", "update": {}, "x-erratum": "Z99", "x-reason": "why"},
        {"target": "$.a", "update": {}, "x-erratum": "A1", "description": "why"},
    ]
    content = {"overlay": "1.0.0", "info": {"title": "t", "version": "1"}, "actions": actions}
    monkeypatch.setattr(lint, "overlays", lambda _root, _version: [parse_overlay(content, "o.yaml")])
    assert list(lint.action_errata("5.8.9")) == [
        "o.yaml: action 1: no reason",
        "o.yaml: action 1: no erratum",
        "o.yaml: action 2: unknown erratum Z99",
    ]


def test_broken_files_are_one_finding(monkeypatch):
    def fail(*_arguments):
        raise DocumentError("openapi.yaml: broken")

    monkeypatch.setattr(lint, "load_contract", fail)
    assert list(lint.lint()) == ["openapi.yaml: broken"]


def test_findings_name_the_document(monkeypatch):
    monkeypatch.setattr(lint, "load_contract", lambda *_arguments: contract(((*PUT, "operationId"), "")))
    monkeypatch.setattr(lint, "described_versions", lambda _root: [])
    assert list(lint.lint()) == ["corrected 5.8.9: PUT /x/{id}: no operationId"]


@pytest.mark.parametrize("version", ["5.8.1", "5.8.9"])
def test_references_and_actions_of_our_documents_are_right(version):
    assert list(lint.references(load_contract("published"))) == []
    assert list(lint.references(load_contract("corrected", version))) == []
    assert list(lint.action_errata(version)) == []


def test_the_corrected_document_is_valid_openapi():
    assert list(lint.validity(load_contract("corrected"))) == []


def test_examples_and_operation_ids_of_our_documents_are_right():
    corrected = load_contract("corrected")
    assert list(lint.examples(corrected)) == []
    assert list(lint.operation_ids(corrected)) == []
