"""OpenAPI 3.0 schemas as JSON Schema, and what is said of violations."""

import pytest

from conformance.contract import Contract, load_contract
from conformance.contract.json_schema import to_json_schema

CONTRACT = load_contract("corrected", "5.8.9")


def contract_of(schema, *, components=None, request=None):
    """A contract with one operation, which answers ``schema`` and takes ``request``."""
    operation = {
        "tags": ["t"],
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}},
        "parameters": [
            {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}},
            {"name": "flag", "in": "query", "schema": {"type": "boolean"}},
            {"name": "words", "in": "query", "schema": {"type": "array", "items": {"enum": ["a", "b"]}}},
            {"name": "text", "in": "query", "schema": {"type": "string", "maxLength": 3}},
        ],
    }
    if request is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": request}}}
    document = {"paths": {"/x/{id}": {"post": operation}}, "components": {"schemas": components or {}}}
    return Contract(document, "corrected", "5.8.9")


def found(contract, body):
    return [(v.path, v.message) for v in contract.validate_response("POST /x/{id}", 200, body)]


def test_a_violation_says_where_what_was_expected_and_what_came():
    schema = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string"},
            "n": {"type": "integer", "maximum": 3},
            "w": {"type": "string", "enum": ["a", "b"]},
            "when": {"type": "string", "format": "date-time"},
            "name": {"type": "string", "pattern": "^[a-z]+$"},
            "list": {"type": "array", "items": {"type": "boolean"}},
        },
    }
    contract = contract_of(schema)
    body = {"n": 4, "w": "c", "when": "yesterday", "name": "A", "list": [True, "x"]}
    assert found(contract, body) == [
        ("", "id is missing"),
        ("/list/1", 'expected boolean, came "x"'),
        ("/n", "expected maximum 3, came 4"),
        ("/name", 'expected text like ^[a-z]+$, came "A"'),
        ("/w", 'expected one of ["a", "b"], came "c"'),
        ("/when", 'expected date-time, came "yesterday"'),
    ]


def test_a_violation_names_the_keyword_in_the_document():
    violations = CONTRACT.validate_response("GET /rules/{id}", 404, {"code": "WRONG", "message": "m"})
    assert [v.schema_path for v in violations] == [
        "/paths/~1rules~1{id}/get/responses/404/content/application~1json/schema/properties/code/enum"
    ]
    violations = CONTRACT.validate_response("GET /rules/{id}", 200, {})
    assert {v.schema_path for v in violations} == {"/components/schemas/rule_engine.rule_info/required"}


def test_pointers_are_escaped_and_long_values_are_cut():
    contract = contract_of({"type": "object", "additionalProperties": {"type": "integer"}})
    ((path, message),) = found(contract, {"a/b~c": "x" * 5000})
    assert path == "/a~1b~0c"
    assert len(message) < 200


def test_null_is_valid_only_where_the_schema_is_nullable():
    contract = contract_of(
        {
            "type": "object",
            "properties": {
                "may": {"type": "string", "nullable": True},
                "word": {"type": "string", "enum": ["a"], "nullable": True},
                "must": {"type": "string"},
            },
        }
    )
    assert found(contract, {"may": None, "word": None}) == []
    assert found(contract, {"must": None}) == [("/must", "expected string, came null")]
    assert found(contract, {"word": "b"})[0][0] == "/word"


UNION = {
    "oneOf": [{"$ref": "#/components/schemas/cat"}, {"$ref": "#/components/schemas/dog"}],
    "discriminator": {
        "propertyName": "kind",
        "mapping": {"cat": "#/components/schemas/cat", "dog": "#/components/schemas/dog"},
    },
}
ANIMALS = {
    "cat": {"type": "object", "required": ["lives"], "properties": {"lives": {"type": "integer"}}},
    "dog": {"type": "object", "required": ["tricks"], "properties": {"tricks": {"type": "array", "items": {}}}},
}


def test_a_discriminator_makes_errors_about_the_branch_that_was_meant():
    contract = contract_of(UNION, components=ANIMALS)
    assert found(contract, {"kind": "cat", "lives": 9, "tricks": 1}) == []
    assert found(contract, {"kind": "dog", "lives": 9}) == [("", "tricks is missing")]
    assert found(contract, {"kind": "cow"}) == [("/kind", 'expected one of ["cat", "dog"], came "cow"')]
    assert found(contract, {"lives": 9}) == [("", "kind is missing")]


def test_keywords_beside_a_discriminated_union_count():
    contract = contract_of({**UNION, "required": ["name"]}, components=ANIMALS)
    assert found(contract, {"kind": "cat", "lives": 9}) == [("", "name is missing")]


def test_a_union_without_discriminator_tells_the_closest_alternative():
    contract = contract_of({"anyOf": [{"type": "string"}, *ANIMALS.values()]})
    ((_, message),) = found(contract, {"lives": "many"})
    assert message == 'no alternative of anyOf fits {"lives": "many"}; closest: /lives expected integer, came "many"'


def test_a_union_of_which_several_alternatives_fit_is_told_as_such():
    contract = contract_of({"oneOf": [{"type": "string"}, {"enum": ["a", "b"]}, {"type": "integer"}]})
    assert found(contract, "a") == [("", '2 alternatives of oneOf fit "a" at once')]


def test_a_closed_object_is_closed_in_requests_and_open_in_answers():
    closed = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    contract = contract_of(
        {"$ref": "#/components/schemas/closed"},
        components={"closed": closed},
        request={"$ref": "#/components/schemas/closed"},
    )
    assert contract.validate_response("POST /x/{id}", 200, {"b": 1}) == []
    assert [v.message for v in contract.validate_request("POST /x/{id}", {"b": 1, "c": 2})] == ["unknown: b, c"]


def test_what_json_schema_does_not_know_is_dropped():
    schema = {"type": "string", "example": "x", "is_template": True, "deprecated": True, "x-note": 1, "default": "d"}
    assert to_json_schema(schema, "request") == {"type": "string"}


@pytest.mark.parametrize(
    ("name", "text", "valid"),
    [
        ("limit", "1", True), ("limit", "0", False), ("limit", "1.5", False), ("limit", "one", False),
        ("limit", "", False), ("flag", "true", True), ("flag", "yes", False), ("words", "a,b", True),
        ("words", "a,c", False), ("text", "123", True), ("text", "abcd", False),
    ],
)  # fmt: skip
def test_parameters_are_read_as_what_their_text_can_stand_for(name, text, valid):
    contract = contract_of({})
    assert (contract.validate_parameter("POST /x/{id}", name, text) == []) is valid


def test_an_unknown_parameter_is_an_error():
    with pytest.raises(KeyError, match="has no parameter nope"):
        contract_of({}).validate_parameter("POST /x/{id}", "nope", "1")


def test_without_a_documented_body_everything_is_valid():
    assert CONTRACT.validate_response("DELETE /rules/{id}", 204, {"x": 1}) == []
    assert CONTRACT.validate_response("GET /rules", 418, {"x": 1}) == []
    assert CONTRACT.validate_request("GET /rules", {"x": 1}) == []


def test_validators_are_compiled_once():
    schemas = CONTRACT._schemas
    assert schemas.response_validator("GET /rules", 200) is schemas.response_validator("GET /rules", 200)


@pytest.mark.parametrize("kind", ["connectors", "actions"])
def test_every_type_has_a_body_of_its_own_for_each_operation(kind):
    for resource_type in CONTRACT.types(kind):
        for label in (f"POST /{kind}", f"POST /{kind}_probe", f"PUT /{kind}/{{id}}"):
            schema = CONTRACT.body_schema(label, resource_type)
            names = [CONTRACT.resolve(branch) for branch in CONTRACT.branches(schema)]
            types = {tuple(member["properties"].get("type", {}).get("enum", ())) for member in names}
            assert types == ({(resource_type,)} if label.startswith("POST") else {()})
            unknown = CONTRACT.validate_request(label, {"x_unknown": 1}, resource_type)
            assert unknown, "an unknown field is refused by every type"


def test_the_body_of_a_put_is_chosen_by_the_type_in_the_path():
    body = {"server": "127.0.0.1:1883"}
    assert CONTRACT.validate_request("PUT /connectors/{id}", body, "mqtt") == []
    assert CONTRACT.validate_request("PUT /connectors/{id}", body, "http") != []


@pytest.mark.parametrize(("connected", "missing"), [(True, True), (False, False)])
def test_only_a_client_that_is_connected_must_have_the_counters_of_its_socket(connected: bool, missing: bool) -> None:
    """A live 5.8.9 showed a session without ``recv_cnt`` right after its connection was closed."""
    violations = CONTRACT.validate_response("GET /clients/{clientid}", 200, {"clientid": "c", "connected": connected})
    assert any("anyOf" in violation.message for violation in violations) is missing, violations
