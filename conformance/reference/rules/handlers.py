"""The nine operations of tag Rules (behaviour 3)."""

from __future__ import annotations

import secrets
from typing import Any

from conformance.reference.defects import Defect, Quirk
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, SchemaFilter, handles, unsupported_media_type
from conformance.reference.rules.engine import RuleEngine
from conformance.reference.rules.events import EVENTS
from conformance.reference.rules.listing import page_of_rules
from conformance.reference.rules.rule import Rule

_GENERATED_ID_BYTES = 4


@handles("GET /rules", SchemaFilter.CONTENT_TYPE)
def list_rules(call: Call) -> Reply:
    return Reply(200, page_of_rules(call, call.deployment.part(RuleEngine).all()))


@handles("POST /rules", SchemaFilter.CONTENT_TYPE)
async def create_rule(call: Call) -> Reply:
    """201 with the rule; an existing id is 400 BAD_REQUEST, unlike in other creates (erratum C23)."""
    rules, body = call.deployment.part(RuleEngine), _object(call)
    rule_id = body.get("id", secrets.token_hex(_GENERATED_ID_BYTES))
    if rule_id == "":
        raise ApiError(400, "BAD_REQUEST", "empty rule id is not allowed")
    if not isinstance(rule_id, str):
        raise ApiError(400, "BAD_REQUEST", "rule id must be a string")
    if rules.get(rule_id) is not None or rules.writes.is_closed(rule_id):
        raise ApiError(400, "BAD_REQUEST", "rule id already exists")
    rule = rules.configuration.rule(rule_id, body)
    if call.deployment.has(Defect.EQUAL_CREATIONS_AT_ONCE):
        await rules.writes.wait(rule_id)
    rules.store(rule)
    return Reply(201, rule.as_object())


@handles("GET /rules/{id}", SchemaFilter.CONTENT_TYPE)
def read_rule(call: Call) -> Reply:
    return Reply(200, _rule(call).as_object())


@handles("PUT /rules/{id}", SchemaFilter.CONTENT_TYPE)
def update_rule(call: Call) -> Reply:
    """200 with the rule merged over the stored one, or created (RUL-06); its counters start again (RUL-12)."""
    rules, rule_id = call.deployment.part(RuleEngine), call.path["id"]
    rule = rules.configuration.rule(rule_id, _object(call), rules.get(rule_id))
    rules.store(rule)
    return Reply(200, rule.as_object())


@handles("DELETE /rules/{id}", SchemaFilter.CONTENT_TYPE)
async def delete_rule(call: Call) -> Reply:
    """204; with `Quirk.DELETIONS_AT_ONCE` also for those who ask while the rule is being deleted."""
    rules, rule_id = call.deployment.part(RuleEngine), _rule(call).id
    if call.deployment.has(Quirk.DELETIONS_AT_ONCE):
        await rules.deletions.wait(rule_id)
    rules.delete(rule_id)
    return Reply(204)


@handles("GET /rules/{id}/metrics", SchemaFilter.CONTENT_TYPE)
def read_metrics(call: Call) -> Reply:
    rule = _rule(call)
    node_metrics = [{"node": node, "metrics": rule.metrics.as_object(node)} for node in call.deployment.nodes]
    return Reply(200, {"id": rule.id, "metrics": rule.metrics.as_object(), "node_metrics": node_metrics})


@handles("PUT /rules/{id}/metrics/reset", SchemaFilter.CONTENT_TYPE)
def reset_metrics(call: Call) -> Reply:
    _rule(call).metrics.reset()
    return Reply(204)


@handles("POST /rules/{id}/test", SchemaFilter.CONTENT_TYPE)
def test_rule(call: Call) -> Reply:
    """200 with the results of the actions; the body is checked before the rule is looked up."""
    if isinstance(call.body, str) and call.deployment.has(Quirk.TEXT_IS_NO_TEST):
        raise unsupported_media_type()
    test = call.deployment.part(RuleEngine).test
    context, stop = test.check(call.body)
    rule = call.deployment.part(RuleEngine).get(call.path["id"])
    if rule is None:
        raise ApiError(404, "RULE_NOT_FOUND", "The rule could not be found")
    return Reply(200, test.run(rule, context, stop=stop))


@handles("GET /rule_events", SchemaFilter.CONTENT_TYPE)
def list_events(call: Call) -> Reply:
    known = [event for event_type, event in EVENTS.items() if call.deployment.part(RuleEngine).test.knows(event_type)]
    return Reply(200, [event.as_object(call.deployment.traits) for event in known])


def _object(call: Call) -> dict[str, Any]:
    if isinstance(call.body, dict):
        return call.body
    if call.deployment.has(Defect.RULE_BODY_THAT_IS_NO_OBJECT):
        raise Crash(f"{{badmap,{call.body!r}}}")
    raise ApiError(400, "BAD_REQUEST", "the body is not an object")


def _rule(call: Call) -> Rule:
    rule = call.deployment.part(RuleEngine).get(call.path["id"])
    if rule is None:
        raise _not_found()
    return rule


def _not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "Rule Id Not Found")
