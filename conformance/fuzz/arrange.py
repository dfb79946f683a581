"""Path parameters of an operation that address something that exists, created on the spot."""

from __future__ import annotations

from collections.abc import Callable

from conformance.contract import paths
from conformance.contract.operations import Operation
from conformance.target.http.session import expand
from conformance.target.resources.collection import Collection
from conformance.target.target import Target
from conformance.worker.context import Context


class Arrangement:
    """Things on the target for operations to work on.

    Connectors, actions, rules and schemas cost a real server 0.2 s each to create, so all items of a worker share one
    of each (and type), save those that delete it.
    """

    def __init__(self, context: Context, target: Target) -> None:
        self._context = context
        self._target = target

    def path_parameters(self, operation: Operation, resource_type: str | None = None) -> dict[str, str]:
        """Values for the path of ``operation``; ``resource_type``: of the connector or action among them."""
        parameters: dict[str, str] = {}
        for name in (parameter.name for parameter in operation.parameters_in("path")):
            if name not in parameters:
                parameters |= self._parameter(operation, name, resource_type or "http")
        return parameters

    def connector(self, resource_type: str) -> str:
        """The id of a connector for actions of that type."""
        return self._shared(self._target.connectors, resource_type)

    def running(self, operation: Operation, sink_url: str) -> str:
        """A connected HTTP connector, or for an operation on actions an action on one; returns its id."""
        connector = self._target.connectors.running(sink_url)
        if operation.path.startswith("/actions"):
            return self._target.actions.create(connector=connector)
        return connector

    def _parameter(self, operation: Operation, name: str, resource_type: str) -> dict[str, str]:
        target = self._target
        if name == "as":
            return target.bans.path_of(target.bans.create())
        if name == "operation":
            return {"operation": "start"}
        if name == "enable":
            return {"enable": "true"}
        if name == "clientid" and operation.path.startswith("/clients"):
            return {name: target.connect().client_id}
        cheap: dict[str, Callable[[], str]] = {
            paths.AUTHENTICATOR: target.users.create,
            paths.USER_RULES: target.user_rules.create,
            paths.CLIENT_RULES: target.client_rules.create,
            "/mqtt/retainer": target.retained.create,
        }
        for prefix, create in cheap.items():
            if operation.path.startswith(prefix):
                return {name: create()}
        return {name: self._costly(operation, resource_type)}

    def _costly(self, operation: Operation, resource_type: str) -> str:
        target = self._target
        costly: dict[str, tuple[Collection, str | None]] = {
            "/connectors": (target.connectors, resource_type),
            "/actions": (target.actions, resource_type),
            "/rules": (target.rules, None),
            "/schema_registry": (target.schemas, None),
        }
        collection, kind = next(entry for prefix, entry in costly.items() if operation.path.startswith(prefix))
        if operation.method == "DELETE":
            return collection.create(**({"type": kind} if kind else {}))
        return self._shared(collection, kind)

    def _shared(self, collection: Collection, resource_type: str | None) -> str:
        fields = {"type": resource_type} if resource_type else {}
        if resource_type and collection is self._target.actions:
            fields["connector"] = self.connector(resource_type)

        def exists(identifier: str) -> bool:
            path = expand(collection.item, collection.path_of(identifier))
            return self._target.api.send("GET", path, observed=False).ok

        return self._context.lasting(f"{collection.path} {resource_type}", lambda: collection.create(**fields), exists)
