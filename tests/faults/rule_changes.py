"""Faults of changes of rules, and of what rules are made of (RUL).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.defects import Defect
from conformance.reference.rest.checking import CheckError
from conformance.reference.rest.http import ApiError, Call
from conformance.reference.rest.http import Reply as Answered
from conformance.reference.rules import configuration, handlers
from conformance.reference.rules.configuration import Configuration
from conformance.reference.rules.index import RuleIndex
from conformance.reference.rules.parser import SqlError
from tests.faults.rules import CHANGE, CREATE, instead, remembered, shown
from tests.faults.seeded import Broken, broken, scenario, seed

# --- changes ----------------------------------------------------------------------------------------------------------

ANYTHING = 'SELECT * FROM "cft"'


def forgiving(original: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse(sql: str) -> Any:
        try:
            return original(sql)
        except SqlError:
            return original(ANYTHING)

    return parse


async def store_refused(call: Call, run: Callable[[], Any]) -> Any:
    rules, known = call.deployment.rules, call.deployment.rules.get(call.path["id"])
    try:
        return await run()
    except ApiError:
        if known is not None:
            rules.store(replace(known, description="refused"))
        raise


async def create_refused(call: Call, run: Callable[[], Any]) -> Any:
    try:
        return await run()
    except ApiError:
        rules, body = call.deployment.rules, {**call.body, "sql": ANYTHING, "actions": []}
        rules.store(rules.configuration.rule(body["id"], body))
        raise


async def stop_refused(call: Call, run: Callable[[], Any]) -> Any:
    try:
        return await run()
    except ApiError:
        call.deployment.rules._index = RuleIndex()
        raise


REFUSED = scenario("rules", "statement_that_does_not_parse_is_refused")
OLD = scenario("rules", "refused_statement_leaves_the_old_one_running")
KIND = scenario("rules", "unknown_kind_of_action_is_refused")
seed("no statement is parsed before it is stored", broken(configuration, "parse", forgiving), REFUSED, "RUL-05")
seed("a refused rule is created", instead(CREATE, create_refused), (REFUSED, KIND), "RUL-05", "RUL-22")
seed("a refused change is stored", instead(CHANGE, store_refused), (REFUSED, KIND), "RUL-05", "RUL-22")
seed("a refused change stops the rules", instead(CHANGE, stop_refused), OLD, "RUL-05")


def known_or_404(call: Call, run: Callable[[], Any]) -> Any:
    if call.deployment.rules.get(call.path["id"]) is None:
        raise ApiError(404, "NOT_FOUND", "There is no such rule")
    return run()


def with_statement(call: Call, run: Callable[[], Any]) -> Any:
    if call.deployment.rules.get(call.path["id"]) is None:
        call.body.setdefault("sql", ANYTHING)
    return run()


def replaced(call: Call, run: Callable[[], Any]) -> Any:
    rules = call.deployment.rules
    old = rules.get(call.path["id"])
    sql = {"sql": old.sql} if old else {}
    rule = rules.configuration.rule(call.path["id"], {**sql, **call.body})
    rules.store(rule)
    return Answered(200, rule.as_object())


def forgotten(call: Call, _run: Callable[[], Any]) -> Any:
    rules = call.deployment.rules
    rule = rules.configuration.rule(call.path["id"], call.body, rules.get(call.path["id"]))
    return Answered(200, rule.as_object())


def disabled(call: Call, run: Callable[[], Any]) -> Any:
    if call.deployment.rules.get(call.path["id"]) is None:
        call.body["enable"] = False
    return run()


MERGED = scenario("rules", "put_merges_and_creates")
UNDOCUMENTED = ("GEN-27", CHANGE, "documented_status")
seed("an unknown rule cannot be changed", instead(CHANGE, known_or_404), MERGED, "RUL-06", UNDOCUMENTED)
seed("a rule is created without a statement", instead(CHANGE, with_statement), MERGED, "RUL-06")
seed("an unknown rule is created disabled", instead(CHANGE, disabled), MERGED, "RUL-06")
seed("a change replaces the whole rule", instead(CHANGE, replaced), MERGED, "RUL-06")
seed("a change is answered and not made", instead(CHANGE, forgotten), MERGED, "RUL-06")


def absent_if_empty(name: str) -> Broken:
    """A PUT keeps what it says is empty."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def rule(self: Configuration, rule_id: str, body: dict[str, Any], old: Any = None) -> Any:
            kept = {key: value for key, value in body.items() if key != name or value or old is None}
            return original(self, rule_id, kept, old)

        return rule

    return broken(Configuration, "rule", make)


for field in ("name", "description", "actions"):
    seed(f"a change cannot make the {field} of a rule empty", absent_if_empty(field), MERGED, "RUL-06")
seed(
    "a rule without a name is called by its id",
    shown(name=lambda rule: rule["name"] or rule["id"]),
    MERGED,
    "RUL-06",
)


async def not_heard(call: Call, run: Callable[[], Any]) -> Any:
    rules, is_new = call.deployment.rules, call.deployment.rules.get(call.path["id"]) is None
    answered = await run()
    if is_new and answered.status == 200:
        rules._index = RuleIndex(rule for rule in rules.all() if rule.id != call.path["id"])
    return answered


seed("a rule that a change creates hears nothing", instead(CHANGE, not_heard), MERGED, "RUL-06")

TIMES = scenario("rules", "put_keeps_the_creation_and_moves_the_modification")
seed(
    "a change begins a new life",
    shown(created_at=lambda rule: rule["last_modified_at"]),
    TIMES,
    "RUL-07",
)
seed("a rule shows its first modification", remembered("last_modified_at"), TIMES, "RUL-07")
seed("a change does not move the modification", shown(last_modified_at=lambda r: r["created_at"]), TIMES, "RUL-07")

# --- bodies -----------------------------------------------------------------------------------------------------------


def numbers_for_texts(original: Callable[..., None]) -> Callable[..., None]:
    def init(self: Configuration, deployment: Any) -> None:
        original(self, deployment)
        self._checker._traits = {Defect.NUMBERS_FOR_TEXTS}

    return init


def any_action(original: Callable[..., Any]) -> Callable[..., Any]:
    def action(self: Configuration, value: Any, path: str) -> Any:
        try:
            return original(self, value, path)
        except CheckError:
            return {"function": "console"}

    return action


seed(
    "a body that is no object is a rule",
    broken(
        handlers,
        "_object",
        lambda original: lambda call: call.body if isinstance(call.body, dict) else {"sql": ANYTHING},
    ),
    tuple(scenario("rules", f"body_that_is_no_object_is_refused[{label}]") for label in (CREATE, CHANGE)),
    ("RUL-21", CREATE, "body_that_is_no_object_is_refused"),
    ("RUL-21", CHANGE, "body_that_is_no_object_is_refused"),
)


def described(call: Call, run: Callable[[], Any]) -> Any:
    if not isinstance(call.body, dict):
        rules = call.deployment.rules
        rules.store(replace(rules.get(call.path["id"]), description="no object"))
    return run()


seed(
    "a refused body leaves a trace",
    instead(CHANGE, described),
    scenario("rules", f"body_that_is_no_object_is_refused[{CHANGE}]"),
    "RUL-21",
)
seed("any action is printed", broken(Configuration, "_action", any_action), KIND, "RUL-22")


def named(condition: Callable[[str], bool]) -> Broken:
    """Take texts as ids of actions that are none."""

    def make(original: Callable[..., str]) -> Callable[..., str]:
        return lambda self, action, path: action if condition(action) else original(self, action, path)

    return broken(Configuration, "_action_id", make)


seed(
    "any text is the id of an action",
    named(lambda text: True),
    KIND,
    "RUL-22",
    origin="https://github.com/emqx/emqx/pull/10900",
)
seed("an action may be of any type", named(lambda text: text.startswith("no_such_type:")), KIND, "RUL-22")
seed("an action may have any name", named(lambda text: text.startswith("http:")), KIND, "RUL-22")
seed("an action may be called nothing", named(lambda text: not text), KIND, "RUL-22")


def dropping(original: Callable[..., Any]) -> Callable[..., Any]:
    """A PUT to an unknown id creates the rule without the actions that are none."""

    def rule(self: Configuration, rule_id: str, body: dict[str, Any], old: Any = None) -> Any:
        try:
            return original(self, rule_id, body, old)
        except ApiError:
            if old is not None or "name" in body:
                raise
            return original(self, rule_id, {**body, "actions": []}, old)

    return rule


seed("a rule that a change creates has what is left of it", broken(Configuration, "rule", dropping), KIND, "RUL-22")
seed(
    "only the first action of a rule is looked at",
    broken(
        Configuration,
        "_actions",
        lambda original: lambda self, config, path: original(self, {"actions": config.get("actions", [])[:1]}, path),
    ),
    KIND,
    "RUL-22",
)
seed(
    "a number is a text",
    broken(Configuration, "__init__", numbers_for_texts),
    scenario("rules", "number_as_a_text_of_a_rule_is_refused"),
    "GEN-25",
)
