"""The guard does not stand in the way of the suite: what its fuzz items send passes, nearly all of the faulty too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from conformance.contract.operations import JSON_MEDIA_TYPE
from conformance.fuzz.adapt import into_sandbox
from conformance.fuzz.boundaries import body_mutations
from conformance.fuzz.fuzzing import NO_SUCH_MEMBER
from conformance.fuzz.identities import Identities
from conformance.fuzz.space import Subject, subjects
from conformance.target.guard.guard import Guard, Outgoing
from conformance.target.guard.hosts import NEVER_STARTED, HostPolicy
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import Sandbox
from conformance.target.guard.table import TABLE, Access
from conformance.target.http.session import encode, expand
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


def _least_modes(subject: Subject, bodies: Iterator[object], path: dict[str, str]) -> list[Mode | None]:
    operation = contract().operation(subject.label)
    raw_path = expand(operation.path, path)
    return [GUARD.least_mode(Outgoing(operation.method, raw_path, encode(body), JSON_MEDIA_TYPE)) for body in bodies]


def _faulty(subject: Subject, path: dict[str, str]) -> Iterator[tuple[str, object]]:
    """Where each fault is, and the body with it."""
    identities = Identities(SANDBOX, path, SANDBOX.name("con"), subject.resource_type)
    schema = contract().body_schema(subject.label, subject.resource_type) or {}
    example = next(iter(contract().body_examples(subject.label, subject.resource_type).values()))
    base = into_sandbox(subject.label, example, identities, valid=True)
    for mutation in body_mutations(contract(), schema, base):
        yield mutation.path, into_sandbox(subject.label, mutation.body, identities)


@pytest.mark.parametrize("subject", WITH_BODY, ids=str)
def test_every_example_of_the_contract_passes(subject: Subject) -> None:
    path = _path(subject)
    identities = Identities(SANDBOX, path, SANDBOX.name("con"), subject.resource_type)
    examples = contract().body_examples(subject.label, subject.resource_type)
    assert examples
    adapted = (into_sandbox(subject.label, body, identities, valid=True) for body in examples.values())
    assert set(_least_modes(subject, adapted, path)) == {Mode.SANDBOXED}


def test_nearly_every_body_with_a_fault_passes() -> None:
    """What is refused for safety is not tried, so it must stay the exception."""
    refused: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for subject in WITH_BODY:
        if subject.resource_type in NEVER_STARTED:
            continue  # where the fault is in "enable", they are refused on purpose
        path = _path(subject)
        modes = _least_modes(subject, (body for _, body in _faulty(subject, path)), path)
        tried[subject.label] += len(modes)
        refused[subject.label] += modes.count(None)
    assert sum(tried.values()) > 1000
    shares = {label: refused[label] / tried[label] for label in tried if refused[label]}
    assert all(share < 0.05 for share in shares.values()), shares


IDENTITIES = {"id", "name", "user_id", "username", "clientid", "as", "who"}


def test_only_faults_of_ids_wait_for_a_disposable_target() -> None:
    withheld = Counter[str]()
    for subject in WITH_BODY:
        path = _path(subject)
        where, bodies = zip(*_faulty(subject, path), strict=True)
        for pointer, mode in zip(where, _least_modes(subject, iter(bodies), path), strict=True):
            if mode not in (None, Mode.SANDBOXED):
                assert (mode, pointer.rpartition("/")[2] in IDENTITIES) == (Mode.DISPOSABLE, True), (subject, pointer)
                withheld[subject.label] += 1
    assert withheld["POST /connectors"] > 50
    assert withheld["POST /banned"] == 3


TYPED = [subject for subject in WITH_BODY if subject.resource_type and subject.label.startswith("POST")]


@pytest.mark.parametrize("subject", TYPED, ids=str)
def test_bodies_that_are_wrong_in_their_type_alone_pass(subject: Subject) -> None:
    """The guard knows no host of an unknown type: what could be one is taken out, and the fault stays."""
    path = _path(subject)
    bodies = [body for pointer, body in _faulty(subject, path) if pointer == "/type"]
    assert {str(body["type"]) for body in bodies if isinstance(body, dict)} >= {NO_SUCH_MEMBER, "{'a': 1}"}
    assert set(_least_modes(subject, iter(bodies), path)) == {Mode.SANDBOXED}
