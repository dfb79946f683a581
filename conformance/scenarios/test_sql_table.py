"""The golden table of rule SQL: what each documented function and operator gives, seen by an MQTT client (RUL)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios import sql
from conformance.target.http.answer import Sent
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

EXPRESSIONS = tuple(sql.everything())
END = len(EXPRESSIONS)
"""The number of no expression; its result is the last of a batch."""

CREATE = "POST /rules"


class Calculator:
    """A rule that computes the expression whose number a message names, and republishes the result.

    It is one for all expressions, so that the table costs one change of the configuration. Messages of one publisher
    keep their order: what is missing before the result of `END` has none.
    """

    def __init__(self, context: Context, target: Target) -> None:
        self._target = target
        self._topic, self._results = context.once(
            "topics of the calculator", lambda: (target.sandbox.topic("sum"), target.sandbox.topic("result"))
        )
        branches = " ".join(f"WHEN {number} THEN {text}" for number, text in enumerate(EXPRESSIONS))
        statement = f"SELECT CASE payload.n {branches} ELSE 'end' END AS result, payload.n AS n FROM \"{self._topic}\""
        self.rule = target.borrow_republishing(self._topic, self._results, sql=statement, payload="${.}", qos=1)

    def compute(self, expressions: Iterable[str]) -> dict[str, Any]:
        """Values of the expressions, without those that have none; raises AssertionError if no result comes at all."""
        listener = self._target.listen(self._results)
        publisher = self._target.connect()
        for number in (*map(EXPRESSIONS.index, expressions), END):
            publisher.publish(self._topic, json.dumps({"n": number, **sql.PAYLOAD}), qos=1)
        ended = listener.wait_for_messages(
            1, self._target.timing.batch, lambda message: _row(message.payload)["n"] == END
        )
        assert ended, "the rule republished nothing for a message without expression"
        rows = [_row(message.payload) for message in listener.messages]
        return {EXPRESSIONS[row["n"]]: row.get("result") for row in rows if row["n"] != END}

    def requests(self, expression: str) -> list[Sent]:
        """What shows the value of one expression again: a rule of its own, a message, and the message it retains."""
        sandbox = self._target.sandbox
        topic, result, rule = sandbox.topic("sum"), sandbox.topic("result"), sandbox.name("rule")
        republish = {"function": "republish", "args": {"topic": result, "payload": "${result}", "retain": True}}
        statement = f'SELECT {expression} AS result FROM "{topic}"'
        bodies = {
            "/rules": {"id": rule, "name": rule, "sql": statement, "actions": [republish]},
            "/publish": {"topic": topic, "payload": json.dumps(sql.PAYLOAD)},
        }
        signed = self._target.rules.get(self.rule).sent
        headers = {"Content-Type": "application/json"}
        sent = [replace(signed, method="POST", path=path, headers=headers, body=json.dumps(body).encode())
                for path, body in bodies.items()]  # fmt: skip
        return [*sent, replace(signed, path=f"/mqtt/retainer/message/{quote(result, safe='')}")]


def _row(payload: bytes | bytearray) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(payload)
    return row


@pytest.fixture
def calculator(context: Context, target: Target) -> Calculator:
    return Calculator(context, target)


def same(value: Any, expected: Any) -> bool:
    """Equal and of one type, floats to 12 digits."""
    if isinstance(expected, float):
        return isinstance(value, float) and math.isclose(value, expected, rel_tol=1e-12, abs_tol=1e-12)
    if isinstance(expected, list):
        return isinstance(value, list) and len(value) == len(expected) and all(map(same, value, expected))
    if isinstance(expected, dict):
        return isinstance(value, dict) and value.keys() == expected.keys() and all(
            same(value[key], expected[key]) for key in expected
        )  # fmt: skip
    return type(value) is type(expected) and value == expected


def differences(values: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each expression whose value is another than expected."""
    found = {}
    for expression, wanted in expected.items():
        given = expression in values
        right = not given if wanted is sql.RAISES else given and same(values[expression], wanted)
        if not right:
            gave = repr(values[expression]) if given else "an error"
            found[expression] = f"{expression} gave {gave}, expected {wanted!r}"
    return found


def check(calculator: Calculator, recorder: Recorder, table: Mapping[str, Any]) -> None:
    """Compute a table; each expression that gives another value is a failure of its own, by its function's name."""
    for expression, difference in differences(calculator.compute(table), table).items():
        program = [sent.curl(recorder.redact) for sent in calculator.requests(expression)]
        recorder.failed(recorder.requirements[0], _name(expression), difference, operation=CREATE, program=program)


def _name(expression: str) -> str:
    """The function of an expression, or `expression`."""
    name, bracket, _ = expression.partition("(")
    return name if bracket and name.isidentifier() else "expression"


@requirement("RUL-30", CREATE)
@pytest.mark.parametrize("family", sql.FUNCTIONS)
def test_functions_give_what_the_manual_says(calculator: Calculator, recorder: Recorder, family: str) -> None:
    """Each documented function of rule SQL gives the documented value, of the documented type."""
    check(calculator, recorder, sql.FUNCTIONS[family])


@requirement("RUL-51", CREATE, since="5.8.4")
@pytest.mark.parametrize("family", sql.ADDED)
def test_functions_of_5_8_4_give_what_the_manual_says(calculator: Calculator, recorder: Recorder, family: str) -> None:
    """Sizes of maps and arrays, UTF-16 for SQL Server and arrays as texts: such functions give the documented value."""
    check(calculator, recorder, sql.ADDED[family])


@requirement("RUL-31", CREATE)
@pytest.mark.parametrize("family", sql.CALENDAR)
def test_dates_and_instants_convert_exactly(calculator: Calculator, recorder: Recorder, family: str) -> None:
    """Dates and instants are converted by the Gregorian calendar, to the unit and offset that are asked for."""
    check(calculator, recorder, sql.CALENDAR[family])


@requirement("RUL-32", CREATE)
@pytest.mark.parametrize("family", sql.OPERATORS)
def test_operators_and_paths_give_what_the_manual_says(calculator: Calculator, recorder: Recorder, family: str) -> None:
    """Operators, conditions and paths into maps and arrays give the documented value, of the documented type."""
    check(calculator, recorder, sql.OPERATORS[family])


@requirement("RUL-33", CREATE, "GET /rules/{id}/metrics")
@pytest.mark.parametrize("family", sql.ERRORS)
def test_impossible_arguments_fail_the_statement(
    target: Target, calculator: Calculator, recorder: Recorder, family: str
) -> None:
    """An argument that a function does not take fails the statement: no result, and one more `failed.exception`."""
    table = sql.ERRORS[family]
    before = target.rules.metrics(calculator.rule)

    check(calculator, recorder, table)

    grown = {"matched": len(table) + 1, "passed": 1, "failed": len(table), "failed.exception": len(table)}
    after = target.rules.counted(calculator.rule, {name: before[name] + more for name, more in grown.items()})
    counted = {name: after[name] - before[name] for name in grown}
    assert counted == grown, f"{len(table)} statements failed and one passed, counted were {counted}"
