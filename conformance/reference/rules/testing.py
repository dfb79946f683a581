"""POST /rules/{id}/test: running one rule for an event described in the request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from conformance.reference.defects import Defect, Quirk
from conformance.reference.deployment import Deployment
from conformance.reference.rest.checking import Checker, CheckError
from conformance.reference.rest.http import ApiError
from conformance.reference.rules.configuration import bad_arguments
from conformance.reference.rules.evaluator import PhaseError
from conformance.reference.rules.events import EVENTS, MESSAGE_PUBLISH, concerns, is_event_topic
from conformance.reference.rules.rule import Rule
from conformance.reference.rules.scope import Row
from conformance.reference.rules.values import EvaluationError, imported

_PATH = "rule_apply_test"
_FIELDS = ("context", "stop_action_after_template_rendering")


class Apply(Protocol):
    """Runs a rule for one event, as `conformance.reference.rules.engine.RuleEngine.apply`."""

    def __call__(self, rule: Rule, columns: Row, *, render_only: bool) -> list[Any] | None: ...


class RuleTest:
    """Checks test requests against one deployment's contract and runs them."""

    def __init__(self, deployment: Deployment, apply: Apply) -> None:
        self._deployment = deployment
        self._apply = apply
        self._checker = Checker(deployment.contract, deployment.traits)
        self._contexts = dict(self._schemas())

    def _schemas(self) -> dict[str, Mapping[str, Any]]:
        contract = self._deployment.contract
        body = contract.resolve(contract.operation("POST /rules/{id}/test").json_body or {})
        schemas: dict[str, Mapping[str, Any]] = {}
        for branch in contract.branches(body["properties"]["context"]):
            schema = contract.resolve(branch)
            schemas[schema["properties"]["event_type"]["enum"][0]] = schema
        return schemas

    def knows(self, event_type: str) -> bool:
        """Whether the deployment's version has such an event; alarms are none in the earlier one."""
        return event_type in self._contexts

    def check(self, body: Any) -> tuple[dict[str, Any], bool]:
        """The context, and whether actions are only rendered; raises `ApiError` 400."""
        try:
            if not isinstance(body, dict):
                raise CheckError.of("bad_value_for_struct", _PATH, value=body)
            unknown = sorted(body.keys() - set(_FIELDS))
            if unknown:
                raise CheckError.of("unknown_fields", _PATH, unknown=",".join(unknown))
            stop = self._checker.check({"type": "boolean"}, body.get(_FIELDS[1], True), f"{_PATH}.{_FIELDS[1]}")
            return self._context(body.get("context", {})), stop
        except CheckError as error:
            raise bad_arguments(str(error)) from None

    def _context(self, context: Any) -> dict[str, Any]:
        path = f"{_PATH}.context"
        if not isinstance(context, dict):
            raise CheckError.of("bad_value_for_struct", path, value=context)
        event_type = context.get("event_type")
        if not isinstance(event_type, str) or not self.knows(event_type):
            raise CheckError.of("unknown event type", path, value=event_type, field_name="event_type")
        checked: dict[str, Any] = self._checker.check(self._contexts[event_type], context, path)
        return checked

    def run(self, rule: Rule, context: dict[str, Any], *, stop: bool) -> Any:
        """The results of the actions (``["ok"]``; ``{}`` if there are none).

        Raises `ApiError` 412 if the rule is not about the event or its condition is false, 400 if the statement fails.
        """
        event_type = context.pop("event_type")
        event = EVENTS[event_type]
        topic = context.get("topic") if event_type == MESSAGE_PUBLISH else None
        if not self._is_about(rule, event_type, topic):
            raise _not_matched()
        try:
            columns = imported({**event.example_context(), **context})
            if self._deployment.has(Defect.RULE_TEST_SHOWS_EVENT_TYPE):
                columns["event_type"] = event_type
            results = self._apply(rule, columns, render_only=stop)
        except EvaluationError as error:
            phase = error.phase if isinstance(error, PhaseError) else "select_and_transform_error"
            raise ApiError(400, "BAD_REQUEST", json.dumps({phase: str(error)})) from None
        if results is None:
            raise _not_matched()
        return results or {}

    def _is_about(self, rule: Rule, event_type: str, topic: str | None) -> bool:
        by_letter = self._deployment.has(Quirk.SOURCES_BY_LETTER)
        if by_letter and any(is_event_topic(source) for source in rule.sources):
            # With an event among them, 5.8.9 compares the sources by letter and so misses topic filters and bridges.
            return (EVENTS[event_type].topic if topic is None else topic) in rule.sources
        return concerns(rule.sources, event_type, topic)


def _not_matched() -> ApiError:
    return ApiError(412, "NOT_MATCH", "SQL Not Match")
