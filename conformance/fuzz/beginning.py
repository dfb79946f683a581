"""The body that the story of a type begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.contract import Contract
from conformance.contract.value_space import ValueSpace
from conformance.contract.values import Schema, fields, followed
from conformance.fuzz.covering import Covering
from conformance.fuzz.replacement import Replacement
from conformance.fuzz.space import Subject
from conformance.fuzz.wanted import Wanted
from conformance.target.resources.typed import READ_ONLY, configured


def beginning(contract: Contract, subject: Subject, space: ValueSpace, seeds: Sequence[int]) -> dict[str, Any]:
    """The first example of a type, with values for which an update of their own would have to be sent otherwise.

    And with one in each field without default, so that an update has something to replace. ``subject``: POST
    /connectors or POST /actions with the type. Whether the body is safe to send is not asked here.
    """
    collection, resource_type = subject.label.partition(" ")[2], subject.resource_type
    example = dict(next(iter(contract.body_examples(subject.label, resource_type).values())))
    update = Subject(f"PUT {collection}/{{id}}", resource_type)
    replacement = Replacement(contract, update, lambda body: True)
    covering = Covering(contract, contract.body_examples(update.label, resource_type).values(), lambda one: False)
    rows = covering.rows(replacement.schema)
    wanted = Wanted(replacement, space, seeds, rows, {}, {})
    wanted.fullest()
    body = {**example, **wanted.begun_with(configured(example))}
    for name, value in _without_default(contract, replacement.schema, rows[0]):
        richer = {**body, name: body.get(name, value)}
        if not contract.validate_request(subject.label, richer, resource_type):
            body = richer
    return body if not contract.validate_request(subject.label, body, resource_type) else example


def _without_default(contract: Contract, schema: Schema, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Fields of a row, but objects and secrets, that nothing would be read of if they were left out."""
    for alternative in contract.branches(schema):
        for name, field in fields(contract, followed(contract, alternative)):
            value = row.get(name)
            unset = name not in READ_ONLY and not {"default", "format"} & field.keys()
            if unset and value is not None and not isinstance(value, Mapping):
                yield name, value
