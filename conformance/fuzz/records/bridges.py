"""Connectors and actions: their bodies name hosts, connectors and topics."""

from __future__ import annotations

from typing import Any

from conformance.contract.later import as_later, brief
from conformance.fuzz.fuzzing import READ, Fuzzing, Records
from conformance.fuzz.identities import NAME, Adapter, Identities, each, nameable, put
from conformance.fuzz.unknown_types import is_of_unknown_type, keep_harmless
from conformance.fuzz.witness import Write, change, creation, deletion, running_action, switch
from conformance.target.guard.hosts import HOST_FIELDS, NEVER_STARTED
from conformance.target.sink import HttpSink
from conformance.target.target import Target

INVALID_HOST = "cft.invalid:9"


def _replace_hosts(node: Any) -> None:
    """Host fields with a nameable value name a host that does not exist; their form stays (URL or host:port)."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in HOST_FIELDS and nameable(value) and not _is_safe_host(value):
                node[key] = f"http://{INVALID_HOST}" if "url" in key else INVALID_HOST
            else:
                _replace_hosts(value)
    elif isinstance(node, list):
        for value in node:
            _replace_hosts(value)


def _is_safe_host(value: Any) -> bool:
    words = ("auto", "disable", "none")
    return isinstance(value, str) and (".invalid" in value or "127.0.0.1" in value or value in words)


def _parameters(body: dict[str, Any], identities: Identities) -> None:
    """Topics of the broker under test in the parameters of an action; an mqtt connector may lead back to it."""
    parameters = body.get("parameters")
    if isinstance(parameters, dict):
        for name in ("local_topic", "topic") if identities.resource_type == "mqtt" else ("local_topic",):
            put(name, Identities.topic)(parameters, identities)


def _harmless(body: dict[str, Any], identities: Identities) -> None:
    """Contact no host that nobody named, whatever the type is."""
    _replace_hosts(body)
    _parameters(body, identities)
    if identities.resource_type in NEVER_STARTED and body.get("enable") in (True, None):
        body["enable"] = False
    if is_of_unknown_type(body):
        keep_harmless(body, identities.sandbox)


def _new_connector(body: dict[str, Any], identities: Identities) -> None:
    if is_of_unknown_type(body):
        body["enable"] = False  # nobody knows what it would contact


def _startable(body: dict[str, Any], identities: Identities) -> None:
    """From 5.10 on a probe starts nothing that is disabled, and waits until it gives up, 15 s."""
    if not identities.newer or identities.resource_type in NEVER_STARTED or is_of_unknown_type(body):
        return
    if body.get("enable") is False:
        body["enable"] = True


def _as_later(body: dict[str, Any], identities: Identities) -> None:
    if identities.newer:
        as_later(body, identities.resource_type)
        if "resource_opts" in body:
            brief(body)


_CONNECTOR = put("connector", lambda identities: identities.connector or identities.name())
_LOCAL_TOPIC = put("local_topic", Identities.topic)
_ACTION: Adapter = each(NAME, _CONNECTOR, _LOCAL_TOPIC, _harmless)

_UNREACHABLE = frozenset({(400, "TEST_FAILED")})
_STARTED = "starting what runs has no effect that the API shows"
_PROBED = "a probe leaves nothing"


def _counted(target: Target, sink: HttpSink) -> Write:
    """The action gets what is published on its local topic, without a rule."""
    action = running_action(target, sink.url)
    before = target.actions.metrics(action)["matched"]
    target.publish(target.actions.read(action)["local_topic"])
    target.eventually(lambda: target.actions.metrics(action)["matched"] > before)
    return Write(lambda: target.actions.metrics(action)["matched"], {"id": action})


RECORDS: Records = {
    "GET /connectors": READ,
    "GET /connectors/{id}": READ,
    "POST /connectors": Fuzzing(
        identities=each(NAME, _harmless, _new_connector),
        grammar=_as_later,
        witness=lambda target, sink: creation(target, target.connectors, {}),
    ),
    "PUT /connectors/{id}": Fuzzing(
        identities=_harmless,
        grammar=_as_later,
        witness=lambda target, sink: change(target, target.connectors),
    ),
    "DELETE /connectors/{id}": Fuzzing(witness=lambda target, sink: deletion(target, target.connectors, {})),
    "PUT /connectors/{id}/enable/{enable}": Fuzzing(witness=lambda target, sink: switch(target, target.connectors)),
    "POST /connectors/{id}/{operation}": Fuzzing(unseen=_STARTED),
    "POST /connectors_probe": Fuzzing(
        identities=each(NAME, _harmless, _startable),
        grammar=_as_later,
        also_accepted=_UNREACHABLE,
        stores_nothing=True,
        unseen=_PROBED,
    ),
    "GET /actions": READ,
    "GET /action_types": READ,
    "GET /actions/{id}": READ,
    # An unknown id is answered otherwise by what has to do with metrics (erratum C16, ACT-08).
    "GET /actions/{id}/metrics": Fuzzing(knows_any_id=True),
    "PUT /actions/{id}/metrics/reset": Fuzzing(knows_any_id=True, lags=True, witness=_counted, needs=("sink",)),
    "POST /actions": Fuzzing(identities=_ACTION, witness=lambda target, sink: creation(target, target.actions, {})),
    "PUT /actions/{id}": Fuzzing(
        identities=each(_CONNECTOR, _LOCAL_TOPIC, _harmless),
        witness=lambda target, sink: change(target, target.actions),
    ),
    "DELETE /actions/{id}": Fuzzing(witness=lambda target, sink: deletion(target, target.actions, {})),
    "PUT /actions/{id}/enable/{enable}": Fuzzing(witness=lambda target, sink: switch(target, target.actions)),
    "POST /actions/{id}/{operation}": Fuzzing(unseen=_STARTED),
    "POST /actions_probe": Fuzzing(identities=_ACTION, also_accepted=_UNREACHABLE, stores_nothing=True, unseen=_PROBED),
}
