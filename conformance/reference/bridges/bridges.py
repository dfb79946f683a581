"""All connectors and actions of a deployment, and what ties them to each other and to rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from conformance.reference.bridges.buffer import Done
from conformance.reference.bridges.drivers import Rejected
from conformance.reference.bridges.identifiers import ACTION, CONNECTOR, not_found
from conformance.reference.bridges.resources import Action, Connector
from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.mqtt.topics import matches
from conformance.reference.rest.http import ApiError


class ConnectorInUse(Exception):
    """The connector cannot go while ``action_ids`` exist."""

    def __init__(self, action_ids: list[str]) -> None:
        super().__init__(", ".join(action_ids))
        self.action_ids = action_ids


class ActionUsers(Protocol):
    """Whatever hands messages to actions: the rules."""

    def ids_using_action(self, action_id: str) -> list[str]:
        """Sorted ids of those that use an action."""

    def remove_action(self, action_id: str) -> None:
        """Take an action out of all of them."""


class Bridges:
    """Connectors and actions by id, ``{type}:{name}``. ``users`` is set before the first request."""

    users: ActionUsers

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.connectors: dict[str, Connector] = {}
        self.actions: dict[str, Action] = {}
        deployment.hooks.on("message_publish", self._on_publish)

    async def stop(self) -> None:
        """End every connection and every buffer."""
        await asyncio.gather(*(action.uninstall() for action in self.actions.values()))
        await asyncio.gather(*(connector.stop() for connector in self.connectors.values()))

    # What rules use

    def exists(self, action_id: str) -> bool:
        return action_id in self.actions

    def submit(self, action_id: str, data: Mapping[str, Any], done: Done) -> None:
        """Hand a rule's result to an action.

        ``done`` gets ``success``, ``failed``, ``out_of_service`` or ``discarded`` (disabled or missing action).
        """
        action = self.actions.get(action_id)
        if action is None:
            done("discarded")
        else:
            action.submit(data, done)

    def render(self, action_id: str, data: Mapping[str, Any]) -> None:
        """Render an action's templates without sending; raises `Rejected` for a missing action or a bad result."""
        action = self.actions.get(action_id)
        if action is None:
            raise Rejected(f"There is no action {action_id}")
        action.render(data, counted=self._deployment.has(Defect.RULE_TEST_COUNTS_FAILURES))

    def _on_publish(self, _event: str, context: Mapping[str, Any]) -> None:
        for action in self.actions.values():
            local_topic = action.settings.get("local_topic")
            if local_topic and matches(context["topic"], local_topic):
                action.submit(context, _ignore)

    # Connectors

    def make_connector(
        self, resource_type: str, name: str, config: dict[str, Any], settings: Mapping[str, Any]
    ) -> Connector:
        """A connector that is not yet stored (also for a probe)."""
        allow_egress = self._deployment.settings.allow_egress
        traits = self._deployment.traits
        return Connector(resource_type, name, config, settings, allow_egress=allow_egress, traits=traits)

    def connector(self, resource_type: str, name: str) -> Connector:
        """The stored connector; raises `ApiError` 404."""
        found = self.connectors.get(f"{resource_type}:{name}")
        if found is None:
            raise not_found(CONNECTOR, resource_type, name)
        return found

    async def put_connector(self, connector: Connector) -> None:
        """Store and start a connector; its actions continue over it. Raises `BadAddress` and stores nothing then."""
        old = self.connectors.get(connector.id)
        # Reserved before the first await, so that of two concurrent creates only one finds the id free (GEN-23).
        self.connectors[connector.id] = connector
        try:
            await connector.start()
        except BaseException:
            if self.connectors.get(connector.id) is connector:
                if old is None:
                    del self.connectors[connector.id]
                else:
                    self.connectors[connector.id] = old
            raise
        if self.connectors.get(connector.id) is not connector:
            await connector.stop()  # deleted or replaced while it was starting
            return
        for action in self.actions_of(connector):
            await action.install(connector)
        if old is not None:
            await old.stop()

    async def remove_connector(self, connector: Connector) -> None:
        """Raises `ConnectorInUse` while actions are configured on it, enabled or not (CON-13)."""
        users = [action.id for action in self.actions_of(connector)]
        if users:
            raise ConnectorInUse(users)
        del self.connectors[connector.id]
        await connector.stop()

    def actions_of(self, connector: Connector) -> list[Action]:
        """Actions on a connector by name, disabled ones included."""
        found = [action for action in self.actions.values() if action.connector_id == connector.id]
        return sorted(found, key=lambda action: action.name)

    # Actions

    def action(self, resource_type: str, name: str) -> Action:
        """The stored action; raises `ApiError` 404."""
        found = self.actions.get(f"{resource_type}:{name}")
        if found is None:
            raise not_found(ACTION, resource_type, name)
        return found

    async def put_action(self, action: Action) -> None:
        """Store an action and connect it; its connector exists (the handler has checked)."""
        old = self.actions.get(action.id)
        self.actions[action.id] = action
        if old is not None:
            await old.uninstall()
        await action.install(self.connectors[action.connector_id])

    async def remove_action(self, action: Action, *, also_from_rules: bool) -> None:
        """Raises `ApiError` 400 with the ``rules`` that use it, unless it is to be taken out of them (ACT-03)."""
        rules = self.rules_using(action.id)
        if rules and not also_from_rules:
            message = "Cannot delete action while active rules are depending on it"
            raise ApiError(400, "BAD_REQUEST", message, rules=rules)
        if rules:
            self.users.remove_action(action.id)
        del self.actions[action.id]
        await action.uninstall()

    def rules_using(self, action_id: str) -> list[str]:
        return self.users.ids_using_action(action_id)


def _ignore(_outcome: str) -> None:
    """A local topic has no rule to report to."""


def sorted_by_id(resources: Iterable[Connector] | Iterable[Action]) -> list[Any]:
    return sorted(resources, key=lambda resource: resource.id)
