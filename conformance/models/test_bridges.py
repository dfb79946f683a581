"""Connectors, actions and rules: who uses whom, and what may be deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, multiple

from conformance.models.machine import Model, initialize, invariant, rule
from conformance.requirements import requirement

pytestmark = [pytest.mark.model, pytest.mark.state("connectors")]


class References(Model):
    """``connectors``: id -> enabled; ``actions``: id -> (connector, enabled); ``rules_by_id``: id -> its actions."""

    connector_ids = Bundle("connector_ids")
    action_ids = Bundle("action_ids")
    rule_ids = Bundle("rule_ids")

    def __init__(self) -> None:
        super().__init__()
        self.connectors: dict[str, bool] = {}
        self.actions: dict[str, tuple[str, bool]] = {}
        self.rules_by_id: dict[str, frozenset[str]] = {}
        self.named: set[str] = set()

    @initialize(target=connector_ids)
    def first_connector(self) -> object:
        return self._once(self._create_connector(0))

    @initialize(target=action_ids)
    def first_action(self) -> object:
        return self._once(self._create_action(0, self._create_connector(0)))

    @rule(target=connector_ids, number=st.integers(0, 2))
    def create_connector(self, number: int) -> object:
        return self._once(self._create_connector(number))

    @rule(target=action_ids, connector=connector_ids, number=st.integers(0, 3))
    def create_action(self, connector: str, number: int) -> object:
        return self._once(self._create_action(number, connector))

    def _create_connector(self, number: int) -> str:
        body = self.target.connectors.body(name=self.name(f"con{number}"))
        identifier = self.target.connectors.identify(body)
        answer = self.target.api.call("POST /connectors", json=body)
        if identifier in self.connectors:
            answer.expect(400, code="ALREADY_EXISTS")
        else:
            answer.expect(201)
            self.connectors[identifier] = False
        return identifier

    def _create_action(self, number: int, connector: str) -> str:
        body = self.target.actions.body(name=self.name(f"act{number}"), connector=connector)
        identifier = self.target.actions.identify(body)
        answer = self.target.api.call("POST /actions", json=body)
        if identifier in self.actions:
            answer.expect(400, code="ALREADY_EXISTS")
        elif connector not in self.connectors:
            answer.expect(400)
        else:
            answer.expect(201)
            self.actions[identifier] = (connector, True)
        return identifier

    def _once(self, identifier: str) -> object:
        """An id for its bundle, unless it is there: it stays when what it names is deleted."""
        if identifier in self.named:
            return multiple()
        self.named.add(identifier)
        return identifier

    @rule(target=rule_ids, number=st.integers(0, 3), uses=st.lists(action_ids, max_size=2, unique=True))
    def create_rule(self, number: int, uses: list[str]) -> object:
        body = self.target.rules.body(id=self.name(f"rule{number}"), actions=uses)
        answer = self.target.api.call("POST /rules", json=body)
        if body["id"] in self.rules_by_id:
            answer.expect(400)
            return multiple()
        answer.expect(201)
        self.rules_by_id[body["id"]] = frozenset(uses)
        return str(body["id"])

    @rule(rule_id=rule_ids, uses=st.lists(action_ids, max_size=2, unique=True))
    def change_rule(self, rule_id: str, uses: list[str]) -> None:
        if rule_id in self.rules_by_id:
            self.target.rules.put(rule_id, {"actions": uses}).expect(200)
            self.rules_by_id[rule_id] = frozenset(uses)

    @rule(action=action_ids, enabled=st.booleans())
    def enable_action(self, action: str, enabled: bool) -> None:
        answer = self.target.actions.enable(action, enabled)
        if action not in self.actions:
            answer.expect(404)
            return
        answer.expect(204)
        self.actions[action] = (self.actions[action][0], enabled)

    @rule(rule_id=consumes(rule_ids))
    def delete_rule(self, rule_id: str) -> None:
        known = self.rules_by_id.pop(rule_id, None)
        self.target.rules.delete(rule_id).expect(404 if known is None else 204)

    @rule(action=action_ids, cascade=st.booleans())
    def delete_action(self, action: str, cascade: bool) -> None:
        query = {"also_delete_dep_actions": "true"} if cascade else {}
        answer = self.target.actions.delete(action, **query)
        users = sorted(identifier for identifier, uses in self.rules_by_id.items() if action in uses)
        if action not in self.actions:
            answer.expect(404)
        elif users and not cascade:
            refused = answer.expect(400).json
            assert sorted(refused.get("rules", [])) == users, f"the refusal names {refused.get('rules')}, not {users}"
        else:
            answer.expect(204)
            del self.actions[action]
            self.rules_by_id = {identifier: uses - {action} for identifier, uses in self.rules_by_id.items()}

    @rule(connector=connector_ids)
    def delete_connector(self, connector: str) -> None:
        answer = self.target.connectors.delete(connector)
        if connector not in self.connectors:
            answer.expect(404)
        elif any(used == connector for used, _ in self.actions.values()):
            answer.expect(400)
        else:
            answer.expect(204)
            del self.connectors[connector]

    @invariant()
    def lists_are_the_model(self) -> None:
        """Each list holds exactly what the model holds, with its references in both directions."""
        listed = {
            self.target.connectors.identify(entry): sorted(entry["actions"])
            for entry in self.target.connectors.listed()
            if self.mark in entry["name"]
        }
        actions_of = {
            connector: sorted(name(action) for action, (used, _) in self.actions.items() if used == connector)
            for connector in self.connectors
        }
        assert listed == actions_of, f"GET /connectors lists {listed}, the model has {actions_of}"
        actions = {
            self.target.actions.identify(entry): (entry["connector"], entry["enable"], sorted(entry["rules"]))
            for entry in self.target.actions.listed()
            if self.mark in entry["name"]
        }
        expected = {
            action: (name(connector), enabled, sorted(r for r, uses in self.rules_by_id.items() if action in uses))
            for action, (connector, enabled) in self.actions.items()
        }
        assert actions == expected, f"GET /actions lists {actions}, the model has {expected}"
        rules = {entry["id"]: frozenset(entry["actions"]) for entry in self.target.rules.listed(like_id=self.mark)}
        assert rules == self.rules_by_id, f"GET /rules lists {rules}, the model has {self.rules_by_id}"


def name(identifier: str) -> str:
    return identifier.partition(":")[2]


@requirement(
    "MDL-01",
    "POST /connectors", "GET /connectors", "DELETE /connectors/{id}",
    "POST /actions", "GET /actions", "DELETE /actions/{id}", "PUT /actions/{id}/enable/{enable}",
    "POST /rules", "GET /rules", "PUT /rules/{id}", "DELETE /rules/{id}",
)  # fmt: skip
def test_references(explore: Callable[[type[Model]], None]) -> None:
    """Whatever the order of writes, connectors, actions and rules name each other consistently."""
    explore(References)
