"""Path parameters of an operation that address something that exists, created on the spot."""

from __future__ import annotations

from conformance.contract import kinds
from conformance.contract.kinds import kind_of
from conformance.contract.operations import Operation
from conformance.target.http.session import expand
from conformance.target.resources.collection import Collection
from conformance.target.target import Target
from conformance.worker.context import Context

FIXED = {"operation": "start", "enable": "true"}
"""Path parameters that address nothing, with a value that is fine for all."""


class Arrangement:
    """Things on the target for operations to work on.

    What is part of the configuration costs a real server 0.2 s each to create, so all items of a worker share one of
    each kind (and type), save those that delete it.
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
        if name in FIXED:
            return {name: FIXED[name]}
        kind = kind_of(operation.path)
        assert kind is not None, f"{operation.label} addresses no kind of resource"
        collection = self._target.of(kind)
        if kind is kinds.CLIENT:
            identifier = self._target.connect().client_id
        elif not kind.configured:
            identifier = collection.create()
        else:
            type_of_it = resource_type if kind.typed else None
            if operation.method == "DELETE":
                identifier = collection.create(**({"type": type_of_it} if type_of_it else {}))
            else:
                identifier = self._shared(collection, type_of_it)
        return collection.path_of(identifier)

    def _shared(self, collection: Collection, resource_type: str | None) -> str:
        fields = {"type": resource_type} if resource_type else {}
        if resource_type and collection is self._target.actions:
            fields["connector"] = self.connector(resource_type)

        def exists(identifier: str) -> bool:
            path = expand(collection.item, collection.path_of(identifier))
            return self._target.api.send("GET", path, observed=False).ok

        return self._context.lasting(f"{collection.path} {resource_type}", lambda: collection.create(**fields), exists)
