"""The guard does not stand in the way of the suite: what its fuzz items send passes, nearly all of the faulty too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from conformance.fuzz.adapt import Identities, into_sandbox
from conformance.fuzz.boundaries import body_mutations
from conformance.fuzz.space import Subject, subjects
from conformance.target.guard import Guard, Outgoing
from conformance.target.guard_table import TABLE, Access
from conformance.target.hosts import NEVER_STARTED, HostPolicy
from conformance.target.mode import Mode
from conformance.target.sandbox import Sandbox
from conformance.target.session import encode, expand
from tests.safety.network import CONFIGURED_HOSTS
from tests.safety.shared_target import contract

SANDBOX = Sandbox("0abcdef1234", "gw0")
GUARD = Guard(contract(), SANDBOX, HostPolicy(CONFIGURED_HOSTS), Mode.SANDBOXED)

WITH_BODY: list[Subject] = [
    parameter.values[0]
    for parameter in subjects(lambda operation: operation.json_body is not None)
    if TABLE[parameter.values[0].label].access is Access.SANDBOXED
]


def _path(subject: Subject) -> dict[str, str]:
    kind = subject.resource_type or "http"
    names = {"id": f"{kind}:{SANDBOX.name('id')}" if "/rules" not in subject.label else SANDBOX.name("id")}
    operation = contract().operation(subject.label)
    return {item.name: names.get(item.name) or SANDBOX.name("path") for item in operation.parameters_in("path")}


def _refusals(subject: Subject, bodies: Iterator[object], path: dict[str, str]) -> list[str | None]:
    operation = contract().operation(subject.label)
    raw_path = expand(operation.path, path)
    return [GUARD.refusal(Outgoing(operation.method, raw_path, encode(body), "application/json")) for body in bodies]


@pytest.mark.parametrize("subject", WITH_BODY, ids=str)
def test_every_example_of_the_contract_passes(subject: Subject) -> None:
    path = _path(subject)
    identities = Identities(SANDBOX, path, SANDBOX.name("con"), subject.resource_type)
    examples = contract().body_examples(subject.label, subject.resource_type)
    assert examples
    adapted = (into_sandbox(subject.label, body, identities, valid=True) for body in examples.values())
    assert set(_refusals(subject, adapted, path)) == {None}


def test_nearly_every_body_with_a_fault_passes() -> None:
    """What is refused for safety is not tried, so it must stay the exception."""
    refused: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for subject in WITH_BODY:
        if subject.resource_type in NEVER_STARTED:
            continue  # where the fault is in "enable", they are refused on purpose
        path = _path(subject)
        identities = Identities(SANDBOX, path, SANDBOX.name("con"), subject.resource_type)
        schema = contract().body_schema(subject.label, subject.resource_type) or {}
        example = next(iter(contract().body_examples(subject.label, subject.resource_type).values()))
        base = into_sandbox(subject.label, example, identities, valid=True)
        faulty = (
            into_sandbox(subject.label, mutation.body, identities)
            for mutation in body_mutations(contract(), schema, base)
        )
        refusals = _refusals(subject, faulty, path)
        tried[subject.label] += len(refusals)
        refused[subject.label] += sum(refusal is not None for refusal in refusals)
    assert sum(tried.values()) > 1000
    shares = {label: refused[label] / tried[label] for label in tried if refused[label]}
    assert all(share < 0.05 for share in shares.values()), shares
