"""Faults of the chain from a connector to the sink (FLOW).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.bridges import connector_handlers
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.rest.http import Call
from conformance.reference.rules import engine
from conformance.reference.rules.actions import ActionRunner
from conformance.reference.rules.engine import RuleEngine
from conformance.reference.rules.metrics import RuleMetrics
from tests.faults.rules import instead
from tests.faults.seeded import EMPTY, before, broken, edit, json_reply, on, scenario, seed, swallow, twice

NO_SUBSCRIBER = json_reply(202, {"reason_code": 16, "message": "no_matching_subscribers"})
seed(
    "published messages go nowhere",
    swallow("POST /publish", NO_SUBSCRIBER),
    scenario("flagship", "message_reaches_the_sink"),
    ("FLOW-01", "POST /publish", "message_reaches_the_sink"),
)
seed(
    "a rule ignores its WHERE clause",
    broken(engine, "run", lambda run: lambda sql, *args, **kwargs: run(replace(sql, condition=None), *args, **kwargs)),
    scenario("flagship", "message_reaches_the_sink"),
    "FLOW-01",
)
seed(
    "an action counts one delivery too many",
    on("GET /actions/{id}/metrics", edit(lambda b: b["metrics"].update(success=b["metrics"]["success"] + 1)), 200),
    scenario("flagship", "metrics_count_the_messages"),
    ("FLOW-02", "GET /actions/{id}/metrics", "metrics_count_the_messages"),
)
seed(
    "a rule counts every match twice",
    broken(RuleMetrics, "matched", twice),
    scenario("flagship", "metrics_count_the_messages"),
    "FLOW-02",
)
seed(
    "a rule test matches everything",
    on("POST /rules/{id}/test", lambda reply: reply.with_json(["ok"], 200), 412),
    scenario("flagship", "rule_test_tells_match_from_mismatch"),
    ("FLOW-03", "POST /rules/{id}/test", "rule_test_tells_match_from_mismatch"),
)
seed(
    "a rule test delivers",
    broken(ActionRunner, "render_only", lambda _: lambda self, *event: self.run(*event, None)),
    scenario("flagship", "rule_test_tells_match_from_mismatch"),
    "FLOW-03",
)
seed(
    "disabling does nothing",
    swallow("PUT /actions/{id}/enable/{enable}", EMPTY),
    scenario("flagship", "disabled_action_delivers_nothing"),
    ("FLOW-04", "GET /actions/{id}", "disabled_action_delivers_nothing"),
)
seed(
    "a connector in use is reported deleted",
    on("DELETE /connectors/{id}", lambda reply: EMPTY, 400),
    scenario("flagship", "chain_is_deleted_from_the_top"),
    ("FLOW-05", "DELETE /connectors/{id}", "chain_is_deleted_from_the_top"),
)
seed(
    "deleting a rule does nothing",
    swallow("DELETE /rules/{id}", EMPTY, lambda request: request.signed),
    scenario("flagship", "deleted_chain_is_gone"),
    ("FLOW-06", "GET /rules/{id}", "deleted_chain_is_gone"),
)


async def started_afresh(call: Any, run: Callable[[], Any]) -> Any:
    answered = await run()
    for action in call.deployment.part(Bridges).actions_of(connector_handlers._found(call)):
        action.metrics.reset()
    return answered


def forget_actions(call: Call) -> None:
    actions = call.deployment.part(Bridges).actions
    rule = call.deployment.part(RuleEngine).get(call.path["id"])
    for used in actions.keys() & ([each for each in rule.actions if isinstance(each, str)] if rule else []):
        actions[used].metrics.reset()


GONE = scenario("flagship", "deleted_chain_is_gone")
seed(
    "a start of a connector resets the counters of its actions",
    instead("POST /connectors/{id}/{operation}", started_afresh),
    GONE,
    "ACT-05",
)
seed("the counters of actions go with a rule", before("DELETE /rules/{id}", forget_actions), GONE, "ACT-05")
