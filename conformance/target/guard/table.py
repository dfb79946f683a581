"""What each operation may touch: the one table the guard decides by.

An operation that is not here is refused (reads apart, which touch nothing), so a new operation of the contract fails
until somebody has thought about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from conformance.contract import paths
from conformance.target.guard import bodies
from conformance.target.guard.bodies import BodyCheck
from conformance.target.guard.hosts import NEVER_STARTED
from conformance.target.guard.identities import Findings, Judge
from conformance.target.guard.imports import imported_users

PathCheck = Callable[[Judge, Mapping[str, str]], Findings]
UploadCheck = Callable[[Judge, bytes, str], Findings]


class Access(Enum):
    """What an operation does to a target."""

    READ = "read"
    SANDBOXED = "write inside the sandbox"
    GLOBAL = "write to global state"


def no_parameters(_judge: Judge, _path: Mapping[str, str]) -> Findings:
    """For operations that address nothing by their path."""
    return iter(())


@dataclass(frozen=True, slots=True)
class Touch:
    """What an operation does, and how to tell that its path and its body stay inside the sandbox.

    ``body`` judges each JSON reading, and the query as one; ``upload`` judges the bytes and their media type in place
    of the JSON. Both None: the operation takes no body, servers ignore one.
    """

    access: Access
    path: PathCheck = no_parameters
    body: BodyCheck | None = None
    upload: UploadCheck | None = None


def named(parameter: str) -> PathCheck:
    """The path addresses something by its name."""

    def check(judge: Judge, path: Mapping[str, str]) -> Findings:
        yield from judge.name(path[parameter], parameter)

    return check


def rule(judge: Judge, path: Mapping[str, str]) -> Findings:
    """The path addresses a rule."""
    yield from judge.rule(path["id"])


def bridge(judge: Judge, path: Mapping[str, str]) -> Findings:
    """The path addresses a connector or action by its id."""
    yield from judge.resource_id(path["id"])


def enabled_connector(judge: Judge, path: Mapping[str, str]) -> Findings:
    """Enabling starts a connector, which some types must never be."""
    yield from bridge(judge, path)
    resource_type = path["id"].rpartition(":")[0].rpartition(":")[2].lower()
    if resource_type in NEVER_STARTED and path["enable"] != "false":
        yield f"an enabled {resource_type} connector would contact a host that nobody named"


def retained(judge: Judge, path: Mapping[str, str]) -> Findings:
    """The path holds a topic, or a filter whose matches are all deleted."""
    yield from judge.topic(path["topic"])


def banned(judge: Judge, path: Mapping[str, str]) -> Findings:
    yield from judge.subject(path["as"], path["who"])


def _write(path: PathCheck = no_parameters, body: BodyCheck | None = None) -> Touch:
    return Touch(Access.SANDBOXED, path, body)


_RULES, _CLIENT = paths.AUTHORIZATION_RULES, "/clients/{clientid}"

_READS = (
    "/action_types", "/actions", "/actions/{id}", "/actions/{id}/metrics", "/banned", "/clients", _CLIENT,
    f"{_CLIENT}/authorization/cache", f"{_CLIENT}/inflight_messages", f"{_CLIENT}/mqueue_messages",
    f"{_CLIENT}/subscriptions", "/connectors", "/connectors/{id}", paths.RETAINED_MESSAGES, paths.RETAINED_MESSAGE,
    "/rule_events", "/rules", "/rules/{id}", "/rules/{id}/metrics", "/schema_registry", "/schema_registry/{name}",
    "/subscriptions", paths.USERS, paths.USER, paths.RULES_OF_ALL, paths.USER_RULES, paths.RULES_OF_USER,
    paths.CLIENT_RULES, paths.RULES_OF_CLIENT,
)  # fmt: skip

TABLE: Mapping[str, Touch] = {
    **{f"GET {path}": Touch(Access.READ) for path in _READS},
    # What all clients share: whoever calls these wipes or changes what others made.
    f"DELETE {_RULES}": Touch(Access.GLOBAL),
    f"POST {paths.RULES_OF_ALL}": Touch(Access.GLOBAL),
    f"DELETE {paths.RULES_OF_ALL}": Touch(Access.GLOBAL),
    f"DELETE {paths.RETAINED_MESSAGES}": Touch(Access.GLOBAL),
    "DELETE /banned": Touch(Access.GLOBAL),
    # Connectors and actions
    "POST /connectors": _write(body=bodies.connector),
    "PUT /connectors/{id}": _write(bridge, bodies.connector),
    "DELETE /connectors/{id}": _write(bridge),
    "PUT /connectors/{id}/enable/{enable}": _write(enabled_connector),
    "POST /connectors/{id}/{operation}": _write(bridge),
    "POST /connectors_probe": _write(body=bodies.connector_probe),
    "POST /actions": _write(body=bodies.action),
    "PUT /actions/{id}": _write(bridge, bodies.action),
    "DELETE /actions/{id}": _write(bridge),
    "PUT /actions/{id}/enable/{enable}": _write(bridge),
    "POST /actions/{id}/{operation}": _write(bridge),
    "PUT /actions/{id}/metrics/reset": _write(bridge),
    "POST /actions_probe": _write(body=bodies.action_probe),
    # Rules and schemas
    "POST /rules": _write(body=bodies.new_rule),
    "PUT /rules/{id}": _write(rule, bodies.rule),
    "DELETE /rules/{id}": _write(rule),
    "PUT /rules/{id}/metrics/reset": _write(rule),
    "POST /rules/{id}/test": _write(rule, bodies.names_nothing),
    "POST /schema_registry": _write(body=bodies.schema),
    "PUT /schema_registry/{name}": _write(named("name"), bodies.schema),
    "DELETE /schema_registry/{name}": _write(named("name")),
    # Users, their rights, and bans
    f"POST {paths.USERS}": _write(body=bodies.identified_by("user_id")),
    f"PUT {paths.USER}": _write(named("user_id"), bodies.identified_by("user_id")),
    f"DELETE {paths.USER}": _write(named("user_id")),
    f"POST {paths.IMPORT_USERS}": Touch(Access.SANDBOXED, body=bodies.identified_by("user_id"), upload=imported_users),
    f"POST {paths.USER_RULES}": _write(body=bodies.identified_by("username")),
    f"PUT {paths.RULES_OF_USER}": _write(named("username"), bodies.identified_by("username")),
    f"DELETE {paths.RULES_OF_USER}": _write(named("username")),
    f"POST {paths.CLIENT_RULES}": _write(body=bodies.identified_by("clientid")),
    f"PUT {paths.RULES_OF_CLIENT}": _write(named("clientid"), bodies.identified_by("clientid")),
    f"DELETE {paths.RULES_OF_CLIENT}": _write(named("clientid")),
    "POST /banned": _write(body=bodies.ban),
    f"DELETE {paths.BAN}": _write(banned),
    # Clients and messages
    f"DELETE {_CLIENT}": _write(named("clientid")),
    f"DELETE {_CLIENT}/authorization/cache": _write(named("clientid")),
    f"POST {_CLIENT}/subscribe": _write(named("clientid"), bodies.subscriptions),
    f"POST {_CLIENT}/subscribe/bulk": _write(named("clientid"), bodies.subscriptions),
    f"POST {_CLIENT}/unsubscribe": _write(named("clientid"), bodies.subscriptions),
    f"POST {_CLIENT}/unsubscribe/bulk": _write(named("clientid"), bodies.subscriptions),
    "POST /clients/kickout/bulk": _write(body=bodies.kicked_out),
    "POST /publish": _write(body=bodies.published),
    "POST /publish/bulk": _write(body=bodies.published),
    f"DELETE {paths.RETAINED_MESSAGE}": _write(retained),
}
