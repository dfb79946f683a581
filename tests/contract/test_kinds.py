"""The records of kinds agree with the contract, which names everything they speak of."""

from __future__ import annotations

import pytest

from conformance.contract import load_contract
from conformance.contract.kinds import (
    BY_NAME,
    CONFIGURATION_WRITES,
    KINDS,
    Kind,
    in_deletion_order,
    kind_of,
    parameters_in,
)

CONTRACT = load_contract()
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@each
def test_every_operation_that_a_kind_names_is_one_of_the_contract(kind: Kind) -> None:
    labels = {f"GET {kind.path}", *kind.created_by, *kind.several, *kind.trials, *kind.emptied_by, *kind.disturbed_by}
    labels |= {*kind.configuration_writes, *kind.choosing_type}
    labels |= {f"DELETE {kind.item}"} if kind.item else set()
    labels |= {f"PUT {kind.item}"} if kind.upserted else set()
    assert not labels - CONTRACT.operations.keys()


@each
def test_lists_are_as_the_contract_has_them(kind: Kind) -> None:
    operation = CONTRACT.operation(f"GET {kind.path}")
    parameters = {parameter.name for parameter in operation.parameters_in("query")}
    assert ("page" in parameters) == kind.paged
    assert set(kind.searches) <= parameters
    assert not kind.fields or "fields" in parameters
    assert not kind.by_topic or "topic" in parameters


@each
def test_identity_is_in_the_path_and_in_the_body(kind: Kind) -> None:
    if kind.put_back or not kind.item:
        return
    assert kind.parameters
    identifier = kind.join(*(f"{field}-1" for field in kind.identity))
    assert len(kind.split(identifier)) == len(kind.parameters)
    assert kind.own_name(identifier) == f"{kind.identity[-1]}-1"
    for label in set(kind.created_by) - set(kind.choosing_type):
        for body in CONTRACT.body_examples(label).values():
            for entry in body if isinstance(body, list) else [body]:
                assert set(kind.identity) <= entry.keys(), label


@each
def test_types_decide_bodies_where_a_kind_says_so(kind: Kind) -> None:
    operations = [operation for operation in CONTRACT.operations.values() if kind_of(operation.path) is kind]
    assert operations
    chosen = {operation.label for operation in operations if operation.body_chosen_by_type}
    assert chosen == set(kind.choosing_type)


def test_every_operation_that_addresses_something_is_about_a_kind() -> None:
    addressing = [operation for operation in CONTRACT.operations.values() if "{" in operation.path]
    assert [operation.label for operation in addressing if kind_of(operation.path) is None] == []
    unknown = [
        operation.label
        for operation in addressing
        if not set(parameters_in(operation.path)) - {"operation", "enable"} <= set(_parameters(operation.path))
    ]
    assert unknown == []


def _parameters(path: str) -> tuple[str, ...]:
    kind = kind_of(path)
    return () if kind is None else kind.parameters


def test_dependents_are_deleted_before_what_they_use() -> None:
    order = [kind.name for kind in in_deletion_order()]
    assert sorted(order) == sorted(kind.name for kind in KINDS if kind.item)
    for kind in in_deletion_order():
        assert all(order.index(user) < order.index(kind.name) for user in kind.deleted_after)
    assert order[-1] == "rules_of_all", "nobody may need it otherwise any more"
    assert BY_NAME.keys() == {kind.name for kind in KINDS}


def test_configuration_writes_are_those_of_connectors_actions_rules_and_schemas() -> None:
    assert all(
        label.split("/")[1] in ("connectors", "actions", "rules", "schema_registry") for label in CONFIGURATION_WRITES
    )
    assert len(CONFIGURATION_WRITES) == 14
    assert not [label for label in CONFIGURATION_WRITES if label.startswith("GET ")]
