"""Every erratum is corrected or says why it cannot be, and false alarms of the published contract name theirs."""

import json
from dataclasses import dataclass

import pytest

from conformance.contract import load_contract
from conformance.contract.document import DocumentError, openapi_root
from conformance.contract.errata import attribute_violation, errata, explain, read_errata
from conformance.contract.loading import overlays
from tests.contract.recordings import exchanges

PUBLISHED = load_contract("published", "5.8.9")
ENTRIES = {erratum.id: erratum for erratum in errata("5.8.9")}

# The errata of the published document; the others (A26 and on, B20 and on, V) were found while correcting it.
KNOWN = [
    *(f"A{number}" for number in range(1, 26)), *(f"B{number}" for number in range(1, 20)),
    *(f"C{number}" for number in range(1, 24)), *(f"D{number}" for number in range(1, 13)), "E14",
]  # fmt: skip

WITHOUT_ACTION = {"B19": "about an example, and examples are our own", "D9": "the published schema is right"}

# Errata of the document as a whole, which touch no operation.
OF_THE_DOCUMENT = {"B8", "V0"}


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_erratum_is_corrected(name):
    erratum = ENTRIES[name]
    if name in WITHOUT_ACTION:
        assert erratum.inexpressible
        assert not erratum.reasons
    else:
        assert not erratum.inexpressible
        assert erratum.reasons
        assert erratum.operations or name in OF_THE_DOCUMENT


def test_ids_are_unique_and_every_one_has_an_action_in_some_version():
    names = [entry["id"] for entry in read_errata(openapi_root())]
    assert len(names) == len(set(names))
    acting = {
        name
        for version in ("5.8.1", "5.8.9")
        for overlay in overlays(openapi_root(), version)
        for action in overlay.actions
        for name in action.errata
    }
    assert set(names) - acting == set(WITHOUT_ACTION)
    assert acting <= set(names)


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("A1", {"GET /rule_events"}),
        ("A6", {"GET /clients", "GET /clients/{clientid}"}),
        ("A12", {"GET /rules/{id}/metrics"}),
        ("B24", {"POST /rules/{id}/test"}),
        ("B18", {"PUT /schema_registry/{name}"}),
    ],
)
def test_an_erratum_names_exactly_the_operations_it_touches(name, operations):
    assert set(ENTRIES[name].operations) == operations


def test_every_body_is_required_and_every_operation_answers_401_and_405():
    corrected = load_contract("corrected", "5.8.9")
    bodies = [operation for operation in corrected.operations.values() if operation.request_bodies]
    assert {operation.label for operation in bodies} == set(ENTRIES["B14"].operations)
    assert all(operation.request_body_required for operation in bodies)
    for operation in corrected.operations.values():
        assert {400, 401, 403, 405} <= operation.responses.keys()
        assert operation.responses[405].schema is None
        assert (415 in operation.responses) == ("application/json" in operation.request_bodies and
                                                "multipart/form-data" not in operation.request_bodies)  # fmt: skip


def test_objects_of_requests_are_closed_and_those_of_answers_are_not():
    corrected = load_contract("corrected", "5.8.9")
    asked, answered = set(), set()
    for operation in corrected.operations.values():
        _reach(corrected, operation.definition.get("requestBody", {}), asked)
        _reach(corrected, operation.definition["responses"], answered)
    rows = {"emqx_authn_user_import_api.plain_row", "emqx_authn_user_import_api.hash_row"}
    for name, schema in corrected.document["components"]["schemas"].items():
        closed = schema.get("additionalProperties") is False
        if "properties" in schema:
            assert closed == (name in asked - rows), name
        assert not (closed and name in answered - asked), name


@dataclass
class Answer:
    """An answer as a target gives it."""

    json: object
    media_type: str = "application/json"

    @property
    def content(self):
        return b"" if self.json is None else json.dumps(self.json).encode()

    @property
    def is_json(self):
        return self.json is not None


def test_the_published_contract_raises_alarms_on_a_healthy_server_and_each_names_its_errata():
    corrected = load_contract("corrected", "5.8.9")
    alarms, explained = 0, set()
    for exchange in exchanges(PUBLISHED):
        label, status = exchange.operation.label, exchange.status
        body = exchange.response.get("body")
        if body is None or corrected.validate_response(label, status, body):
            continue
        for violation in PUBLISHED.validate_response(label, status, body):
            found = attribute_violation(PUBLISHED, label, status, body, violation)
            assert found, (exchange.name, violation)
            assert set(found) <= ENTRIES.keys()
            alarms += 1
            explained.update(found)
    assert alarms > 300
    assert {"A1", "A3", "A6", "A7", "A8"} <= explained


@pytest.mark.parametrize(
    ("label", "status", "body", "expected"),
    [
        ("GET /subscriptions", 200, {"data": [], "meta": {"page": 1, "limit": 100, "hasnext": False}}, {"A3", "A26"}),
        ("GET /rules", 401, {"code": "BAD_TOKEN", "message": "m"}, {"C1", "A25"}),
        ("POST /connectors", 400, {"code": "BAD_REQUEST", "message": "m"}, {"C1", "C3", "C4", "C5", "C7"}),
        ("POST /publish", 415, {"code": "UNSUPPORTED_MEDIA_TYPE", "message": "m"}, {"C2"}),
    ],
)
def test_an_alarm_of_the_published_contract_is_explained(label, status, body, expected):
    assert set(explain(PUBLISHED, label, status, Answer(body))) == expected


def test_a_fault_of_the_target_is_not_blamed_on_the_document():
    wrong = {"data": 5}
    assert explain(PUBLISHED, "GET /subscriptions", 200, Answer(wrong)) == ()
    assert explain(PUBLISHED, "GET /rules", 418, Answer(None)) == ()
    violation = PUBLISHED.validate_response("GET /subscriptions", 200, wrong)[0]
    assert attribute_violation(PUBLISHED, "GET /subscriptions", 200, wrong, violation) == ()


def test_nothing_is_explained_by_errata_under_the_corrected_contract():
    assert explain(load_contract(), "GET /rules", 418, Answer({"code": "x"})) == ()


def test_what_is_right_needs_no_explanation():
    assert explain(PUBLISHED, "GET /rules/{id}", 404, Answer({"code": "NOT_FOUND", "message": "m"})) == ()


@pytest.mark.parametrize("content", ["errata: 5", "errata: [{id: A1}]", "[]"])
def test_a_broken_list_of_errata_is_one_error(content, tmp_path):
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "errata.yaml").write_text(content)
    with pytest.raises(DocumentError, match=r"errata\.yaml"):
        read_errata(tmp_path)


def _reach(contract, node, names):
    if isinstance(node, list):
        for member in node:
            _reach(contract, member, names)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                name = value.rpartition("/")[2]
                if name not in names:
                    names.add(name)
                    _reach(contract, contract.resolve(node), names)
            elif key not in ("example", "examples", "x-mapping"):
                _reach(contract, value, names)
