"""Faults of what goes on behind an update or a deletion: what is shown is new, what is done is old, or others suffer.

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any

from conformance.reference.bridges import action_handlers, connector_handlers
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.resources import Action, Connector
from conformance.reference.message import now_ms
from conformance.reference.rest.http import Call, Handler
from conformance.reference.rules.configuration import Configuration
from conformance.reference.rules.engine import RuleEngine
from conformance.reference.rules.index import RuleIndex
from conformance.reference.rules.rule import Rule
from conformance.reference.rules.testing import RuleTest
from conformance.reference.schema_registry.avro import AvroSerde
from conformance.reference.schema_registry.json_schema import JsonSerde
from conformance.reference.schema_registry.protobuf import ProtobufSerde
from conformance.reference.schema_registry.registry import Schema, SchemaRegistry
from tests.faults.rules import instead
from tests.faults.seeded import Broken, broken, broken_handler, edit, in_each, on, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"
RESET_RULE, RESET_ACTION = "PUT /rules/{id}/metrics/reset", "PUT /actions/{id}/metrics/reset"
CHANGE_RULE = "PUT /rules/{id}"

# --- rules that go on as before ---------------------------------------------------------------------------------------

REPUBLISHED = scenario("republish", "matching_message_is_republished_once")


def run_as(make: Callable[[Rule, Rule], Rule]) -> Broken:
    """Messages are given to what ``make`` makes of a rule as it was created and as it is now."""

    def init(original: Callable[..., None]) -> Callable[..., None]:
        created: dict[tuple[str, int], Rule] = {}

        def index(self: RuleIndex, rules: Iterable[Rule] = ()) -> None:
            original(self, [make(created.setdefault((rule.id, rule.created_at), rule), rule) for rule in rules])

        return index

    return broken(RuleIndex, "__init__", init)


def sources(first: Rule, now: Rule, *, both: bool) -> Rule:
    heard = (*first.sources, *(now.sources if both else ()))
    return replace(now, statement=replace(now.statement, sources=tuple(dict.fromkeys(heard))))


for name, make in {
    "a changed rule goes on with its first topics, too": lambda first, now: sources(first, now, both=True),
    "a changed rule goes on with its first conditions": lambda first, now: replace(
        now, statement=replace(first.statement, sources=now.sources)
    ),
    "a changed rule goes on with its first actions": lambda first, now: replace(now, actions=first.actions),
}.items():
    seed(name, run_as(make), REPUBLISHED, "RUL-41")


def merged(original: Callable[..., Rule]) -> Callable[..., Rule]:
    def rule(self: Configuration, rule_id: str, body: Mapping[str, Any], old: Rule | None = None) -> Rule:
        made = original(self, rule_id, body, old)
        for now, sent, before in zip(
            made.actions, body.get("actions", ()), old.actions if old is not None else (), strict=False
        ):
            if isinstance(now, dict) and isinstance(before, dict) and "args" in now.keys() & before.keys():
                now["args"] = {**before["args"], **sent["args"]}
        return made

    return rule


seed("a change of a republish is merged with what it was", broken(Configuration, "rule", merged), REPUBLISHED, "RUL-41")


def tested_as_created(original: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: RuleTest, rule: Rule, context: dict[str, Any], *, stop: bool) -> Any:
        return original(self, replace(rule, statement=FIRST_STATEMENTS[rule.id]), context, stop=stop)

    return run


FIRST_STATEMENTS: dict[str, Any] = {}


def noting(original: Callable[..., None]) -> Callable[..., None]:
    def store(self: RuleEngine, rule: Rule) -> None:
        FIRST_STATEMENTS.setdefault(rule.id, rule.statement)
        original(self, rule)

    return store


seed(
    "a changed rule is tested as it was created",
    (broken(RuleEngine, "store", noting), broken(RuleTest, "run", tested_as_created)),
    REPUBLISHED,
    ("RUL-41", "POST /rules/{id}/test", "tested_as_changed"),
)


def running_if(is_running: Callable[[Rule, list[Rule]], bool]) -> Broken:
    """Which rules run: by the rule, and what it was before, oldest first."""

    def make(original: Callable[[RuleEngine], None]) -> Callable[[RuleEngine], None]:
        known: dict[tuple[str, int], list[Rule]] = {}

        def refresh(self: RuleEngine) -> None:
            rules = dict(self._rules)
            for rule in rules.values():
                versions = known.setdefault((rule.id, rule.created_at), [])
                if not versions or versions[-1] is not rule:
                    versions.append(rule)
                enable = is_running(rule, versions[:-1])
                if enable is not rule.enable:
                    self._rules[rule.id] = replace(rule, enable=enable)
            original(self)
            self._rules.update(rules)

        return refresh

    return broken(RuleEngine, "_refresh", make)


def changes(rule: Rule, before: list[Rule]) -> bool:
    """Whether it got another statement and another ``enable`` at once."""
    return bool(before) and before[-1].sql != rule.sql and before[-1].enable is not rule.enable


seed(
    "any change of a disabled rule lets it run",
    running_if(lambda rule, before: rule.enable or bool(before and not before[-1].enable)),
    scenario("rules", "put_merges_and_creates"),
    "RUL-06",
)
seed(
    "a rule that is changed and disabled at once goes on",
    running_if(lambda rule, before: rule.enable or changes(rule, before)),
    REPUBLISHED,
    "RUL-09",
)
seed(
    "a rule that is changed and enabled at once stays off",
    running_if(lambda rule, before: rule.enable and not changes(rule, before)),
    REPUBLISHED,
    "RUL-09",
)
seed(
    "a rule that was created disabled runs",
    running_if(lambda rule, before: rule.enable or not before),
    scenario("causes", "cause_has_its_counters[rule that was created disabled]"),
    "RUL-40",
)


def act(chosen: Callable[[list[Any]], list[Any]]) -> Broken:
    """Which of its actions a rule runs."""
    return broken(
        RuleEngine,
        "_act",
        lambda original: lambda self, rule, *args: original(self, replace(rule, actions=chosen(rule.actions)), *args),
    )


def until_republish(actions: list[Any]) -> list[Any]:
    """Up to the second republish, which fails in the item."""
    republishes = [number for number, action in enumerate(actions) if isinstance(action, dict)]
    return actions[: republishes[1] + 1] if len(republishes) > 1 else actions


ONE_OF_EACH = scenario("causes", "cause_has_its_counters[one of each]")
BOTH = ("RUL-40", "ACT-23")
seed("an action that fails ends those behind it", act(until_republish), ONE_OF_EACH, *BOTH)
seed(
    "an action that a rule has twice runs once",
    act(lambda actions: [action for number, action in enumerate(actions) if action not in actions[:number]]),
    ONE_OF_EACH,
    *BOTH,
)

# --- rules whose neighbours suffer ------------------------------------------------------------------------------------


def unheard(method: str) -> Broken:
    """After a rule is deleted, or written, no rule hears of a topic that it has, unless something else is written."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def write(self: RuleEngine, rule: Any) -> Any:
            gone = self._rules.get(rule if isinstance(rule, str) else rule.id)
            answered = original(self, rule)
            if gone is not None:
                kept = {**self._rules}
                for known in kept.values():
                    if known is not gone and not set(known.sources).isdisjoint(gone.sources) and known.id != gone.id:
                        self._rules[known.id] = replace(known, enable=False)
                self._refresh()
                self._rules.update(kept)
            return answered

        return write

    return broken(RuleEngine, method, make)


seed("a deleted rule takes its topics from others", unheard("delete"), REPUBLISHED, "RUL-42")
seed("a changed rule takes its topics from others", unheard("store"), REPUBLISHED, "RUL-42")


def reset_everything(call: Call) -> None:
    for rule in call.deployment.rules.all():
        rule.metrics.reset()


async def after(call: Call, run: Callable[[], Any]) -> Any:
    answered = await run()
    reset_everything(call)
    return answered


seed("a change of a rule resets all counters", instead(CHANGE_RULE, after), REPUBLISHED, "RUL-42")
seed("a deletion resets the counters of all rules", instead("DELETE /rules/{id}", after), REPUBLISHED, "RUL-42")
seed(
    "a reset resets the counters of all rules",
    instead(RESET_RULE, after),
    scenario("rule_metrics", "reset_leaves_other_counters"),
    "RUL-42",
)


def left_by_cascade(change: Callable[[Rule], Rule]) -> Broken:
    """What is done to a rule besides when one of its actions is deleted."""
    return broken(Rule, "without_action", lambda original: lambda self, action_id: change(original(self, action_id)))


def with_default_payload(rule: Rule) -> Rule:
    actions = [
        {**action, "args": {**action["args"], "payload": "${payload}"}} if isinstance(action, dict) else action
        for action in rule.actions
    ]
    return replace(rule, actions=actions)


USED = scenario("actions", "action_in_use_is_deleted_only_on_demand")
for name, change in {
    "a rule that loses an action is disabled": lambda rule: replace(rule, enable=False),
    "a rule that loses an action loses its description": lambda rule: replace(rule, description=""),
    "a rule that loses an action is made anew": lambda rule: replace(rule, created_at=now_ms()),
    "a rule that loses an action has defaults in the others": with_default_payload,
}.items():
    seed(name, left_by_cascade(change), USED, "ACT-03")

REFERENCES = "conformance/models/test_bridges.py::test_references"


def beginning_so(original: Callable[..., bool]) -> Callable[..., bool]:
    def delete(self: RuleEngine, rule_id: str) -> bool:
        for other in [known for known in self._rules if known.startswith(rule_id) and known != rule_id]:
            original(self, other)
        return original(self, rule_id)

    return delete


def without_those_beginning_so(original: Callable[..., Rule]) -> Callable[..., Rule]:
    def without_action(self: Rule, action_id: str) -> Rule:
        for action in [known for known in self.actions if isinstance(known, str) and known.startswith(action_id)]:
            self = original(self, action)
        return self

    return without_action


def removing_those_beginning_so(original: Callable[..., Any]) -> Callable[..., Any]:
    async def remove_action(self: Bridges, action: Action, *, also_from_rules: bool) -> None:
        await original(self, action, also_from_rules=also_from_rules)
        for other in [known for known in self.actions if known.startswith(action.id)]:
            await self.actions.pop(other).uninstall()

    return remove_action


seed("rules are deleted by how their ids begin", broken(RuleEngine, "delete", beginning_so), REFERENCES, "MDL-01")
seed(
    "actions are taken out of rules by how their ids begin",
    broken(Rule, "without_action", without_those_beginning_so),
    REFERENCES,
    "MDL-01",
)
seed(
    "actions are deleted by how their ids begin",
    broken(Bridges, "remove_action", removing_those_beginning_so),
    REFERENCES,
    "MDL-01",
)

# --- actions and connectors -------------------------------------------------------------------------------------------

ALL_ELSE = scenario("action_deliveries", "http_action_keeps_its_authorization")


def in_effect(part: str) -> str:
    return scenario("action_retries", f"update_is_in_effect[{part}]")


def delivering_as_before(*names: str) -> Broken:
    """An updated action shows new parameters and works with some of its old ones."""

    def keep(action: Action, old: Action) -> dict[str, Any]:
        parameters = {**action.settings["parameters"], **{name: old.settings["parameters"].get(name) for name in names}}
        return {"parameters": parameters}

    return working_with(keep)


def working_with(keep: Callable[[Action, Action], dict[str, Any]]) -> Broken:
    """An updated action works with what ``keep`` makes of it, and of what it was."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        async def put_action(self: Bridges, action: Action) -> None:
            old = self.actions.get(action.id)
            await original(self, action)
            if old is not None:
                action.settings = {**action.settings, **keep(action, old)}

        return put_action

    return broken(Bridges, "put_action", make)


seed("an updated action delivers to its old path", delivering_as_before("path"), ALL_ELSE, "ACT-24")
seed("an updated action delivers with its old method", delivering_as_before("method"), ALL_ELSE, "ACT-24")
seed(
    "an updated action has its old local topic",
    working_with(lambda _, old: {"local_topic": old.settings.get("local_topic")}),
    ALL_ELSE,
    "ACT-24",
)
seed(
    "an updated action delivers its old body",
    delivering_as_before("body"),
    (ALL_ELSE, in_effect("action")),
    "ACT-24",
)
seed("an updated action delivers with its old headers", delivering_as_before("headers"), in_effect("action"), "ACT-24")


def connected_as_before(original: Callable[..., Any]) -> Callable[..., Any]:
    async def put_connector(self: Bridges, connector: Connector) -> None:
        old = self.connectors.get(connector.id)
        settings = connector.settings
        if old is not None:
            connector.settings = {**settings, "headers": old.settings["headers"]}
        await original(self, connector)
        connector.settings = settings

    return put_connector


seed(
    "an updated connector sends its old headers",
    broken(Bridges, "put_connector", connected_as_before),
    in_effect("connector"),
    "ACT-24",
)


def reset_all_actions(handler: Handler) -> Handler:
    def reset(call: Call) -> Any:
        for action in call.deployment.bridges.actions.values():
            action.metrics.reset()
        return handler(call)

    return reset


seed(
    "a reset resets the counters of all actions",
    broken_handler(RESET_ACTION, reset_all_actions),
    scenario("action_metrics", "reset_starts_counting_again"),
    "ACT-07",
)


def with_default_options(original: Callable[..., Any]) -> Callable[..., Any]:
    def with_enable(element: Connector | Action, enable: bool) -> Any:
        changed = original(element, enable)
        options = {**changed.shown.get("resource_opts", {}), "health_check_interval": "99s"}
        return replace(changed, shown={**changed.shown, "resource_opts": options})

    return with_enable


for module, kind, life in (
    (action_handlers, "an action", "action[POST /actions-http]"),
    (connector_handlers, "a connector", "connector[POST /connectors-pgsql]"),
):
    seed(
        f"switching {kind} changes its options",
        broken(module, "with_enable", with_default_options),
        scenario("types", life),
        "TYP-04",
    )


def made_anew(handler: Handler) -> Handler:
    async def enable(call: Call) -> Any:
        answered = await handler(call)
        call.deployment.bridges.actions[call.path["id"]].created_at = LONG_AGO_MS
        return answered

    return enable


LONG_AGO_MS = 5
seed(
    "an action is made anew when it is switched",
    broken_handler("PUT /actions/{id}/enable/{enable}", made_anew),
    scenario("types", "action[POST /actions-http]"),
    "TYP-04",
)


def probing_in_place(handler: Handler) -> Handler:
    async def probe(call: Call) -> Any:
        known = call.deployment.bridges.actions.get(f"{call.body['type']}:{call.body['name']}")
        if known is not None:
            await known.uninstall()
        return await handler(call)

    return probe


seed(
    "a probe stops the action of its name",
    broken_handler("POST /actions_probe", probing_in_place),
    scenario("actions", "probe_creates_no_action"),
    "ACT-15",
)


def keeping(original: Callable[..., Any]) -> Callable[..., Any]:
    """What an update leaves out stays."""

    def configuration(call: Call, resource_type: str, old: Any = None) -> Any:
        made = original(call, resource_type, old)
        left_out = () if old is None else old.config.keys() - call.body.keys()
        return replace(
            made,
            shown={**made.shown, **{name: old.config[name] for name in left_out}},
            settings={**made.settings, **{name: old.settings[name] for name in left_out if name in old.settings}},
        )

    return configuration


for module, kind, case in (
    (action_handlers, "an action", "action-parameters.method+description"),
    (connector_handlers, "a connector", "connector-description+pool_type"),
):
    item = scenario("updates", f"update[{case}]")
    seed(f"an update of {kind} keeps what it leaves out", broken(module, "configuration", keeping), item, "VAR-10")


def dispatching_as_before(original: Callable[..., Rule]) -> Callable[..., Rule]:
    def rule(self: Configuration, rule_id: str, body: Mapping[str, Any], old: Rule | None = None) -> Rule:
        made = original(self, rule_id, body, old)
        for now, before in zip(made.actions, old.actions if old is not None else (), strict=False):
            if isinstance(now, dict) and isinstance(before, dict):
                now["args"]["direct_dispatch"] = before["args"]["direct_dispatch"]
        return made

    return rule


seed(
    "a changed republish dispatches as before",
    broken(Configuration, "rule", dispatching_as_before),
    scenario("updates", "update[rule-actions]"),
    "VAR-10",
)


def otherwise(element: dict[str, Any]) -> str:
    return "disconnected" if element["status"] == "connected" else "connected"


ALIKE = scenario("connectors", "status_is_told_alike")
for where in ("connectors", "actions"):
    seed(
        f"the list tells another status of {where}",
        on(f"GET /{where}", in_each(None, lambda element: element.update(status=otherwise(element))), 200),
        ALIKE,
        "CON-26",
    )
    seed(
        f"nodes have another status of {where}",
        on(
            f"GET /{where}/{{id}}",
            edit(lambda element: [node.update(status=otherwise(element)) for node in element["node_status"]]),
            200,
        ),
        ALIKE,
        "CON-26",
    )

# --- what is created anew ---------------------------------------------------------------------------------------------

DEAD: dict[str, Any] = {}


def raised(make: Callable[[Rule, Rule], Rule]) -> tuple[Broken, Broken]:
    """A rule that is created under the id of a deleted one becomes what ``make`` makes of it and of that."""

    def delete(original: Callable[..., bool]) -> Callable[..., bool]:
        def call(self: RuleEngine, rule_id: str) -> bool:
            if rule_id in self._rules:
                DEAD[rule_id] = self._rules[rule_id]
            return original(self, rule_id)

        return call

    def store(original: Callable[..., None]) -> Callable[..., None]:
        def call(self: RuleEngine, rule: Rule) -> None:
            is_anew = rule.id not in self._rules and rule.id in DEAD
            original(self, make(rule, DEAD[rule.id]) if is_anew else rule)

        return call

    return broken(RuleEngine, "delete", delete), broken(RuleEngine, "store", store)


for name, raise_rule in {
    "a rule that is created anew counts on": lambda new, old: replace(new, metrics=old.metrics),
    "a rule that is created anew is as old as the deleted one": lambda new, old: replace(
        new, created_at=old.created_at
    ),
    "a rule that is created anew hears what the deleted one heard": lambda new, old: sources(old, new, both=True),
}.items():
    seed(name, raised(raise_rule), scenario("rules", "deleted_rule_is_gone"), "RUL-44")

ANEW = scenario("flagship", "chain_is_deleted_from_the_top")


def burying_action(original: Callable[..., Any]) -> Callable[..., Any]:
    async def remove_action(self: Bridges, action: Action, *, also_from_rules: bool) -> None:
        await original(self, action, also_from_rules=also_from_rules)
        DEAD[action.id] = action.metrics

    return remove_action


def counting_on(original: Callable[..., Any]) -> Callable[..., Any]:
    async def put_action(self: Bridges, action: Action) -> None:
        is_anew = action.id not in self.actions and action.id in DEAD
        await original(self, action)
        if is_anew:
            action.metrics = DEAD[action.id]

    return put_action


seed(
    "an action that is created anew counts on",
    (broken(Bridges, "remove_action", burying_action), broken(Bridges, "put_action", counting_on)),
    ANEW,
    "ACT-25",
)


def remembered_users(original: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def ids_using_action(self: RuleEngine, action_id: str) -> list[str]:
        DEAD[action_id] = sorted({*original(self, action_id), *DEAD.get(action_id, ())})
        return [rule_id for rule_id in DEAD[action_id] if rule_id in self._rules]

    return ids_using_action


seed(
    "an action that is created anew is used by the rules of the deleted one",
    broken(RuleEngine, "ids_using_action", remembered_users),
    ANEW,
    "ACT-25",
)

# --- actions that are enabled and moved -------------------------------------------------------------------------------

MOVED = scenario("action_deliveries", "action_that_is_enabled_and_moved_delivers")


def installed_if(where: Callable[[Bridges, Action, Action], str | None]) -> Broken:
    """An updated action is on the connector that ``where`` names by its id, or on none."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        async def put_action(self: Bridges, action: Action) -> None:
            old = self.actions.get(action.id)
            await original(self, action)
            connector = where(self, action, old) if old is not None else action.connector_id
            if connector is None:
                await action.uninstall()
            elif connector != action.connector_id:
                await action.install(self.connectors[connector])

        return put_action

    return broken(Bridges, "put_action", make)


seed("an updated action stays on its old connector", installed_if(lambda _, __, old: old.connector_id), MOVED, "ACT-24")
seed(
    "a disabled action that an update enables does not start",
    installed_if(lambda _, new, old: new.connector_id if old.enabled else None),
    MOVED,
    "ACT-24",
)

# --- schemas ----------------------------------------------------------------------------------------------------------

CHANGED_SCHEMA = scenario("schema_registry", "put_replaces_type_and_source")


def stored(change: Callable[[SchemaRegistry, Schema, Schema | None, Any], None]) -> Broken:
    """What is done after a schema was stored; gets it, the one before, and what that was compiled to."""

    def make(original: Callable[..., None]) -> Callable[..., None]:
        def store(self: SchemaRegistry, schema: Schema) -> None:
            old, compiled = self._schemas.get(schema.name), self._serdes.get(schema.name)
            original(self, schema)
            change(self, schema, old, compiled)

        return store

    return broken(SchemaRegistry, "store", make)


GRAVES: dict[str, Any] = {}


def burying(original: Callable[..., bool]) -> Callable[..., bool]:
    def delete(self: SchemaRegistry, name: str) -> bool:
        if name in self._serdes:
            GRAVES[name] = self._serdes[name]
        return original(self, name)

    return delete


def digging_up(self: SchemaRegistry, schema: Schema, old: Schema | None, _compiled: Any) -> None:
    if old is None and schema.name in GRAVES:
        self._serdes[schema.name] = GRAVES[schema.name]


seed(
    "a schema that is created anew codes as the deleted one",
    (broken(SchemaRegistry, "delete", burying), stored(digging_up)),
    scenario("schema_registry", "deleted_schema_is_gone"),
    "SCH-07",
    origin=f"{PULL}13543",
)


def of_the_old_type(self: SchemaRegistry, schema: Schema, old: Schema | None, compiled: Any) -> None:
    if old is not None and old.type != schema.type:
        self._serdes[schema.name] = compiled


def unusable_if_equal(self: SchemaRegistry, schema: Schema, old: Schema | None, _compiled: Any) -> None:
    if old is not None and (old.type, old.source) == (schema.type, schema.source):
        del self._serdes[schema.name]


def listing_first(original: Callable[..., list[Schema]]) -> Callable[..., list[Schema]]:
    first: dict[str, Schema] = {}
    return lambda self: [first.setdefault(schema.name, schema) for schema in original(self)]


def of_the_old_type_between(before: str, now: str) -> Callable[[SchemaRegistry, Schema, Schema | None, Any], None]:
    def change(self: SchemaRegistry, schema: Schema, old: Schema | None, compiled: Any) -> None:
        if old is not None and (old.type, schema.type) == (before, now):
            self._serdes[schema.name] = compiled

    return change


seed("a schema of another type codes as before", stored(of_the_old_type), CHANGED_SCHEMA, "SCH-09")
for before, now in permutations(("avro", "json", "protobuf"), 2):
    name = f"a schema of type {before} that becomes one of type {now} codes as before"
    seed(name, stored(of_the_old_type_between(before, now)), CHANGED_SCHEMA, "SCH-09")
seed("a change to the same source makes a schema unusable", stored(unusable_if_equal), CHANGED_SCHEMA, "SCH-09")
seed(
    "schemas are listed as they were first",
    (broken(SchemaRegistry, "all", listing_first),),
    CHANGED_SCHEMA,
    "SCH-09",
)

DECODED = "schema_codecs", "decoding_undoes_encoding"


def decoded(change: Callable[[Any], Any], serde: type = AvroSerde) -> Broken:
    """What is decoded is changed, each value that is no object or list by itself."""

    def each(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: each(one) for name, one in value.items()}
        return [each(one) for one in value] if isinstance(value, list) else change(value)

    return broken(serde, "decode", lambda original: lambda self, raw, message: each(original(self, raw, message)))


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def coded(kind: str) -> str:
    module, test = DECODED
    return scenario(module, f"{test}[{kind}]")


for kind, serde in (("avro", AvroSerde), ("protobuf", ProtobufSerde), ("json", JsonSerde)):
    for name, change in {
        "loses the last digits of big numbers": lambda value: int(float(value)) if is_number(value) else value,
        "cuts doubles": lambda value: int(value) if isinstance(value, float) else value,
    }.items():
        seed(f"a schema of type {kind} {name}", decoded(change, serde), coded(kind), "SCH-06")


def first_message(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, name: self._messages[min(self._messages)]() if name in self._messages else original(self, name)


seed(
    "protobuf has one message",
    broken(ProtobufSerde, "_message", first_message),
    coded("protobuf"),
    "SCH-06",
)
for fits in (True, False):
    seed(
        f"a check by a schema always says {fits}",
        broken(SchemaRegistry, "check", lambda _, fits=fits: lambda self, *args: fits),
        scenario("schema_codecs", "check_tells_what_fits[avro]"),
        "SCH-10",
    )
