"""From the body of a request to the configuration of a connector or action, and back to what GET shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.contract.versions import release_of
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.identifiers import InvalidName, validate_name
from conformance.reference.bridges.limits import unfit
from conformance.reference.bridges.redaction import (
    AUTHORIZING_HEADERS,
    CREDENTIAL_HEADERS,
    Unprintable,
    redact,
    restore,
)
from conformance.reference.bridges.resources import Action, Connector
from conformance.reference.defects import Defect, Quirk, Traits
from conformance.reference.deployment import Deployment
from conformance.reference.rest.checking import Checker
from conformance.reference.rest.http import ApiError, Call, Crash

_IDENTITY = ("type", "name")
_TIMES = ("created_at", "last_modified_at")
_TLS_FILES = ("cacertfile", "certfile", "keyfile")
_FIRST_WITH_TIMES = release_of("5.8.2")


@dataclass(frozen=True, slots=True)
class Configuration:
    """``shown`` is what GET returns before redaction, ``settings`` the converted values the deployment works with."""

    shown: dict[str, Any]
    settings: dict[str, Any]


def configuration(call: Call, resource_type: str, old: Connector | Action | None = None) -> Configuration:
    """Configuration in ``call``'s body with defaults filled, and ``old``'s secrets where it says ``******``.

    The recorded server keeps values as they were written (``"2"`` for a number); by default they are converted.
    """
    settings = _without_identity(call.checked)
    if (told := _unfit_clients(settings.get("static_clientids") or [])) is not None:
        raise validation_error(told)
    shown = settings
    traits = call.deployment.traits
    if Quirk.VALUES_AS_WRITTEN in traits:
        schema = call.deployment.contract.body_schema(call.operation, resource_type)
        assert schema is not None  # the six typed operations have bodies
        documented = {name: value for name, value in call.body.items() if name not in UNDOCUMENTED}
        hidden = {name: call.body[name] for name in UNDOCUMENTED if name in call.body and name not in _TIMES}
        filled = Checker(call.deployment.contract, traits).check(schema, documented, convert=False)
        shown = _without_identity(filled) | hidden
    if resource_type == "s3" and (settings.get("parameters") or {}).get("mode") == "direct":
        # Objects are uploaded one by one in this mode, whatever batches were asked for.
        at_once = 0 if Defect.NUMBERS_FOR_TEXTS in traits else "0ms"
        shown, settings = _unbatched(shown, at_once), _unbatched(settings, "0ms")
    if resource_type == "s3" and Defect.S3_MAX_RECORDS_AS_TEXT in traits:
        shown = _with_text_as_default(shown, call.body)
    if resource_type == "confluent_producer" and isinstance(call.body.get("ssl"), dict):
        shown = {**shown, "ssl": _with_tls(shown["ssl"], call.body["ssl"], traits)}
    if old is not None:
        headers = _secret_headers(call.deployment)
        shown = restore(shown, old.config, headers=headers)
        settings = restore(settings, old.settings, headers=headers)
    if (told := unfit(call.operation.split("/")[1], resource_type, settings)) is not None:
        raise validation_error(told)
    return Configuration(dict(shown), dict(settings))


def unreadable_file(body: Mapping[str, Any]) -> str | None:
    """The field with a TLS file that is none, unless TLS is said to be off: what is stored has its files opened.

    Seen on a live 5.8.9, in whose sources PEM text or the name of a file are what a field may hold.
    """
    for holder in (body, body.get("transport_options")):
        tls = holder.get("ssl") if isinstance(holder, dict) else None
        if isinstance(tls, dict) and tls.get("enable") is not False:
            for field in _TLS_FILES:
                if (text := tls.get(field)) and "-----BEGIN" not in text and not Path(text).is_file():
                    return field
    return None


# Accepted by the server although the document does not name them; their schemas for the filter.
UNDOCUMENTED: Mapping[str, Mapping[str, Any]] = {
    "local_topic": {"type": "string"},
    "created_at": {"type": "integer"},
    "last_modified_at": {"type": "integer"},
}


def _without_identity(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in _IDENTITY and name not in _TIMES}


def _unfit_clients(statics: list[dict[str, Any]]) -> str | None:
    """Why the client ids of an MQTT connector cannot be fixed so: each has one node, and each node one list."""
    nodes = [static["node"] for static in statics]
    clients = [one if isinstance(one, str) else one["clientid"] for static in statics for one in static["ids"]]
    if statics and not clients:
        return "must specify at least one static clientid"
    for what, names in (("nodes", nodes), ("clientids", clients)):
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            return f"{what} must be unique; duplicated {what}: {', '.join(repeated)}"
    return None


def _unbatched(config: dict[str, Any], batch_time: Any) -> dict[str, Any]:
    return config | {"resource_opts": config.get("resource_opts", {}) | {"batch_size": 1, "batch_time": batch_time}}


def _with_text_as_default(config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    parameters = config.get("parameters") or {}
    given_parameters = given.get("parameters") or {}
    if not isinstance(parameters.get("aggregation"), dict) or "max_records" in given_parameters.get("aggregation", {}):
        return dict(config)
    aggregation = parameters["aggregation"]
    as_text = {**aggregation, "max_records": str(aggregation["max_records"])}
    return {**config, "parameters": {**parameters, "aggregation": as_text}}


def _with_tls(ssl: Mapping[str, Any], given: Mapping[str, Any], traits: Traits) -> dict[str, Any]:
    """The TLS options of Confluent, whose document does not tell that TLS can be on or off."""
    if Defect.CONFLUENT_TLS_HIDDEN not in traits:
        return {"enable": True, **ssl}
    return {name: value for name, value in ssl.items() if name != "enable" or name in given}


def checked_name(call: Call) -> str:
    """The ``name`` of a POST; raises `ApiError` 400 for one that breaks the rule (CON-03)."""
    name = call.body["name"]
    if not isinstance(name, str):
        raise Crash("function_clause")  # `Defect.NAME_THAT_IS_A_NUMBER` lets it pass the filter
    try:
        validate_name(name, call.deployment.traits)
    except InvalidName as error:
        raise validation_error(str(error)) from None
    return name


def validation_error(reason: str, code: str = "BAD_REQUEST") -> ApiError:
    message = json.dumps({"kind": "validation_error", "reason": reason}, ensure_ascii=False, separators=(",", ":"))
    return ApiError(400, code, message)


def connector_shown(deployment: Deployment, connector: Connector) -> dict[str, Any]:
    """A connector as POST, PUT and GET return it."""
    state: dict[str, Any] = {"status": connector.status}
    if connector.status not in ("connected", "stopped"):
        state["status_reason"] = connector.reason
    return {
        **_redacted(deployment, connector.config),
        **state,
        "type": connector.type,
        "name": connector.name,
        "node_status": [{"node": node, **state} for node in deployment.nodes],
        "actions": [action.name for action in deployment.part(Bridges).actions_of(connector)],
        "sources": [],
    }


def action_shown(deployment: Deployment, action: Action) -> dict[str, Any]:
    """An action as POST, PUT and GET return it."""
    status, reason = action.status
    state = {"status": status, "status_reason": reason}
    shown = {
        **_redacted(deployment, action.config),
        **state,
        "type": action.type,
        "name": action.name,
        "error": reason,
        "node_status": [{"node": node, **state} for node in deployment.nodes],
        "rules": deployment.part(Bridges).rules_using(action.id),
    }
    if deployment.release >= _FIRST_WITH_TIMES:
        shown |= {"created_at": action.created_at, "last_modified_at": action.last_modified_at}
    return shown


def _secret_headers(deployment: Deployment) -> frozenset[str]:
    return AUTHORIZING_HEADERS if deployment.has(Defect.CREDENTIALS_IN_HEADERS_SHOWN) else CREDENTIAL_HEADERS


def _redacted(deployment: Deployment, config: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(redact(config, headers=_secret_headers(deployment)))
    except Unprintable:
        raise Crash("function_clause") from None


def with_enable(resource: Connector | Action, enable: bool) -> Configuration:
    """The configuration of a resource with its ``enable`` changed."""
    return Configuration(resource.config | {"enable": enable}, {**resource.settings, "enable": enable})
