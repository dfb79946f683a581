"""GET /listeners and GET /listeners/{id}: where MQTT clients connect, and how fast (beside the contract)."""

from __future__ import annotations

from typing import Any

from conformance.reference.deployment import Deployment
from conformance.reference.mqtt.listeners import Listeners
from conformance.reference.node_configuration import ListenerConfiguration
from conformance.reference.rates import UNLIMITED
from conformance.reference.rest.http import ApiError, Call, Reply, SchemaFilter, handles

_ACCEPTORS = 16


@handles("GET /listeners", filter=SchemaFilter.NONE)
def list_listeners(call: Call) -> Reply:
    """Every listener with its status, in all and by node; with ``type`` those of one type."""
    wanted = call.query.get("type")
    deployment = call.deployment
    configured = deployment.settings.configuration.listeners
    return Reply(200, [_listed(deployment, each) for each in configured if wanted in (None, each.type)])


@handles("GET /listeners/{id}", filter=SchemaFilter.NONE)
def read_listener(call: Call) -> Reply:
    """The configuration of a listener. Rates that limit single clients are there only if they are set, as in EMQX."""
    deployment = call.deployment
    for listener in deployment.settings.configuration.listeners:
        if listener.id == call.path["id"]:
            return Reply(200, _configured(deployment, listener))
    raise ApiError(404, "BAD_LISTENER_ID", "Listener id not found")


def _configured(deployment: Deployment, listener: ListenerConfiguration) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": listener.id,
        "type": listener.type,
        "bind": _bind(deployment, listener),
        "enable": listener.enable,
        "enable_authn": True,
        "running": listener.enable,
        "acceptors": _ACCEPTORS,
        "max_connections": UNLIMITED,
        "current_connections": _connections(deployment, listener),
        "max_conn_rate": listener.max_conn_rate,
        "mountpoint": "",
        "zone": "default",
    }
    shown |= {
        name: rate
        for name, rate in (("messages_rate", listener.messages_rate), ("bytes_rate", listener.bytes_rate))
        if rate != UNLIMITED
    }
    if listener.type == "ws":
        shown["websocket"] = {"mqtt_path": listener.mqtt_path, "fail_if_no_subprotocol": True}
    return shown


def _listed(deployment: Deployment, listener: ListenerConfiguration) -> dict[str, Any]:
    def status(node: str | None) -> dict[str, Any]:
        return {
            "running": listener.enable,
            "current_connections": _connections(deployment, listener, node),
            "max_connections": UNLIMITED,
        }

    return {
        "id": listener.id,
        "type": listener.type,
        "name": "default",
        "enable": listener.enable,
        "bind": _bind(deployment, listener),
        "acceptors": _ACCEPTORS,
        "number": len(deployment.nodes),
        "status": status(None),
        "node_status": [{"node": node, "status": status(node)} for node in deployment.nodes],
    }


def _bind(deployment: Deployment, listener: ListenerConfiguration) -> str:
    """Where the first node listens; port 0 where it does not."""
    running = (each for each in deployment.part(Listeners).running if each.configuration.type == listener.type)
    first = next(running, None)
    return "127.0.0.1:0" if first is None else f"{first.address[0]}:{first.address[1]}"


def _connections(deployment: Deployment, listener: ListenerConfiguration, node: str | None = None) -> int:
    """How many clients are connected to a listener, on one node or on all."""
    return sum(
        each.current_connections
        for each in deployment.part(Listeners).running
        if each.configuration.type == listener.type and node in (None, each.node)
    )
