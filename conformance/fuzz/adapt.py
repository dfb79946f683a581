"""Make a generated or example body fit for a target: identities from the sandbox, and what no schema can express.

Generated data decides shapes and free values; whoever a request addresses, and texts with a grammar of their own (SQL,
schema sources, topics, times), are put in here. What cannot be an identity anyway (null, booleans, lists) stays, so
that negative data remains negative.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from conformance.fuzz.unknown_types import is_of_unknown_type, keep_harmless
from conformance.target.guard.hosts import HOST_FIELDS, NEVER_STARTED
from conformance.target.guard.sandbox import Sandbox

_USERS = "/authentication/password_based:built_in_database"
_AUTHZ = "/authorization/sources/built_in_database/rules"

INVALID_HOST = "cft.invalid:9"

AVRO_SOURCE = '{"type":"record","name":"reading","fields":[{"name":"value","type":"int"}]}'
JSON_SOURCE = '{"type":"object","properties":{"value":{"type":"integer"}},"required":["value"]}'
PROTOBUF_SOURCE = 'syntax = "proto3";\nmessage Reading { int32 value = 1; }\n'
SOURCES = {"avro": AVRO_SOURCE, "json": JSON_SOURCE, "protobuf": PROTOBUF_SOURCE}


@dataclass(slots=True)
class Identities:
    """Fresh identities for one request.

    ``path``: its path parameters, ``connector``: name of an existing one, ``resource_type``: the type it is about.
    """

    sandbox: Sandbox
    path: Mapping[str, str] = field(default_factory=dict)
    connector: str = ""
    resource_type: str | None = None

    def name(self) -> str:
        return self.sandbox.name("fuzz")

    def topic(self) -> str:
        return self.sandbox.topic("fuzz")


Adapter = Callable[[dict[str, Any], Identities], None]


def into_sandbox(label: str, body: Any, identities: Identities, *, valid: bool = False) -> Any:
    """A copy of ``body`` whose identities lie inside the sandbox.

    ``valid``: also replace what the schema cannot express, so that a correct server must accept the result.
    """
    body = deepcopy(body)
    for item in body if isinstance(body, list) else [body]:
        if isinstance(item, dict):
            for adapter in (_IDENTITIES.get(label), _GRAMMARS.get(label) if valid else None):
                if adapter is not None:
                    adapter(item, identities)
            if label.partition(" ")[2].startswith(("/connectors", "/actions")):
                _replace_hosts(item)
                if isinstance(item.get("parameters"), dict):
                    _parameters_identity(item["parameters"], identities)
                if identities.resource_type in NEVER_STARTED and item.get("enable") in (True, None):
                    item["enable"] = False
                if is_of_unknown_type(item):
                    keep_harmless(item, identities.sandbox)
                    if label == "POST /connectors":
                        item["enable"] = False  # nobody knows what it would contact
    if label == "POST /publish/bulk" and body == [] and valid:
        # Whether there is anything to publish is no matter of the schema (PUB-06).
        body = [{"topic": identities.topic(), "payload": ""}]
    if label == "POST /clients/kickout/bulk":
        body = _owned_names(body, identities)
    return body


def _owned_names(node: Any, identities: Identities) -> Any:
    """A copy of ``node`` where every name, however deep, is one of the sandbox."""
    if isinstance(node, list):
        return [_owned_names(item, identities) for item in node]
    if isinstance(node, dict):
        return {key: _owned_names(value, identities) for key, value in node.items()}
    return identities.name() if _nameable(node) else node


def _nameable(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _set(field: str, value: Callable[[Identities], str]) -> Adapter:
    def adapt(body: dict[str, Any], identities: Identities) -> None:
        given = body.get(field)
        owned = identities.sandbox.owns_name(given) or identities.sandbox.owns_topic(given)
        if _nameable(given) and not owned:
            body[field] = value(identities)

    return adapt


def _all(*adapters: Adapter) -> Adapter:
    def adapt(body: dict[str, Any], identities: Identities) -> None:
        for adapter in adapters:
            adapter(body, identities)

    return adapt


def _replace_hosts(node: Any) -> None:
    """Host fields with a nameable value name a host that does not exist; their form stays (URL or host:port)."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in HOST_FIELDS and _nameable(value) and not _is_safe_host(value):
                node[key] = f"http://{INVALID_HOST}" if "url" in key else INVALID_HOST
            else:
                _replace_hosts(value)
    elif isinstance(node, list):
        for value in node:
            _replace_hosts(value)


def _is_safe_host(value: Any) -> bool:
    return isinstance(value, str) and (
        ".invalid" in value or "127.0.0.1" in value or value in ("auto", "disable", "none")
    )


def _parameters_identity(parameters: dict[str, Any], identities: Identities) -> None:
    """Topics of the broker under test in the parameters of an action; an mqtt connector may lead back to it."""
    for name in ("local_topic", "topic") if identities.resource_type == "mqtt" else ("local_topic",):
        _set(name, Identities.topic)(parameters, identities)


def _rule_identity(body: dict[str, Any], identities: Identities) -> None:
    if _nameable(body.get("sql")):
        body["sql"] = f'SELECT * FROM "{identities.topic()}"'
    actions = body.get("actions")
    if not isinstance(actions, list):
        return
    for index, action in enumerate(actions):
        if isinstance(action, str):
            actions[index] = f"http:{identities.name()}"
        elif isinstance(action, dict) and isinstance(action.get("args"), dict):
            _set("topic", Identities.topic)(action["args"], identities)


def _known_rule_identity(body: dict[str, Any], identities: Identities) -> None:
    _set("id", lambda identities: identities.path["id"])(body, identities)
    _rule_identity(body, identities)


def _new_rule_identity(body: dict[str, Any], identities: Identities) -> None:
    if _nameable(body.get("id", "absent")) and not identities.sandbox.owns_name(body.get("id")):
        body["id"] = identities.name()
    if body["id"] is None and _nameable(body.get("name", "absent")):
        body["name"] = identities.name()  # should the server take it, the name tells whose rule it is
    _rule_identity(body, identities)


def _rule_grammar(body: dict[str, Any], identities: Identities) -> None:
    body.pop("metadata", None)
    body["sql"] = f'SELECT * FROM "{identities.topic()}"'
    if "actions" in body:
        republish = {"function": "republish", "args": {"topic": identities.topic()}}
        body["actions"] = [{"function": "console"}, republish][: len(body["actions"])]


def _schema_grammar(body: dict[str, Any], identities: Identities) -> None:
    body["source"] = SOURCES[body["type"]]


def _import_grammar(body: dict[str, Any], identities: Identities) -> None:
    superuser = body.get("is_superuser")
    body.clear()
    body.update(user_id=identities.name(), password="p-of-the-sandbox")
    if isinstance(superuser, bool):
        body["is_superuser"] = superuser


def _ban_identity(body: dict[str, Any], identities: Identities) -> None:
    if not _nameable(body.get("who")):
        return
    kind = body.get("as")
    if kind in ("peerhost", "peerhost_net"):
        body["who"] = identities.sandbox.address() + ("/32" if kind == "peerhost_net" else "")
        if isinstance(body.get("reason", ""), str):
            body["reason"] = identities.sandbox.prefix  # it tells a later sweep whose ban of an address it is
    elif kind in ("clientid_re", "username_re"):
        body["who"] = f"^{identities.name()}$"
    else:
        body["who"] = identities.name()


def _ban_grammar(body: dict[str, Any], identities: Identities) -> None:
    if isinstance(body.get("at"), str):
        body["at"] = "2022-01-01T00:00:00Z"
    elif isinstance(body.get("at"), int):
        body["at"] = abs(body["at"]) % 4_000_000_000
    if "until" in body and body["until"] != "infinity":
        body["until"] = "2099-01-01T00:00:00Z" if isinstance(body["until"], str) else 4_000_000_000


def _message_grammar(body: dict[str, Any], identities: Identities) -> None:
    if body.get("payload_encoding") == "base64":
        body["payload"] = base64.b64encode(body["payload"].encode("utf-8", "replace")).decode()
    properties = body.get("properties")
    if isinstance(properties, dict):
        if "response_topic" in properties:
            properties["response_topic"] = identities.topic()
        if "user_properties" in properties:
            properties["user_properties"] = {"origin": "conformance"}
        if isinstance(properties.get("message_expiry_interval"), int):
            properties["message_expiry_interval"] = abs(properties["message_expiry_interval"]) % 2**32


def _user_rules_grammar(key: str) -> Adapter:
    def adapt(body: dict[str, Any], identities: Identities) -> None:
        body.setdefault("rules", [])
        del body["rules"][100:]
        if key in identities.path:
            body[key] = identities.path[key]

    return adapt


def _subscription_grammar(body: dict[str, Any], identities: Identities) -> None:
    body["topic"] = identities.topic()
    for name, most in (("nl", 1), ("rap", 1), ("rh", 2)):
        if isinstance(body.get(name), int):
            body[name] = abs(body[name]) % (most + 1)


def _test_grammar(body: dict[str, Any], identities: Identities) -> None:
    body["context"] = {
        "event_type": "message_publish",
        "topic": identities.topic(),
        "payload": '{"value":1}',
        "qos": 1,
        "clientid": identities.name(),
    }


_TOPIC = _set("topic", Identities.topic)
_NAME = _set("name", Identities.name)
_CONNECTOR = _set("connector", lambda identities: identities.connector or identities.name())

_IDENTITIES: Mapping[str, Adapter] = {
    "POST /connectors": _NAME,
    "POST /connectors_probe": _NAME,
    "POST /actions": _all(_NAME, _CONNECTOR, _set("local_topic", Identities.topic)),
    "POST /actions_probe": _all(_NAME, _CONNECTOR, _set("local_topic", Identities.topic)),
    "PUT /actions/{id}": _all(_CONNECTOR, _set("local_topic", Identities.topic)),
    "POST /rules": _new_rule_identity,
    "PUT /rules/{id}": _known_rule_identity,
    "POST /schema_registry": _NAME,
    f"POST {_USERS}/users": _set("user_id", Identities.name),
    f"POST {_USERS}/import_users": _set("user_id", Identities.name),
    f"POST {_AUTHZ}/users": _set("username", Identities.name),
    f"POST {_AUTHZ}/clients": _set("clientid", Identities.name),
    f"PUT {_AUTHZ}/users/{{username}}": _set("username", lambda identities: identities.path["username"]),
    f"PUT {_AUTHZ}/clients/{{clientid}}": _set("clientid", lambda identities: identities.path["clientid"]),
    "POST /clients/{clientid}/subscribe": _TOPIC,
    "POST /clients/{clientid}/subscribe/bulk": _TOPIC,
    "POST /clients/{clientid}/unsubscribe": _TOPIC,
    "POST /clients/{clientid}/unsubscribe/bulk": _TOPIC,
    "POST /publish": _TOPIC,
    "POST /publish/bulk": _TOPIC,
    "POST /banned": _ban_identity,
}

_GRAMMARS: Mapping[str, Adapter] = {
    "POST /rules": _rule_grammar,
    "PUT /rules/{id}": _rule_grammar,
    "POST /rules/{id}/test": _test_grammar,
    "POST /schema_registry": _schema_grammar,
    "PUT /schema_registry/{name}": _schema_grammar,
    f"POST {_USERS}/import_users": _import_grammar,
    f"POST {_AUTHZ}/users": _user_rules_grammar("username"),
    f"POST {_AUTHZ}/clients": _user_rules_grammar("clientid"),
    f"PUT {_AUTHZ}/users/{{username}}": _user_rules_grammar("username"),
    f"PUT {_AUTHZ}/clients/{{clientid}}": _user_rules_grammar("clientid"),
    f"POST {_AUTHZ}/all": _user_rules_grammar(""),
    "POST /clients/{clientid}/subscribe": _subscription_grammar,
    "POST /clients/{clientid}/subscribe/bulk": _subscription_grammar,
    "POST /publish": _message_grammar,
    "POST /publish/bulk": _message_grammar,
    "POST /banned": _ban_grammar,
}
