"""Faults of rules as resources, of their lists and of their tests (RUL).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.rest.http import Call, Handler
from conformance.reference.rest.http import Reply as Answered
from conformance.reference.rules import configuration
from conformance.reference.rules.engine import RuleEngine
from conformance.reference.rules.rule import Rule
from tests.faults.proxy import Fault, Reply, Request
from tests.faults.seeded import (
    EMPTY,
    broken,
    broken_handler,
    edit,
    on,
    scenario,
    seed,
)  # fmt: skip

PULL = "https://github.com/emqx/emqx/pull/"
CREATE, READ, CHANGE, DELETE = "POST /rules", "GET /rules/{id}", "PUT /rules/{id}", "DELETE /rules/{id}"


def instead(label: str, handle: Callable[[Call, Callable[[], Any]], Any]) -> Any:
    """Replace a handler by one that may run the original, which it gets without arguments."""

    def make(original: Handler) -> Handler:
        async def handler(call: Call) -> Answered:
            async def run() -> Any:
                answered = original(call)
                return await answered if inspect.isawaitable(answered) else answered

            reply = handle(call, run)
            return await reply if inspect.isawaitable(reply) else reply

        return handler

    return broken_handler(label, make)


def shown(**changes: Callable[[dict[str, Any]], Any]) -> Any:
    """Show fields of every rule otherwise than they are stored."""

    def make(original: Callable[[Rule], dict[str, Any]]) -> Callable[[Rule], dict[str, Any]]:
        def as_object(self: Rule) -> dict[str, Any]:
            rule = original(self)
            return {**rule, **{name: change(rule) for name, change in changes.items()}}

        return as_object

    return broken(Rule, "as_object", make)


def arguments(rule: dict[str, Any], **changes: Any) -> list[Any]:
    """The actions of a rule with other arguments of its republish actions."""
    return [
        {**action, "args": {**action["args"], **changes}} if isinstance(action, dict) and "args" in action else action
        for action in rule["actions"]
    ]


def remembered(*names: str) -> Fault:
    """What GET of a rule showed first it shows forever, or only in some fields."""
    first: dict[str, Reply] = {}

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if not request.is_for(READ) or (reply.status != 200 and request.path not in first):
            return reply
        kept = first.setdefault(request.path, reply)
        return reply.with_json({**reply.json, **{name: kept.json[name] for name in names}}) if names else kept

    return fault


# --- stored as sent ---------------------------------------------------------------------------------------------------

STORED = scenario("rules", "rule_is_stored_as_sent")
seed("a rule loses its description", shown(description=lambda rule: ""), STORED, "RUL-01")
seed("every rule is enabled", shown(enable=lambda rule: True), STORED, "RUL-01")
seed("the SQL of a rule is tidied up", shown(sql=lambda rule: rule["sql"].lower()), STORED, "RUL-01")
seed("the actions of a rule change their order", shown(actions=lambda rule: rule["actions"][::-1]), STORED, "RUL-01")
seed(
    "a template of a republish gets no default",
    shown(actions=lambda rule: arguments(rule, payload="")),
    STORED,
    "RUL-01",
)
seed("a republish always has its message's QoS", shown(actions=lambda r: arguments(r, qos="${qos}")), STORED, "RUL-01")
seed("a new rule is answered with another name", on(CREATE, edit(lambda rule: rule.update(name="x"))), STORED, "RUL-01")

SOURCES = scenario("rules", "from_lists_the_topics_of_the_statement")
seed("the topics of a rule are sorted", shown(**{"from": lambda rule: sorted(rule["from"])}), SOURCES, "RUL-02")
seed("the topics of a rule stay the first ones", remembered("from"), SOURCES, "RUL-02")
seed(
    "a changed rule is answered with one topic",
    on(CHANGE, edit(lambda rule: rule.update({"from": rule["from"][:1]})), 200),
    SOURCES,
    "RUL-02",
)

# --- ids --------------------------------------------------------------------------------------------------------------


def overwrite(call: Call, run: Callable[[], Any]) -> Any:
    call.deployment.rules.delete(call.body["id"])
    return run()


def refuse_and_overwrite(call: Call, run: Callable[[], Any]) -> Any:
    known = call.deployment.rules.get(call.body["id"])
    if known is not None:
        call.deployment.rules.store(replace(known, description=call.body["description"]))
    return run()


def without_null(call: Call, run: Callable[[], Any]) -> Any:
    if call.body.get("id", "") is None:
        del call.body["id"]
    return run()


def with_text(call: Call, run: Callable[[], Any]) -> Any:
    call.body["id"] = str(call.body["id"]).strip("[]{}'").partition("'")[0]
    return run()


TAKEN, IMPOSSIBLE = (scenario("rules", f"{kind}_id_is_refused") for kind in ("taken", "impossible"))
NO_TEXT = scenario("rules", "id_that_is_no_text_is_refused")
seed("a rule is overwritten by a new one", instead(CREATE, overwrite), TAKEN, "RUL-03", origin=f"{PULL}7612")
seed("a refused rule overwrites the stored one", instead(CREATE, refuse_and_overwrite), TAKEN, "RUL-03")
seed("the id null is none", instead(CREATE, without_null), NO_TEXT, "RUL-03", origin=f"{PULL}13589")
seed("an id is made a text", instead(CREATE, with_text), NO_TEXT, "RUL-03")
seed("an id has any characters", broken(configuration, "_ID", lambda _: re.compile("(?s).+")), IMPOSSIBLE, "RUL-03")
seed("an id has any length", broken(configuration, "_MAX_ID", lambda _: 1000), IMPOSSIBLE, "RUL-03")

MADE_UP = scenario("rules", "made_up_ids_are_unique")
seed("every made up id is the same", on(CREATE, edit(lambda rule: rule.update(id="same")), 201), MADE_UP, "RUL-04")
seed("a made up id is empty", on(CREATE, edit(lambda rule: rule.update(id="")), 201), MADE_UP, "RUL-04")
seed("a made up id leads to another rule", on(READ, edit(lambda rule: rule.update(name="x")), 200), MADE_UP, "RUL-04")

# --- deleted ----------------------------------------------------------------------------------------------------------

NO_METRICS = {
    "id": "x",
    "metrics": {
        **dict.fromkeys((
            "matched", "passed", "failed", "failed.exception", "failed.no_result", "actions.total", "actions.success",
            "actions.failed", "actions.failed.out_of_service", "actions.failed.unknown", "actions.discarded",
        ), 0),
        **dict.fromkeys(("matched.rate", "matched.rate.max", "matched.rate.last5m"), 0.0),
    },
    "node_metrics": [],
}  # fmt: skip


def keep_listed(original: Callable[[RuleEngine, str], bool]) -> Callable[[RuleEngine, str], bool]:
    def delete(self: RuleEngine, rule_id: str) -> bool:
        listed, ghost = self.all, self.get(rule_id)
        found = original(self, rule_id)
        self.all = lambda: [*listed(), *([ghost] if ghost else [])]
        return found

    return delete


GONE = scenario("rules", "deleted_rule_is_gone")
seed("a rule is deleted twice", on(DELETE, lambda _: EMPTY, 404), GONE, "RUL-08", origin=f"{PULL}10677")
seed("a deleted rule is listed", broken(RuleEngine, "delete", keep_listed), GONE, "RUL-08")
seed(
    "a deleted rule has metrics",
    on("GET /rules/{id}/metrics", lambda r: r.with_json(NO_METRICS, 200), 404),
    GONE,
    "RUL-08",
)
seed(
    "the metrics of a deleted rule are reset", on("PUT /rules/{id}/metrics/reset", lambda _: EMPTY, 404), GONE, "RUL-08"
)
seed("a deleted rule is read", remembered(), GONE, "RUL-08")
