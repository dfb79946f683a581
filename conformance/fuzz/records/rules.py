"""Rules and schemas: texts in languages of their own."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from conformance.fuzz.fuzzing import READ, Fuzzing, Records
from conformance.fuzz.identities import NAME, Adapter, Identities, nameable, put
from conformance.fuzz.witness import Write, by_name, creation, deletion, stored, to_change
from conformance.target.resources.collection import Collection
from conformance.target.sink import HttpSink
from conformance.target.target import Target

AVRO_SOURCE = '{"type":"record","name":"reading","fields":[{"name":"value","type":"int"}]}'
JSON_SOURCE = '{"type":"object","properties":{"value":{"type":"integer"}},"required":["value"]}'
PROTOBUF_SOURCE = 'syntax = "proto3";\nmessage Reading { int32 value = 1; }\n'
SOURCES = {"avro": AVRO_SOURCE, "json": JSON_SOURCE, "protobuf": PROTOBUF_SOURCE}


def _rule(body: dict[str, Any], identities: Identities) -> None:
    if nameable(body.get("sql")):
        body["sql"] = f'SELECT * FROM "{identities.topic()}"'
    actions = body.get("actions")
    if not isinstance(actions, list):
        return
    for index, action in enumerate(actions):
        if isinstance(action, str):
            actions[index] = f"http:{identities.name()}"
        elif isinstance(action, dict) and isinstance(action.get("args"), dict):
            put("topic", Identities.topic)(action["args"], identities)


def _known_rule(body: dict[str, Any], identities: Identities) -> None:
    put("id", lambda identities: identities.path["id"])(body, identities)
    _rule(body, identities)


def _new_rule(body: dict[str, Any], identities: Identities) -> None:
    if nameable(body.get("id", "absent")) and not identities.sandbox.owns_name(body.get("id")):
        body["id"] = identities.name()
    if body["id"] is None and nameable(body.get("name", "absent")):
        body["name"] = identities.name()  # should the server take it, the name tells whose rule it is
    _rule(body, identities)


def _statement(body: dict[str, Any], identities: Identities) -> None:
    body.pop("metadata", None)
    body["sql"] = f'SELECT * FROM "{identities.topic()}"'
    if "actions" in body:
        republish = {"function": "republish", "args": {"topic": identities.topic()}}
        body["actions"] = [{"function": "console"}, republish][: len(body["actions"])]


def _event(body: dict[str, Any], identities: Identities) -> None:
    body["context"] = {
        "event_type": "message_publish",
        "topic": identities.topic(),
        "payload": '{"value":1}',
        "qos": 1,
        "clientid": identities.name(),
    }


def _source(body: dict[str, Any], identities: Identities) -> None:
    body["source"] = SOURCES[body["type"]]


def _changed(target: Target, collection: Collection, *adapters: Adapter) -> Write:
    """The first example of the PUT of what serves all items, unless it is so already: with another description then."""
    identifier = to_change(target, collection)
    path = collection.path_of(identifier)
    body = deepcopy(next(iter(target.contract.body_examples(f"PUT {collection.item}", None).values())))
    for adapter in adapters:
        adapter(body, Identities(target.sandbox, path))
    is_example = not body.items() <= collection.found(identifier).items()
    if not is_example:
        body["description"] = target.sandbox.name("new")
    return Write(lambda: stored(collection.get(identifier)), path, body, is_example=is_example)


def _counted(target: Target, sink: HttpSink) -> Write:
    topic = target.sandbox.topic("counted")
    rule = target.borrow_rule(sql=f'SELECT * FROM "{topic}"')
    target.publish(topic)
    target.rules.counted(rule, {"matched": 1})
    return Write(lambda: target.rules.metrics(rule)["matched"], {"id": rule})


def _tested(target: Target, sink: HttpSink) -> Write:
    """The test of a rule runs its actions if it is told to: here it retains a message."""
    source, topic = target.sandbox.topic("tested"), target.sandbox.topic("result")
    rule = target.borrow_republishing(source, topic, retain=True, payload="tested")
    context = {"event_type": "message_publish", "topic": source, "payload": "x", "qos": 1, "clientid": rule}
    body = {"context": context, "stop_action_after_template_rendering": False}
    return Write(lambda: target.retained.get(topic).status, {"id": rule}, body, settle=target.retained.create)


# Live servers overwrite it before they look at it (erratum B10); that they should look is GEN-18.
_OVERWRITTEN = frozenset({"/metadata"})

RECORDS: Records = {
    # Its paging and its filter are not checked (erratum D5); that is a requirement of its own, RUL-17.
    "GET /rules": Fuzzing(unchecked=frozenset({"page", "limit", "enable"})),
    "GET /rules/{id}": READ,
    "GET /rules/{id}/metrics": READ,
    "GET /rule_events": READ,
    "POST /rules": Fuzzing(
        identities=_new_rule,
        grammar=_statement,
        overwritten=_OVERWRITTEN,
        witness=lambda target, sink: creation(target, target.rules, by_name(target.rules)),
    ),
    # An upsert (erratum B5), which takes its id from the path whatever the body says.
    "PUT /rules/{id}": Fuzzing(
        identities=_known_rule,
        grammar=_statement,
        ignored=frozenset({"/id"}),
        overwritten=_OVERWRITTEN,
        knows_any_id=True,
        witness=lambda target, sink: _changed(target, target.rules, _known_rule, _statement),
    ),
    "DELETE /rules/{id}": Fuzzing(witness=lambda target, sink: deletion(target, target.rules, by_name(target.rules))),
    "PUT /rules/{id}/metrics/reset": Fuzzing(lags=True, witness=_counted),
    "POST /rules/{id}/test": Fuzzing(
        grammar=_event,
        also_accepted=frozenset({(412, "NOT_MATCH")}),
        lags=True,
        stores_nothing=True,
        witness=_tested,
        needs=("retainer",),
        state=("retained",),
    ),
    "GET /schema_registry": READ,
    "GET /schema_registry/{name}": READ,
    "POST /schema_registry": Fuzzing(
        identities=NAME, grammar=_source, witness=lambda target, sink: creation(target, target.schemas, {})
    ),
    "PUT /schema_registry/{name}": Fuzzing(
        grammar=_source, witness=lambda target, sink: _changed(target, target.schemas, _source)
    ),
    "DELETE /schema_registry/{name}": Fuzzing(witness=lambda target, sink: deletion(target, target.schemas, {})),
}
