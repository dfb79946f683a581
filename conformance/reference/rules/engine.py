"""The rules of a deployment: keeping them, and running them for the events of the broker."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from conformance.reference.deployment import Deployment
from conformance.reference.message import Message
from conformance.reference.replication import Store
from conformance.reference.rules.actions import ActionRunner
from conformance.reference.rules.configuration import Configuration
from conformance.reference.rules.evaluator import run
from conformance.reference.rules.events import MESSAGE_PUBLISH
from conformance.reference.rules.index import RuleIndex
from conformance.reference.rules.rule import Rule
from conformance.reference.rules.scope import Row
from conformance.reference.rules.syntax import Foreach
from conformance.reference.rules.testing import RuleTest
from conformance.reference.rules.values import EvaluationError, imported
from conformance.reference.schema_registry.registry import SchemaRegistry
from conformance.reference.unguarded import UnguardedWrites

_log = logging.getLogger(__name__)
_WRITE_S = 0.02
_PASSING_CREATES = 7
"""Of ten creates of one rule at once the recorded server let five to nine pass."""


class RuleEngine:
    """All rules by id. Everything here runs in the thread of the deployment's loop."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._rules: dict[str, Rule] = {}
        self._index = RuleIndex()
        self._actions = ActionRunner(deployment)
        self.configuration = Configuration(deployment)
        self.test = RuleTest(deployment, self.apply)
        self.writes = UnguardedWrites(_WRITE_S, _PASSING_CREATES)
        self.deletions = UnguardedWrites(_WRITE_S)

    @property
    def replicated(self) -> Store:
        """What the other nodes of a cluster learn with a delay."""
        return Store(self, "_rules")

    def all(self) -> list[Rule]:
        """Every rule, in the order of EMQX's list: ids backwards."""
        return [self._rules[rule_id] for rule_id in sorted(self._rules, reverse=True)]

    def get(self, rule_id: str) -> Rule | None:
        return self._rules.get(rule_id)

    def store(self, rule: Rule) -> None:
        """Create or replace a rule."""
        self._rules[rule.id] = rule
        self._refresh()

    def delete(self, rule_id: str) -> bool:
        """False if there is no such rule."""
        found = self._rules.pop(rule_id, None) is not None
        self._refresh()
        return found

    def ids_using_action(self, action_id: str) -> list[str]:
        """Sorted ids of the rules that have ``action_id`` among their actions, enabled or not (ACT-02)."""
        return sorted(rule.id for rule in self._rules.values() if rule.uses_action(action_id))

    def remove_action(self, action_id: str) -> None:
        """Take an action out of all rules; the rules stay (ACT-03)."""
        for rule_id in self.ids_using_action(action_id):
            self._rules[rule_id] = self._rules[rule_id].without_action(action_id)
        self._refresh()

    def _refresh(self) -> None:
        """Listen to the events that an enabled rule is about, and to no others: contexts cost time."""
        before = self._index.events
        self._index = RuleIndex(rule for rule in self._rules.values() if rule.enable)
        for event in self._index.events - before:
            self._deployment.hooks.on(event, self._on_event)
        for event in before - self._index.events:
            self._deployment.hooks.off(event, self._on_event)

    def _on_event(self, event: str, context: Mapping[str, Any]) -> None:
        origin: Message | None = getattr(context, "message", None)
        if origin is not None and origin.headers.get("direct_dispatch"):
            return
        concerned = self._index.find(event, context.get("topic") if event == MESSAGE_PUBLISH else None)
        if concerned:
            columns = imported(context)
            for rule in concerned:
                try:
                    self.apply(rule, columns, origin)
                except EvaluationError as error:
                    _log.info("rule %s failed: %s", rule.id, error)

    def apply(
        self, rule: Rule, columns: Row, origin: Message | None = None, *, render_only: bool = False
    ) -> list[Any] | None:
        """Run a rule for one event and count it.

        ``columns`` as `values.imported` gives them. Returns the results of the actions, for a FOREACH one list per row,
        and None if the event does not pass the conditions. Raises `EvaluationError` if the statement fails.
        """
        rule.metrics.matched()
        columns = {**columns, "metadata": {"rule_id": rule.id}}
        try:
            rows = run(rule.statement, columns, self._deployment.part(SchemaRegistry), self._deployment.traits)
        except EvaluationError:
            rule.metrics.failed("exception")
            raise
        if not rows:
            rule.metrics.failed("no_result")
            return rows
        rule.metrics.passed()
        results = [self._act(rule, row, columns, origin, render_only) for row in rows]
        return results if isinstance(rule.statement, Foreach) else results[0]

    def _act(self, rule: Rule, row: Row, columns: Row, origin: Message | None, render_only: bool) -> list[str]:
        for action in rule.actions:
            if render_only:
                self._actions.render_only(rule, action, row, columns)
            else:
                self._actions.run(rule, action, row, columns, origin)
        return ["ok"] * len(rule.actions)
