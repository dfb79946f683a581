"""Faults of actions: their connectors and rules, their types and times (ACT)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.resources import Action
from conformance.reference.rest.http import ApiError, Call, Handler, Reply
from conformance.reference.rules.engine import RuleEngine
from tests.faults.proxy import Reply as Answer
from tests.faults.proxy import Request
from tests.faults.seeded import (
    EMPTY,
    broken,
    broken_handler,
    edit,
    error_reply,
    in_each,
    nothing,
    on,
    scenario,
    seed,
    swallow,
)

PULL = "https://github.com/emqx/emqx/pull/"
CRASH = error_reply(500, "INTERNAL_ERROR", "The operation crashed")
REFUSAL = error_reply(400, "BAD_REQUEST")

CREATE, READ, CHANGE, DELETE = "POST /actions", "GET /actions/{id}", "PUT /actions/{id}", "DELETE /actions/{id}"
LIST, PROBE, TYPES = "GET /actions", "POST /actions_probe", "GET /action_types"

# --- connectors and rules ---------------------------------------------------------------------------------------------

CONNECTED = scenario("actions", "action_needs_a_connector_of_its_type")


def store(call: Call) -> None:
    config = {name: value for name, value in call.checked.items() if name not in ("type", "name")}
    action = Action(call.body["type"], call.body["name"], config, config)
    call.deployment.bridges.actions[action.id] = action


def store_anyway(handler: Handler) -> Handler:
    async def create(call: Call) -> Reply:
        try:
            return await handler(call)
        except ApiError:
            store(call)
            raise

    return create


seed("an action that is refused is stored", broken_handler(CREATE, store_anyway), CONNECTED, "ACT-01")
seed(
    "an action without its connector crashes",
    on(CREATE, lambda _: CRASH, 400),
    CONNECTED,
    "ACT-01",
    ("GEN-15", CREATE, "no_server_error"),
    origin=f"{PULL}10066",
)
seed(
    "an action loses its connector",
    on(CHANGE, lambda _: error_reply(404, "NOT_FOUND"), 400),
    CONNECTED,
    "ACT-01",
)

RULES = scenario("actions", "action_names_its_rules")
for name, make in (
    ("an action names its rules in no order", lambda original: lambda *args: original(*args)[::-1]),
    ("an action names none of its rules", lambda _: lambda *args: []),
    ("an action names every rule twice", lambda original: lambda *args: sorted(original(*args) * 2)),
):
    seed(name, broken(Bridges, "rules_using", make), RULES, "ACT-02")
seed(
    "listed actions have no rules",
    on(LIST, in_each(None, lambda action: action.update(rules=[])), 200),
    RULES,
    "ACT-02",
)

USED = scenario("actions", "action_in_use_is_deleted_only_on_demand")


def take_rules_along(_: Any) -> Callable[..., Any]:
    def remove(self: RuleEngine, action_id: str) -> None:
        for rule in self.ids_using_action(action_id):
            del self._rules[rule]

    return remove


for name, fault, number in (
    (
        "an action that rules use is deleted",
        broken(Bridges, "remove_action", lambda original: lambda self, action, also_from_rules: original(
            self, action, also_from_rules=True)),
        8902,
    ),
    ("the refusal names no rules", on(DELETE, edit(lambda body: body.pop("rules", None)), 400), 12096),
    ("rules go with their action", broken(RuleEngine, "remove_action", take_rules_along), None),
    ("rules keep an action that is gone", broken(RuleEngine, "remove_action", nothing), None),
    ("an action in use is never deleted", swallow(DELETE, REFUSAL, lambda r: "true" in r.query), None),
    ("rules may go along maybe", swallow(DELETE, EMPTY, lambda r: "maybe" in r.query), None),
):  # fmt: skip
    seed(name, fault, USED, "ACT-03", origin=None if number is None else f"{PULL}{number}")


def confusing_sources(original: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def ids_using_action(self: RuleEngine, action_id: str) -> list[str]:
        listening = [rule.id for rule in self._rules.values() if action_id in rule.sql]
        return sorted({*original(self, action_id), *listening})

    return ids_using_action


seed(
    "a rule that listens to a source uses the action of its name",
    broken(RuleEngine, "ids_using_action", confusing_sources),
    scenario("actions", "source_of_the_same_name_is_another_thing"),
    "ACT-03",
    origin=f"{PULL}14697",
)

# --- types, times, optional fields ------------------------------------------------------------------------------------

ONLY_TYPES = scenario("actions", "only_offered_types_are_types")
seed(
    "a type is offered that is none",
    on(TYPES, edit(lambda types: types.append("webhook")), 200),
    ONLY_TYPES,
    "ACT-09",
    ("GEN-14", TYPES, "response_schema"),
)
seed("a type is offered twice", on(TYPES, edit(lambda types: types.append("http")), 200), ONLY_TYPES, "ACT-09")
seed(
    "a probe knows any type",
    swallow(PROBE, EMPTY, lambda request: request.json["type"] == "nosuchtype"),
    ONLY_TYPES,
    ("ACT-09", PROBE, "unknown_type"),
)
seed(
    "the type of an action is read regardless of case",
    swallow(CREATE, CRASH, lambda request: request.json["type"] == "HTTP"),
    ONLY_TYPES,
    ("ACT-09", CREATE, "unknown_type"),
    ("GEN-15", CREATE, "no_server_error"),
)
seed(
    "a type that is offered is refused",
    on(CREATE, lambda _: REFUSAL, 201),
    scenario("types", "action[POST /actions-redis]"),
    ("ACT-09", CREATE, "answered"),
)

TIMES = scenario("actions", "creation_time_is_set_by_the_server")


def as_the_client_says(request: Request, forward: Callable[[], Answer]) -> Answer:
    reply = forward()
    said = (request.json or {}).get("created_at") if request.is_for(CREATE) else None
    return edit(lambda body: body.update(created_at=said))(reply) if said and reply.status == 201 else reply


seed(
    "a change is a creation",
    on(CHANGE, edit(lambda body: body.update(created_at=body["created_at"] + 1)), 200),
    TIMES,
    ("ACT-12", CHANGE, "survives_put"),
)
seed(
    "an action is created anew whenever it is read",
    on(READ, edit(lambda body: body.update(created_at=body["last_modified_at"])), 200),
    TIMES,
    ("ACT-12", READ, "not_put"),
)
seed("the client says when an action was created", as_the_client_says, TIMES, ("ACT-12", CREATE, "not_posted"))
seed(
    "an action is never modified",
    on(READ, edit(lambda body: body.update(last_modified_at=body["created_at"])), 200),
    TIMES,
    ("ACT-12", READ, "modified"),
)
for label in (CREATE, CHANGE):
    seed(
        f"{label} insists on resource_opts",
        swallow(label, REFUSAL, lambda request: "resource_opts" not in request.json),
        scenario("actions", "optional_fields_may_be_left_out"),
        ("ACT-13", label, "optional"),
    )

# --- probes -----------------------------------------------------------------------------------------------------------

PROBED = scenario("actions", "probe_creates_no_action")


def keep_what_is_probed(handler: Handler) -> Handler:
    async def probe(call: Call) -> Reply:
        reply = await handler(call)
        store(call)
        return reply

    return probe


seed("a probe of an action creates it", broken_handler(PROBE, keep_what_is_probed), PROBED, "ACT-15")
seed("a probe of an action always succeeds", on(PROBE, lambda _: EMPTY, 400), PROBED, "ACT-15")
seed("a probe of an action always fails", on(PROBE, lambda _: error_reply(400, "TEST_FAILED"), 204), PROBED, "ACT-15")
