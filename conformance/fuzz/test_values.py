"""Every value that the contract opens: enumerations, alternatives, truth values, optional fields alone and together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from conformance.checks.equivalence import difference
from conformance.checks.recorder import Recorder
from conformance.checks.values import was_taken
from conformance.contract import Operation, paths
from conformance.contract.value_space import PROBES, value_space
from conformance.fuzz.driver import Driver
from conformance.fuzz.sendings import probed, replaced, sent
from conformance.fuzz.space import Subject, subjects
from conformance.fuzz.values import bodies, queries
from conformance.requirements import requirement
from conformance.target.guard.texts import CONFIGURED
from conformance.target.http.answer import Answer
from conformance.target.resources.typed import TypedBodies
from conformance.worker.context import Context

pytestmark = pytest.mark.fuzz

_NEVER_SHOWN = frozenset({"password", "metadata", "id"})
"""Fields that are shown in another form, or not at all (behaviour 3 and 5)."""

_TIMES = frozenset({"at", "until"})
"""Fields that are shown as times with an offset, whatever form they were sent in (behaviour 11)."""

_READ_BACK: Mapping[str, tuple[str, str]] = {
    f"POST {paths.USER_RULES}": (f"GET {paths.RULES_OF_USER}", "username"),
    f"PUT {paths.RULES_OF_USER}": (f"GET {paths.RULES_OF_USER}", "username"),
    f"POST {paths.CLIENT_RULES}": (f"GET {paths.RULES_OF_CLIENT}", "clientid"),
    f"PUT {paths.RULES_OF_CLIENT}": (f"GET {paths.RULES_OF_CLIENT}", "clientid"),
    f"POST {paths.RULES_OF_ALL}": (f"GET {paths.RULES_OF_ALL}", ""),
}
"""For writes that are answered without what they stored: the read that shows it, and the field that names it."""


def _has_body(operation: Operation) -> bool:
    return operation.json_body is not None


def _has_query(operation: Operation) -> bool:
    return operation.method == "GET" and bool(operation.parameters_in("query"))


@requirement("GEN-60")
@pytest.mark.parametrize("subject", subjects(_has_body))
def test_values_of_bodies(subject: Subject, driver: Driver, context: Context, recorder: Recorder) -> None:
    """Every value that the contract lists is taken, optional fields alone and together, and shown as it was sent."""
    space = value_space(context.contract)
    rows = []
    for number, body in enumerate(bodies(driver, space, context.plan.seeds)):
        if subject.resource_type is not None and subject.label in CONFIGURED and number == 0 and "enable" in body:
            body["enable"] = False  # started, a connector costs a connection
        if driver.is_safe(driver.path, body):
            rows.append(body)
    if driver.is_told and driver.operation.method == "PUT":
        sendings = replaced(driver, rows, space, context.plan.seeds)
    elif subject.label in PROBES:
        sendings = probed(driver, rows, context.once("probes that wait", set))
    else:
        sendings = sent(driver, rows)
    for body, answer, kept in sendings:
        if not (answer.ok if kept else was_taken(answer)):
            driver.expect_accepted(answer, requirement="GEN-60")
            continue
        recorder.passed("GEN-60", "takes_values", answer.operation)
        if answer.ok:
            told = next(_contradictions(driver, body, answer), None)
            recorder.expect(told is None, "GEN-60", "shows_values", f"of what was sent, {told}", answer)


def _contradictions(driver: Driver, body: Any, answer: Answer) -> Iterator[str]:
    """How what is shown differs from what was sent."""
    label, resource_type = driver.subject.label, driver.subject.resource_type
    if label in _READ_BACK:
        read, field = _READ_BACK[label]
        body = body[0] if isinstance(body, list) else body
        answer = driver.api.call(read, path={field: body[field]} if field else {})
    if not answer.content or not answer.ok or isinstance(body, list):
        return
    if resource_type is not None:
        collection = "connectors" if label.endswith(("/connectors", "/connectors/{id}")) else "actions"
        typed = TypedBodies(driver.contract, f"POST /{collection}", resource_type)
        yield from typed.unlike(body, answer.json)
    else:
        yield from differences(body, answer.json)


def differences(sent: Any, shown: Any, at: str = "") -> Iterator[str]:
    """A sentence for each field of ``sent`` that is ``shown`` with another value; one that is not shown is none."""
    if isinstance(sent, dict) and isinstance(shown, dict):
        for name in sorted(sent.keys() & shown.keys() - _NEVER_SHOWN):
            one, other = sent[name], shown[name]
            if name in _TIMES:
                one, other = _instant(one), _instant(other)
            yield from differences(one, other, f"{at}/{name}")
    elif isinstance(sent, list) and isinstance(shown, list) and len(sent) == len(shown):
        for number, (one, other) in enumerate(zip(sent, shown, strict=True)):
            yield from differences(one, other, f"{at}/{number}")
    elif sent != shown or isinstance(sent, bool) != isinstance(shown, bool):
        yield f"{at or 'the whole'} is {shown!r}, expected {sent!r}"


def _instant(value: Any) -> Any:
    """Seconds since 1970, of a number or a text in RFC 3339; any other text, like ``infinity``, as it is."""
    try:
        return int(datetime.fromisoformat(value).timestamp()) if isinstance(value, str) else value
    except ValueError:
        return value


@requirement("GEN-60", sentence="Every value that the contract lists for a query is taken, alone and with others.")
@pytest.mark.parametrize("subject", subjects(_has_query, by_type=False))
def test_values_of_queries(subject: Subject, driver: Driver, recorder: Recorder) -> None:
    """Every value that the contract lists for a parameter is taken, and its default makes no difference."""
    for query in queries(driver):
        driver.expect_accepted(driver.send(query=query), requirement="GEN-60")
    for parameter in driver.operation.parameters_in("query"):
        if "default" in parameter.schema:
            query = {parameter.name: parameter.schema["default"]}
            told, answer = difference(driver.send, partial(driver.send, query=query))
            recorder.expect(told is None, "GEN-60", "default_given", f"with the default as {query}: {told}", answer)
