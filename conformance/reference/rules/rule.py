"""A rule as it is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.reference.rest.http import Crash
from conformance.reference.rules.functions.times import unix_ts_to_rfc3339
from conformance.reference.rules.metrics import RuleMetrics
from conformance.reference.rules.syntax import Statement

Action = str | dict[str, Any]
"""An action id ``type:name``, or ``{"function": "console"}``, or ``{"function": "republish", "args": {...}}``."""


@dataclass(slots=True)
class Rule:
    """``config`` is what the client sent, which a later PUT is merged with; instants are Unix milliseconds."""

    id: str
    name: str
    sql: str
    statement: Statement
    actions: list[Action]
    enable: bool
    description: str
    config: Mapping[str, Any]
    created_at: int
    last_modified_at: int
    metrics: RuleMetrics = field(default_factory=RuleMetrics)
    shown: bool = True
    """False: whatever shows the rule crashes, with `Defect.RULE_METADATA_THAT_ARE_NO_TIMES`."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The topics and event names behind FROM, in order."""
        return self.statement.sources

    def as_object(self) -> dict[str, Any]:
        """The rule as GET /rules/{id} shows it; raises `Crash` if that is impossible."""
        if not self.shown:
            raise Crash("{function_clause,[{emqx_utils_calendar,epoch_to_rfc3339,2,[]}]}")
        return {
            "id": self.id,
            "name": self.name,
            "sql": self.sql,
            "from": list(self.sources),
            "actions": self.actions,
            "enable": self.enable,
            "description": self.description,
            "created_at": unix_ts_to_rfc3339(self.created_at, "millisecond"),
            "last_modified_at": unix_ts_to_rfc3339(self.last_modified_at, "millisecond"),
        }

    def uses_action(self, action_id: str) -> bool:
        return action_id in self.actions

    def without_action(self, action_id: str) -> Rule:
        """The same rule, its metrics included, without one action."""
        actions = [action for action in self.actions if action != action_id]
        return replace(self, actions=actions, config={**self.config, "actions": actions})
