"""Testing a rule with the context of an event (RUL)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.scenarios.listed import DISABLED, WITHOUT_ACTIONS, listed_rules
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = pytest.mark.scenario


def published(topic: str, payload: str = '{"x":1}', **fields: Any) -> dict[str, Any]:
    """The context of a message."""
    context = {"event_type": "message_publish", "topic": topic, "payload": payload, "qos": 1}
    return {**context, "clientid": "c_emqx", "username": "u_emqx", **fields}


@dataclass(frozen=True, slots=True)
class Trial:
    """A statement that selects what is published on ``topic`` and below it if the payload has x = 1.

    ``actions`` republish the payload's text to two topics below ``out``.
    """

    target: Target
    topic: str
    out: str

    def rule(self) -> str:
        """A rule with it and the actions, which serves item after item."""
        topics = (f"{self.out}/first/${{x}}", f"{self.out}/second/${{x}}")
        actions = [{"function": "republish", "args": {"topic": each, "payload": "${payload.text}"}} for each in topics]
        sql = f'SELECT payload.x AS x, payload FROM "{self.topic}/#" WHERE payload.x = 1'
        return self.target.borrow_rule(sql=sql, actions=actions)


@pytest.fixture
def tested(context: Context, target: Target) -> Trial:
    topics = context.once("topics of tested rules", lambda: [target.sandbox.topic(hint) for hint in ("from", "out")])
    return Trial(target, *topics)


@requirement("RUL-14", "POST /rules/{id}/test")
def test_context_matches_or_not(context: Context, target: Target, tested: Trial) -> None:
    """A test answers 200 with one result for each action if the context matches, 412 if topic or condition do not."""
    topic, rule = tested.topic, tested.rule()
    matched = target.rules.test(rule, published(f"{topic}/a")).expect(200)
    assert matched.json == ["ok", "ok"], f"two actions have the results {matched.json}"
    target.rules.test(rule, published(f"{topic}/a", '{"x":2}')).expect(412, code="NOT_MATCH")
    target.rules.test(rule, published(f"{topic}-other")).expect(412, code="NOT_MATCH")
    target.rules.test(rule, {"event_type": "client_connected", "clientid": "c"}).expect(412, code="NOT_MATCH")

    listed = listed_rules(context, target)
    matched = target.rules.test(listed.rule(WITHOUT_ACTIONS), published(listed.common)).expect(200)
    assert not matched.json, f"a rule without actions has the results {matched.json}"


@requirement("RUL-14", "POST /rules/{id}/test")
def test_impossible_context_is_refused(target: Target, tested: Trial) -> None:
    """A context without a known event_type or with wrong fields answers 400, also for a rule that does not exist."""
    topic, rule = tested.topic, tested.rule()
    unknown = target.sandbox.name("rule")
    target.rules.test(rule, published(topic)).expect(200)

    without_event = published(topic)
    del without_event["event_type"]
    for context in (published(topic, event_type="no_such_event"), without_event, {}):
        target.rules.test(rule, context).expect(400, code="BAD_REQUEST")
        target.rules.test(unknown, context).expect(400, code="BAD_REQUEST")
    for context in (published(topic, qos=3), published(topic, x_unknown=1)):
        target.rules.test(rule, context).expect(400, code="BAD_REQUEST")
    # The statement itself fails for this payload.
    target.rules.test(rule, published(topic, "no JSON")).expect(400, code="BAD_REQUEST")
    target.rules.test(unknown, published(topic)).expect(404, code="RULE_NOT_FOUND")


@requirement("RUL-15", "POST /rules/{id}/test")
@pytest.mark.needs("mqtt")
def test_actions_run_only_on_demand(target: Target, tested: Trial) -> None:
    """A test only renders the actions, unless stop_action_after_template_rendering is false: then it runs them."""
    rule = tested.rule()
    listener = target.listen(f"{tested.out}/first/1")

    def context(text: str) -> dict[str, Any]:
        return published(tested.topic, json.dumps({"x": 1, "text": text}))

    target.rules.test(rule, context("stopped by default")).expect(200)
    target.rules.test(rule, context("stopped"), stop_action_after_template_rendering=True).expect(200)
    target.rules.test(rule, context("run"), stop_action_after_template_rendering=False).expect(200)

    arrived = target.eventually(lambda: [message.payload.decode() for message in listener.messages])
    assert arrived == ["run"], f"the tests delivered {arrived}, expected only the one that runs the actions"


@requirement("RUL-19", "POST /rules/{id}/test", "GET /rules/{id}/metrics", level="SHOULD")
def test_rendered_actions_have_not_failed(target: Target, tested: Trial) -> None:
    """A test that only renders the actions and says they are ok does not count them as failed."""
    source, rule = tested.topic, tested.rule()

    results = target.rules.test(rule, published(source)).expect(200).json
    assert results == ["ok", "ok"], f"the actions that are rendered have the results {results}"
    target.rules.test(rule, published(source), stop_action_after_template_rendering=False).expect(200)

    counters = target.rules.counted(rule, {"matched": 2, "actions.success": 2})
    assert counters["actions.success"] >= 2, f"the actions that were run are not counted: {counters}"
    failed = {name: counters[name] for name in ("actions.failed", "actions.failed.unknown")}
    assert not any(failed.values()), f"no action has failed, counted are {failed}"


@requirement("RUL-23", "POST /rules/{id}/test")
def test_disabled_rule_can_be_tested(context: Context, target: Target) -> None:
    """A rule that is disabled can be tested like any other."""
    listed = listed_rules(context, target)
    topic, rule = listed.last, listed.rule(DISABLED)

    target.rules.test(rule, published(topic)).expect(200)
    target.rules.test(rule, published(topic, '{"x":2}')).expect(412, code="NOT_MATCH")
