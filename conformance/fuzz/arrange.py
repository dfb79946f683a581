"""Path parameters of an operation that address something that exists, created on the spot."""

from __future__ import annotations

from collections.abc import Callable

from conformance.contract import paths
from conformance.target.target import Target


def path_parameters(target: Target, label: str, resource_type: str | None = None) -> dict[str, str]:
    """Create what the path of an operation names; ``resource_type``: of the connector or action among it."""
    parameters: dict[str, str] = {}
    for name in (parameter.name for parameter in target.contract.operation(label).parameters_in("path")):
        if name not in parameters:
            parameters |= _existing(target, label.split(" ", 1)[1], name, resource_type or "http")
    return parameters


def running(target: Target, path: str, sink_url: str) -> str:
    """A connected HTTP connector, or for a path of actions an action on one; returns its id."""
    connector = target.connectors.running(sink_url)
    return target.actions.create(connector=connector) if path.startswith("/actions") else connector


def _existing(target: Target, path: str, name: str, resource_type: str) -> dict[str, str]:
    if name == "as":
        return target.bans.path_of(target.bans.create())
    if name == "operation":
        return {"operation": "start"}
    if name == "enable":
        return {"enable": "true"}
    makers: dict[str, Callable[[], str]] = {
        "/connectors": lambda: target.connectors.create(type=resource_type),
        "/actions": lambda: target.actions.create(type=resource_type),
        "/rules": target.rules.create,
        "/schema_registry": target.schemas.create,
        paths.AUTHENTICATOR: target.users.create,
        paths.USER_RULES: target.user_rules.create,
        paths.CLIENT_RULES: target.client_rules.create,
        "/mqtt/retainer": target.retained.create,
        "/clients": lambda: target.connect().client_id,
    }
    return {name: next(make() for prefix, make in makers.items() if path.startswith(prefix))}
