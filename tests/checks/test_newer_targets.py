"""A value that the contract does not list may be new in a target that is newer than the contract, and only there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.checks.answers import AnswerChecks
from conformance.checks.recorder import Recorder
from conformance.contract import load_contract
from conformance.target.http.answer import Answer, Sent
from conformance.target.redaction import Redactor

CONTRACT = load_contract()
EVENT = {
    "event": "$events/client/connected", "title": {"en": "t", "zh": "t"}, "description": {"en": "d", "zh": "d"},
    "test_columns": {"clientid": "c"}, "columns": ["clientid"], "sql_example": 'SELECT * FROM "t"',
}  # fmt: skip


def failures(label: str, body: Any, version: str | None) -> list[str]:
    recorder = Recorder(Redactor((), frozenset()), "gw0")
    recorder.begin("an item", ("GEN-14",), label)
    sent = Sent(label.partition(" ")[0], "/x", {}, b"", "basic", "1")
    answer = Answer(label, sent, 200, {"content-type": "application/json"}, json.dumps(body).encode(), 0.1)
    AnswerChecks(CONTRACT, recorder, version).schema(answer, CONTRACT.operation(label))
    return [failure.message for failure in recorder.failures]


@pytest.mark.parametrize(("label", "body"), [("GET /action_types", ["http", "doris"]), ("GET /rule_events", [EVENT])])
@pytest.mark.parametrize(
    ("version", "fine"), [("5.10.4", True), ("6.0.0-rc.1", True), ("5.8.9", False), ("5.7.0", False), (None, False)]
)
def test_value_that_is_not_listed(label: str, body: Any, version: str | None, fine: bool) -> None:
    assert (failures(label, body, version) == []) is fine


@pytest.mark.parametrize("body", [["http", 1], {}, [EVENT]])
def test_value_of_another_type_is_never_new(body: Any) -> None:
    assert failures("GET /action_types", body, "5.10.4")
