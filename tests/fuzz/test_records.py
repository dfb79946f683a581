"""Every operation of the contract has a record, and what the records name is in the contract."""

from __future__ import annotations

from conformance.contract import load_contract
from conformance.contract.kinds import KINDS
from conformance.fuzz.fuzzing import Fuzzing
from conformance.fuzz.records import FUZZING, access, bridges, messages, rules
from conformance.target.capabilities import CAPABILITIES

CONTRACT = load_contract()
WRITING = {label for label in CONTRACT.operations if not label.startswith("GET ")}


def those(has: str) -> list[str]:
    """Labels of the operations whose record says something of that name."""
    return [label for label, record in FUZZING.items() if getattr(record, has) != getattr(Fuzzing(), has)]


def test_every_operation_has_one_record() -> None:
    missing = CONTRACT.operations.keys() - FUZZING.keys()
    assert not missing, f"say in conformance/fuzz/records/ how to fuzz {sorted(missing)}"
    gone = FUZZING.keys() - CONTRACT.operations.keys()
    assert not gone, f"the contract has no {sorted(gone)} any more"
    parts = [label for module in (access, bridges, messages, rules) for label in module.RECORDS]
    assert sorted(parts) == sorted(FUZZING), "an operation has two records"


def test_every_write_has_a_witness_or_no_effect_to_see() -> None:
    seen, unseen = set(those("witness")), set(those("unseen"))
    assert seen | unseen == WRITING, f"neither witness nor a reason: {sorted(WRITING - seen - unseen)}"
    assert not seen & unseen


def test_what_is_said_of_bodies_is_said_of_operations_that_have_one() -> None:
    for has in ("identities", "grammar", "whole", "ignored", "overwritten", "any_fields", "any_media_type"):
        assert [label for label in those(has) if CONTRACT.operation(label).json_body is None] == [], has
    for label in {*those("ignored"), *those("overwritten")}:
        fields = {pointer[1:] for pointer in FUZZING[label].ignored | FUZZING[label].overwritten}
        schema = CONTRACT.resolve(CONTRACT.body_schema(label) or {})
        rows = [CONTRACT.resolve(branch) for branch in CONTRACT.branches(schema.get("items", schema))]
        known = {name for row in rows for name in row.get("properties", {})}
        named = {name for body in CONTRACT.body_examples(label).values() if isinstance(body, dict) for name in body}
        assert fields <= known | named | {"metadata", "id"}, label


def test_every_parameter_that_is_named_is_one_of_the_operation() -> None:
    for label, record in FUZZING.items():
        parameters = {parameter.name for parameter in CONTRACT.operation(label).parameters_in("query")}
        assert {*record.query, *record.edges, *record.unchecked} <= parameters, label
        assert not (record.one_filter or record.patterns) or parameters, label


def test_every_status_that_is_accepted_is_documented() -> None:
    for label in those("also_accepted"):
        statuses = {status for status, _ in FUZZING[label].also_accepted}
        assert statuses <= CONTRACT.operation(label).responses.keys(), label


def test_only_what_addresses_something_knows_any_id() -> None:
    assert all("{" in label for label in those("knows_any_id"))
    upserts = {f"PUT {kind.item}" for kind in KINDS if kind.upserted}
    assert upserts <= set(those("knows_any_id"))


def test_capabilities_are_known() -> None:
    assert {name for label in those("needs") for name in FUZZING[label].needs} <= set(CAPABILITIES)
