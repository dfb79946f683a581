"""Single-fault variations: each has exactly one fault, and none touches the body it started from."""

from copy import deepcopy

from conformance.contract import load_contract, paths
from conformance.contract.leniency import Leniency
from conformance.fuzz.boundaries import body_mutations, query_cases, without_fields
from conformance.fuzz.records import FUZZING

CONTRACT = load_contract()
MESSAGE = {"topic": "t", "payload": "p", "qos": 1, "properties": {"content_type": "text"}}


def mutations_of_a_message() -> dict[tuple[str, str], object]:
    schema = CONTRACT.body_schema("POST /publish") or {}
    return {(mutation.path, mutation.what): mutation.body for mutation in body_mutations(CONTRACT, schema, MESSAGE)}


def test_every_kind_of_fault_is_tried_where_it_applies() -> None:
    found = mutations_of_a_message()
    whats = {what for path, what in found if path in ("", "/qos", "/retain", "/payload_encoding", "/properties")}
    assert any("without the required topic" in what for what in whats)
    assert any("boolean" in what for what in whats)
    assert any("no-such-member" in what for what in whats)
    assert any("instead of an object" in what for what in whats)


def test_the_base_is_left_alone_and_every_mutation_differs_from_it() -> None:
    before = deepcopy(MESSAGE)
    bodies = list(mutations_of_a_message().values())
    assert before == MESSAGE
    assert bodies
    assert all(body != MESSAGE for body in bodies)


def test_faults_are_certainly_invalid_for_the_most_part() -> None:
    leniency = Leniency(CONTRACT)
    bodies = list(mutations_of_a_message().values())
    invalid = [body for body in bodies if leniency.certainly_invalid("POST /publish", body)]
    assert len(invalid) > len(bodies) // 2


def test_query_bounds_come_from_the_contract() -> None:
    cases = {(case.name, case.value): case.valid for case in query_cases(CONTRACT, CONTRACT.operation("GET /banned"))}
    assert cases["page", "0"] is False
    assert cases["page", "1"] is True
    assert cases["limit", "10000"] is True
    assert cases["limit", "10001"] is False
    assert cases["limit", "abc"] is False


def test_a_union_is_entered_by_the_branch_that_the_body_satisfies() -> None:
    schema = CONTRACT.body_schema("POST /schema_registry") or {}
    for name, body in CONTRACT.body_examples("POST /schema_registry").items():
        whats = {(mutation.path, mutation.what) for mutation in body_mutations(CONTRACT, schema, body)}
        assert {("", "without the required source"), ("", "with an unknown field")} <= whats, name
        assert ("/source", "an object instead of a string") in whats, name


def test_fields_that_nobody_looks_at_hold_no_fault() -> None:
    body = {"id": 5, "sql": 'SELECT * FROM "t"'}
    known, new = FUZZING["PUT /rules/{id}"], FUZZING["POST /rules"]
    assert without_fields(body, known.ignored) == {"sql": body["sql"]}
    assert without_fields(body, new.ignored) == body
    assert without_fields([body], known.ignored) == [{"sql": body["sql"]}], "of rows as well"
    assert without_fields({**body, "metadata": 5}, new.overwritten) == body


def test_rows_of_an_import_may_say_anything_of_superusers() -> None:
    record, leniency = FUZZING[f"POST {paths.IMPORT_USERS}"], Leniency(CONTRACT)
    rows = [{"user_id": "u", "password": "p", "is_superuser": {"no": "flag"}}, {"user_id": "v", "password": "p"}]
    assert leniency.certainly_invalid(f"POST {paths.IMPORT_USERS}", rows)
    assert not leniency.certainly_invalid(f"POST {paths.IMPORT_USERS}", without_fields(rows, record.ignored))
    worse = [*rows, {"user_id": "w", "password": {"no": "text"}}]
    assert leniency.certainly_invalid(f"POST {paths.IMPORT_USERS}", without_fields(worse, record.ignored))
