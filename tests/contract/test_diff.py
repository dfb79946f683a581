"""Differences between the contract and another document."""

import json

import pytest

from conformance.contract import Contract, diff, load_contract
from conformance.contract.diff import DiffError, differences, load_other
from conformance.contract.loading import load_published
from tests.http_server import HttpServer, Reply

_FULL = load_contract()
_FEW = ("/rules", "/rules/{id}", "/rule_events", "/banned", "/actions/{id}")
# A contract with few operations: comparing all takes a second.
CONTRACT = Contract(
    {**_FULL.document, "paths": {path: _FULL.document["paths"][path] for path in _FEW}}, "corrected", _FULL.version
)
RULE = "#/components/schemas/rule_engine.rule_info"


@pytest.fixture
def other():
    """A copy of the contract's document, to be changed."""
    return json.loads(json.dumps(CONTRACT.document))


def found(other):
    return {(d.label, d.change, d.where) for d in differences(CONTRACT, other)}


def test_the_same_document_has_no_differences(other):
    assert found(other) == set()


def test_paths_may_have_the_prefix_of_the_api(other):
    other["paths"] = {f"/api/v5{path}": item for path, item in other["paths"].items()}
    assert found(other) == set()


def test_operations_that_are_not_ours_are_ignored(other):
    other["paths"]["/api/v5/listeners"] = {"get": {"responses": {}}}
    assert found(other) == set()


def test_a_missing_operation_is_removed(other):
    del other["paths"]["/rule_events"]
    assert found(other) == {("GET /rule_events", "removed", "the operation")}


def test_parameters_are_compared_by_name_place_and_schema(other):
    parameters = other["paths"]["/rules"]["get"]["parameters"]
    parameters.append({"name": "fresh", "in": "query", "schema": {"type": "string"}})
    parameters[0]["schema"]["type"] = "integer"
    assert {entry for entry in found(other) if entry[0] == "GET /rules"} == {
        ("GET /rules", "added", "query parameter fresh"),
        ("GET /rules", "changed", f"query parameter {parameters[0]['name']}"),
    }


def test_statuses_are_compared(other):
    other["paths"]["/rules"]["get"]["responses"]["418"] = {"description": ""}
    del other["paths"]["/rules"]["get"]["responses"]["400"]
    assert found(other) == {("GET /rules", "added", "status 418"), ("GET /rules", "removed", "status 400")}


def test_properties_are_compared_with_type_enumeration_and_requirement(other):
    rule = other["components"]["schemas"]["rule_engine.rule_info"]
    rule["properties"]["fresh"] = {"type": "string"}
    del rule["properties"]["name"]
    rule["properties"]["enable"] = {"type": "string", "enum": ["on", "off"]}
    rule["required"].remove("sql")
    assert {entry for entry in found(other) if entry[0] == "GET /rules/{id}"} == {
        ("GET /rules/{id}", "added", "status 200/fresh"),
        ("GET /rules/{id}", "removed", "status 200/name"),
        ("GET /rules/{id}", "changed", "status 200/enable"),
        ("GET /rules/{id}", "changed", "status 200/sql"),
    }


def test_only_the_top_of_what_is_added_is_told(other):
    rule = other["components"]["schemas"]["rule_engine.rule_info"]
    rule["properties"]["fresh"] = {"type": "object", "properties": {"deep": {"type": "string"}}}
    assert ("GET /rules/{id}", "added", "status 200/fresh") in found(other)
    assert not any(where.endswith("/deep") for _, _, where in found(other))


def test_members_of_unions_are_compared_by_name_in_any_order(other):
    answer = other["paths"]["/actions/{id}"]["get"]["responses"]["200"]
    members = answer["content"]["application/json"]["schema"]["oneOf"]
    members.reverse()
    assert found(other) == set()
    members.remove({"$ref": "#/components/schemas/bridge_http.get_bridge_v2"})
    assert found(other) == {("GET /actions/{id}", "removed", "status 200/<bridge_http.get_bridge_v2>")}


def test_recursive_schemas_and_dead_references_end(other):
    other["components"]["schemas"]["rule_engine.rule_info"]["properties"]["self"] = {"$ref": RULE}
    other["components"]["schemas"]["rule_engine.rule_info"]["properties"]["dead"] = {"$ref": "#/components/none/x"}
    assert ("GET /rules/{id}", "added", "status 200/dead") in found(other)


def test_nonsense_inside_the_other_document_is_no_crash(other):
    other["paths"]["/rules"] = 5
    other["paths"]["/rules/{id}"] = {"get": None}
    other["paths"]["/banned"]["get"]["parameters"] = [{"$ref": "#/nowhere"}, 5]
    other["paths"]["/actions/{id}"]["get"]["responses"] = {"200": None}
    assert ("GET /rules", "removed", "the operation") in found(other)
    assert ("GET /rules/{id}", "removed", "the operation") in found(other)


def test_every_operation_differs_from_what_the_version_publishes():
    labels = {difference.label for difference in differences(_FULL, load_published(_FULL.version).document)}
    assert labels == set(_FULL.operations)  # 401 is undocumented everywhere, at least


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is no JSON"), (b"[]", "is no OpenAPI 3 document"), (b'{"openapi": "3.0.0"}', "is no OpenAPI 3 document"),
     (b'{"openapi": "3.0.0", "paths": 5}', "is no OpenAPI 3 document"), (b"\xff\xfe\x00", "is no JSON")],
)  # fmt: skip
def test_a_file_that_is_no_document_is_one_sentence(content, message, tmp_path):
    file = tmp_path / "other.json"
    file.write_bytes(content)
    with pytest.raises(DiffError, match=message):
        load_other(str(file))


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(DiffError, match="cannot be read: No such file"):
        load_other(str(tmp_path / "none"))
    with pytest.raises(DiffError, match="cannot be read: Is a directory"):
        load_other(str(tmp_path))


@pytest.fixture
def server():
    """An HTTP server that answers what is put into ``server.answers`` (path -> status and content)."""
    answers = {}

    def respond(received):
        status, content = answers.get(received.target, (404, b""))
        return Reply(status, {}, content)

    with HttpServer(respond) as server:
        server.answers = answers
        yield server


def test_a_document_is_fetched(server):
    server.answers["/swagger.json"] = (200, json.dumps(CONTRACT.document).encode())
    assert load_other(f"{server.url}/swagger.json") == CONTRACT.document


def test_what_cannot_be_fetched_is_one_sentence(server, monkeypatch):
    with pytest.raises(DiffError, match="answered 404"):
        load_other(f"{server.url}/none")
    with pytest.raises(DiffError, match="cannot be fetched: ConnectionError"):
        load_other("http://127.0.0.1:1/x")
    with pytest.raises(DiffError, match="cannot be fetched: InvalidURL"):
        load_other("http://[/")
    monkeypatch.setattr(diff, "_LARGEST", 10)
    server.answers["/large"] = (200, b" " * 11)
    with pytest.raises(DiffError, match="larger than 10 bytes"):
        load_other(f"{server.url}/large")
