"""Operations outside the 77 that set-up and health checks need.

They answer like EMQX 5.8 where a caller can see a difference, but are not part of the contract, so the pipeline has no
schema for them: whatever a body must be is checked here.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from conformance.contract.editions import OPEN_SOURCE
from conformance.reference.access.access import Access
from conformance.reference.access.rules import MAX_RULES, SOURCE_TYPE, Source
from conformance.reference.access.user_handlers import authenticator_not_found
from conformance.reference.access.users import AUTHENTICATOR_ID, Authenticator
from conformance.reference.deployment import Deployment
from conformance.reference.mqtt.broker import Broker
from conformance.reference.node_configuration import NEVER, SETTINGS
from conformance.reference.rest.credentials import TOKEN_LIFETIME, Credentials
from conformance.reference.rest.http import ApiError, Call, Reply, SchemaFilter, handles

_BACKEND = "built_in_database"
_MECHANISM = "password_based"
_STARTED_AT = time.monotonic()
_TEXT = {"content-type": "text/plain"}
_ACL_FILE = {"type": "file", "enable": True, "rules": "{allow, all}.\n"}
_FOREIGN_AUTHENTICATOR = {
    "id": "password_based:http",
    "mechanism": "password_based",
    "backend": "http",
    "enable": True,
    "method": "post",
    "url": "http://127.0.0.1:1/auth",
}
_UNLIMITED_SESSIONS = 10_000_000


@handles("GET /status", filter=SchemaFilter.NONE, public=True)
def status(call: Call) -> Reply:
    """Health of the node: two lines of text, or JSON with ``format=json``."""
    deployment = call.deployment
    if call.query.get("format") == "json":
        return Reply(
            200,
            {
                "app_status": "running",
                "broker_status": "started",
                "node_name": deployment.node,
                "rel_vsn": f"{'v' if deployment.edition == OPEN_SOURCE else 'e'}{deployment.settings.version}",
            },
        )
    return Reply(200, f"Node {deployment.node} is started\nemqx is running\n".encode(), _TEXT)


@handles("GET /nodes", filter=SchemaFilter.NONE)
def nodes(call: Call) -> Reply:
    """The nodes of the deployment; quantities of the machine are those of an idle node."""
    return Reply(200, [_node_shown(call.deployment, node) for node in call.deployment.nodes])


def _node_shown(deployment: Deployment, name: str) -> dict[str, Any]:
    everywhere = deployment.part(Broker).sessions
    sessions = [session for session in everywhere.values() if session.peer.node == name]
    connected = sum(1 for session in sessions if session.connected)
    return {
        "node": name,
        "version": deployment.settings.version,
        "edition": deployment.edition,
        "node_status": "running",
        "role": "core",
        "uptime": int((time.monotonic() - _STARTED_AT) * 1000),
        "connections": len(sessions),
        "live_connections": connected,
        "cluster_sessions": len(everywhere),
        "otp_release": "26.2.5.2/14.2.5.2",
        "load1": 0.0,
        "load5": 0.0,
        "load15": 0.0,
        "max_fds": 1048576,
        "memory_total": 8_000_000_000,
        "memory_used": 500_000_000,
        "process_available": 2097152,
        "process_used": 600,
        "log_path": "/opt/emqx/log",
        "sys_path": "/opt/emqx",
    }


@handles("POST /login", filter=SchemaFilter.NONE, public=True)
def log_in(call: Call) -> Reply:
    """Give a bearer token to a dashboard user; 401 for a wrong name or password."""
    body = _object(call)
    name, password = body.get("username"), body.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise _bad_request("username and password are required")
    token = call.deployment.part(Credentials).log_in(name, password)
    if token is None:
        raise ApiError(401, "BAD_USERNAME_OR_PWD", "Auth failed")
    answer = {
        "token": token,
        "role": "administrator",
        "version": call.deployment.settings.version,
        "license": {"edition": "ce" if call.deployment.edition == OPEN_SOURCE else "ee"},
        "password_expire_in_seconds": int(TOKEN_LIFETIME),
    }
    return Reply(200, answer)


@handles("GET /api-docs/swagger.json", filter=SchemaFilter.NONE, public=True, base="")
def live_document(call: Call) -> Reply:
    """The OpenAPI document this deployment follows, as a target serves it."""
    return Reply(200, call.deployment.contract.document)


@handles("GET /authentication", filter=SchemaFilter.NONE)
def list_authenticators(call: Call) -> Reply:
    """The authentication chain in the order in which it is asked."""
    access = call.deployment.part(Access)
    chain = [_FOREIGN_AUTHENTICATOR] if access.foreign_authenticator else []
    if access.authenticator is not None:
        chain.append(_shown(access.authenticator))
    return Reply(200, chain)


@handles("POST /authentication", filter=SchemaFilter.NONE)
def create_authenticator(call: Call) -> Reply:
    """Add the built-in database to the chain, without users; 409 if it is there."""
    created = _configured(call)
    if call.deployment.part(Access).authenticator is not None:
        raise ApiError(409, "ALREADY_EXISTS", "Authenticator already exists")
    call.deployment.part(Access).authenticator = created
    return Reply(200, _shown(created))


@handles("GET /authentication/{id}", filter=SchemaFilter.NONE)
def read_authenticator(call: Call) -> Reply:
    """Configuration of one authenticator."""
    return Reply(200, _shown(_authenticator(call)))


@handles("PUT /authentication/{id}", filter=SchemaFilter.NONE)
def update_authenticator(call: Call) -> Reply:
    """Replace the configuration, for example to enable or disable it; the users stay."""
    updated = _configured(call)
    call.deployment.part(Access).authenticator = replace(updated, users=_authenticator(call).users)
    return Reply(204)


@handles("DELETE /authentication/{id}", filter=SchemaFilter.NONE)
def delete_authenticator(call: Call) -> Reply:
    """Remove an authenticator with all its users."""
    _authenticator(call)
    call.deployment.part(Access).authenticator = None
    return Reply(204)


def _users_of_another(call: Call) -> Reply:
    """Users of an authenticator that is not there: 400 while the chain has another one (behaviour 5)."""
    if call.deployment.part(Access).authenticator is None:
        raise authenticator_not_found()
    raise _bad_request(f"User error: authenticator {call.path['id']} not found")


for _label in (
    "GET /authentication/{id}/users",
    "POST /authentication/{id}/users",
    "GET /authentication/{id}/users/{user_id}",
    "PUT /authentication/{id}/users/{user_id}",
    "DELETE /authentication/{id}/users/{user_id}",
):
    handles(_label, filter=SchemaFilter.NONE)(_users_of_another)


@handles("POST /authentication/{id}/import_users", filter=SchemaFilter.NONE)
def import_into_another(call: Call) -> Reply:
    """Import into an authenticator that is not there: always 404."""
    if call.deployment.part(Access).authenticator is None:
        raise authenticator_not_found()
    raise ApiError(404, "NOT_FOUND", f"Authenticator '{call.path['id']}' does not exist")


@handles("GET /authorization/sources", filter=SchemaFilter.NONE)
def list_sources(call: Call) -> Reply:
    """The authorization sources in the order in which they are asked."""
    access = call.deployment.part(Access)
    sources = [
        _ACL_FILE if name != SOURCE_TYPE or access.source is None else _source_shown(access.source)
        for name in access.source_chain
    ]
    return Reply(200, {"sources": sources})


@handles("POST /authorization/sources", filter=SchemaFilter.NONE)
def create_source(call: Call) -> Reply:
    """Add the built-in database, without rules; 400 if it is there."""
    created = _configured_source(_object(call))
    if call.deployment.part(Access).source is not None:
        raise _bad_request(f"duplicated source type: {SOURCE_TYPE}")
    access = call.deployment.part(Access)
    access.source = created
    access.source_chain = (*access.source_chain, SOURCE_TYPE)
    return Reply(204)


@handles("GET /authorization/sources/{type}", filter=SchemaFilter.NONE)
def read_source(call: Call) -> Reply:
    """Configuration of one source."""
    return Reply(200, _source_shown(_source(call)))


@handles("PUT /authorization/sources/{type}", filter=SchemaFilter.NONE)
def update_source(call: Call) -> Reply:
    """Replace the configuration, for example to enable or disable it; the rules stay."""
    updated = _configured_source(_object(call))
    known = _source(call)
    known.enabled, known.max_rules = updated.enabled, updated.max_rules
    return Reply(204)


@handles("DELETE /authorization/sources/{type}", filter=SchemaFilter.NONE)
def delete_source(call: Call) -> Reply:
    """Remove a source with all its rules."""
    _source(call)
    access = call.deployment.part(Access)
    access.source = None
    access.source_chain = tuple(name for name in access.source_chain if name != SOURCE_TYPE)
    return Reply(204)


@handles("GET /authorization/settings", filter=SchemaFilter.NONE)
def read_authorization_settings(call: Call) -> Reply:
    """What happens where no source decides, and to a client that is refused."""
    access = call.deployment.part(Access)
    configuration = call.deployment.settings.configuration
    deny_action = configuration.deny_action
    cache = {"enable": configuration.cache_enable, "excludes": [], "max_size": 32, "ttl": "1m"}
    return Reply(200, {"no_match": access.no_match, "deny_action": deny_action, "cache": cache})


@handles("GET /configs/global_zone", filter=SchemaFilter.NONE)
def read_global_zone(call: Call) -> Reply:
    """The MQTT settings that hold for every listener, and where sessions are kept."""
    configuration = call.deployment.settings.configuration
    prefix = "mqtt."
    mqtt = {
        name.removeprefix(prefix): _as_configured(name, getattr(configuration, attribute))
        for name, attribute in SETTINGS.items()
        if name.startswith(prefix)
    }
    return Reply(200, {"mqtt": mqtt, "durable_sessions": {"enable": configuration.durable_sessions}})


@handles("GET /license", filter=SchemaFilter.NONE)
def read_license(call: Call) -> Reply:
    """How many sessions the license allows."""
    limit = call.deployment.settings.configuration.max_sessions
    return Reply(200, {"type": "trial", "expiry": False, "max_connections": limit or _UNLIMITED_SESSIONS})


@handles("GET /mqtt/retainer", filter=SchemaFilter.NONE)
def read_retainer(call: Call) -> Reply:
    """Whether the retainer is switched on."""
    return Reply(200, _retainer_shown(call.deployment))


@handles("PUT /mqtt/retainer", filter=SchemaFilter.NONE)
def update_retainer(call: Call) -> Reply:
    """Switch the retainer on or off; other settings are accepted without effect."""
    enable = _object(call).get("enable", True)
    if not isinstance(enable, bool):
        raise _bad_request("enable must be true or false")
    call.deployment.part(Broker).retained.enabled = enable
    return Reply(200, _retainer_shown(call.deployment))


@handles("GET /mqtt/delayed", filter=SchemaFilter.NONE)
def read_delayed(call: Call) -> Reply:
    """Whether messages to ``$delayed/`` wait, of which there may be any number."""
    return Reply(200, {"enable": call.deployment.settings.configuration.delayed_enable, "max_delayed_messages": 0})


def _object(call: Call) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise _bad_request("the body must be a JSON object")
    return call.body


def _configured(call: Call) -> Authenticator:
    body = _object(call)
    for name, expected in (("mechanism", _MECHANISM), ("backend", _BACKEND)):
        if name not in body:
            raise _bad_request(f'{{"reason":"missing_{name}_field","path":"root","kind":"validation_error"}}')
        if body[name] != expected:
            raise _bad_request(f"this deployment has only the authenticator {AUTHENTICATOR_ID}")
    try:
        # "id" is what GET shows in addition; sending the configuration back is fine.
        given = {name: value for name, value in body.items() if name != "id"}
        return Authenticator.create(given, call.deployment.traits)
    except ValueError as error:
        raise _bad_request(str(error)) from None


def _authenticator(call: Call) -> Authenticator:
    authenticator = call.deployment.part(Access).authenticator
    if authenticator is None or call.path["id"] != AUTHENTICATOR_ID:
        raise ApiError(404, "NOT_FOUND", f"Authenticator '{call.path['id']}' does not exist")
    return authenticator


def _shown(authenticator: Authenticator) -> dict[str, Any]:
    return {"id": AUTHENTICATOR_ID, **authenticator.config}


def _configured_source(body: dict[str, Any]) -> Source:
    if body.get("type") != SOURCE_TYPE:
        raise _bad_request(f"this deployment has only the authorization source {SOURCE_TYPE}")
    enable, max_rules = body.get("enable", True), body.get("max_rules", MAX_RULES)
    if not isinstance(enable, bool) or not isinstance(max_rules, int):
        raise _bad_request("enable must be true or false and max_rules an integer")
    return Source(enabled=enable, max_rules=max_rules)


def _source(call: Call) -> Source:
    source = call.deployment.part(Access).source
    if source is None or call.path["type"] != SOURCE_TYPE:
        raise ApiError(404, "NOT_FOUND", f"Not found: {call.path['type']}")
    return source


def _source_shown(source: Source) -> dict[str, Any]:
    return {"type": SOURCE_TYPE, "enable": source.enabled, "max_rules": source.max_rules}


def _retainer_shown(deployment: Deployment) -> dict[str, Any]:
    configuration = deployment.settings.configuration
    return {
        "enable": deployment.part(Broker).retained.enabled,
        "max_payload_size": f"{configuration.retainer_max_payload_size}B",
        "backend": {
            "type": SOURCE_TYPE,
            "storage_type": "ram",
            "max_retained_messages": configuration.max_retained_messages,
        },
    }


def _as_configured(name: str, value: Any) -> Any:
    """A setting as EMQX's configuration writes it: with units, and words for "none"."""
    if name == "mqtt.max_packet_size":
        return f"{value}B"
    if name == "mqtt.session_expiry_interval":
        return f"{value}s"
    if name == "mqtt.server_keepalive" and value == NEVER:
        return "disabled"
    if name == "mqtt.max_subscriptions" and value == NEVER:
        return "infinity"
    return value


def _bad_request(message: str) -> ApiError:
    return ApiError(400, "BAD_REQUEST", message)
