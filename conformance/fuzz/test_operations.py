"""Every operation with generated data: valid, invalid, on the bounds, from the examples, and for unknown ids."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.checks.refusals import expect_refused
from conformance.contract.generation import MISSING
from conformance.fuzz.adapt import into_sandbox
from conformance.fuzz.boundaries import (
    Mutation,
    body_mutations,
    has_bounds,
    query_cases,
    without_fields,
)
from conformance.fuzz.driver import Driver
from conformance.fuzz.queries import refine
from conformance.fuzz.records import FUZZING
from conformance.fuzz.space import Subject, sample, subjects
from conformance.fuzz.variation import variations
from conformance.requirements import requirement
from conformance.target.guard.texts import CONFIGURED, harmless

pytestmark = pytest.mark.fuzz


@requirement("GEN-28")
@pytest.mark.parametrize("subject", subjects(lambda operation: True))
def test_positive(subject: Subject, driver: Driver) -> None:
    """A request that satisfies the schema and the stated rules of its operation is accepted."""
    for query, body in _valid_requests(driver):
        # EMQX 5.8 writes some texts into its configuration that it can never read back.
        body = harmless(body)
        if driver.operation.label in CONFIGURED:
            driver.expect_taken(body)
        else:
            driver.expect_accepted(driver.perform(query) if body is MISSING else driver.send(query=query, body=body))


def _valid_requests(driver: Driver) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Query and body of each positive draw; an operation without either is called once."""
    count = driver.effort.positive
    operation = driver.operation
    if driver.subject.resource_type is not None or operation.label in CONFIGURED:
        # A configuration write costs a real server 0.2 s; test_examples and test_values send more of them.
        count = max(1, count - 2)
    if operation.json_body is not None and driver.subject.resource_type is not None:
        for seed in driver.seeds:
            for body in variations(driver.contract, driver.schema, driver.base_body(), count, seed):
                yield {}, into_sandbox(operation.label, body, driver.identities(), valid=True)
    elif operation.json_body is not None:
        for generated in driver.draw("positive", "body", count):
            yield driver.fixed_query(), into_sandbox(operation.label, generated.body, driver.identities(), valid=True)
    elif operation.parameters_in("query"):
        chance = random.Random(driver.seed)
        for generated in driver.draw("positive", "query", count * 2):
            query = refine(operation, generated.query, chance, driver.sandbox, driver.capabilities)
            yield query, MISSING
    else:
        yield {}, MISSING


@requirement("GEN-29")
@pytest.mark.parametrize("subject", subjects(lambda operation: operation.json_body is not None))
def test_negative(subject: Subject, driver: Driver) -> None:
    """A body that violates its schema, also under every lenient reading, is refused with a 4xx."""
    effort = driver.effort
    count = effort.negative if subject.resource_type is None else effort.negative_by_type
    for generated in driver.draw("negative", "body", count):
        body = into_sandbox(driver.operation.label, generated.body, driver.identities())
        if not driver.certainly_invalid(without_fields(body, driver.record.overwritten)):
            continue
        driver.try_invalid(body, generated.description or "a random invalid body")


@requirement("GEN-18")
@pytest.mark.parametrize("subject", subjects(has_bounds))
def test_boundaries(subject: Subject, driver: Driver, recorder: Recorder) -> None:
    """One value just outside its documented type, range, enumeration or field set is refused with a 4xx."""
    operation = driver.operation
    if operation.json_body is not None:
        base = into_sandbox(operation.label, driver.base_body(), driver.identities(), valid=True)
        faults = [
            mutation
            for mutation in body_mutations(driver.contract, driver.schema, base)
            if mutation.path not in driver.record.ignored and driver.certainly_invalid(mutation.body)
        ]
        effort = driver.effort
        count = effort.boundaries if subject.resource_type is None else effort.boundaries_by_type
        for mutation in _sample(faults, count, driver.seeds):
            body = into_sandbox(operation.label, mutation.body, driver.identities())
            if not driver.certainly_invalid(body):
                continue
            what = f"{mutation.path or 'the body'}: {mutation.what}"
            driver.try_invalid(body, what, "GEN-18", query=driver.fixed_query())
    for case in query_cases(driver.contract, operation):
        if case.name in driver.record.unchecked:
            continue
        query, body = {case.name: case.value}, driver.valid_body()
        if case.valid:
            answer = driver.perform(query) if body is MISSING else driver.send(query=query, body=body)
            driver.expect_accepted(answer, case.what)
        else:
            answer = driver.send(path=driver.path_to_refuse(), query=query, body=body)
            expect_refused(recorder, answer, case.what, "GEN-18")


def _sample(mutations: list[Mutation], count: int, seeds: Sequence[int]) -> list[Mutation]:
    """At most ``count`` mutations: those that come first, then others by chance."""
    first = [mutation for mutation in mutations if mutation.first]
    rest = [mutation for mutation in mutations if not mutation.first]
    return (first + sample(rest, len(rest), seeds))[:count]


@requirement("GEN-32")
@pytest.mark.parametrize("subject", subjects(lambda operation: operation.json_body is not None))
def test_examples(subject: Subject, driver: Driver) -> None:
    """Every example body of the contract is accepted."""
    examples = driver.contract.body_examples(driver.operation.label, subject.resource_type)
    for number, (name, example) in enumerate(examples.items()):
        what = f"example {name}"
        if number == 0 and driver.begins_story:
            driver.expect_accepted(driver.tale.created(), what, "GEN-32")
        body = into_sandbox(driver.operation.label, example, driver.identities(), valid=True)
        if number == 0 and not driver.is_told:
            answer = driver.answer_to_example() or driver.send(query=driver.fixed_query(), body=body)
            driver.expect_accepted(answer, what, "GEN-32")
        else:
            driver.expect_taken(body, what, "GEN-32")


@requirement("GEN-30")
@pytest.mark.parametrize(
    "subject",
    subjects(
        lambda operation: "{" in operation.path and not FUZZING[operation.label].knows_any_id,
        by_type=False,
        arranges=False,
    ),
)
def test_unknown_id(subject: Subject, driver: Driver, recorder: Recorder) -> None:
    """An operation on a well-formed id that does not exist answers 404."""
    path = driver.unknown_path()
    answer = driver.send(path=path, query=driver.fixed_query(), body=driver.valid_body(path))
    recorder.expect(
        answer.status == 404 or answer.status >= 500,
        "GEN-30",
        "unknown_id",
        f"answered {answer.status} for an id that does not exist, expected 404",
        answer,
    )
