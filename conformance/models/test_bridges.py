"""Connectors, actions and rules: who uses whom, and what may be deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from conformance.models.machine import Effort, Model, initialize, invariant, rule
from conformance.requirements import requirement

pytestmark = [pytest.mark.model, pytest.mark.state("connectors")]

# The first of all programs is the simplest, which does nothing.
EFFORTS = {
    "smoke": Effort(programs=2, steps=25, writes=14),
    "standard": Effort(programs=2, steps=50, writes=38),
    "deep": Effort(programs=30, steps=50, writes=38),
    "acceptance": Effort(programs=2, steps=50, writes=38),  # with each of its four seeds
}

STEPS = {
    "delete rule": 1,
    "delete action": 3,
    "delete connector": 2,
    "enable action": 2,
    "change rule": 2,
    "create rule": 3,
    "create action": 3,
    "create connector": 2,
}
"""What a program does, and how often: more is created than deleted, so that there is something to meet."""

THINGS = (
    ("connector", 0), ("action", 0), ("rule", 0), ("action", 1), ("rule", 1), ("connector", 1), ("action", 2),
    ("rule", 2),
)  # fmt: skip
"""What is created at first, by kind and number: all of it, rarely the beginning only."""

ENDING = (
    ("create action", 1, False), ("change rule", 3, False), ("enable action", 3, False), ("delete connector", 2, False),
    ("delete action", 3, False), ("delete action", 3, True), ("enable action", 3, True), ("delete rule", 3, False),
    ("delete connector", 2, False), ("delete connector", 2, False), ("delete rule", 3, False),
)  # fmt: skip
"""The last steps of a program, each with so many of its kind and a flag as of `References.step`."""

ENDING_WRITES = 8
"""What the steps before leave for these."""

_LAST = 2
"""The largest number of a thing."""

Uses = tuple[int, ...]
"""The actions of a rule, by number."""

_USES: tuple[Uses, ...] = ((), (), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1), (0, 2), (1, 2), (0, 1, 2))


class References(Model):
    """``connectors``: ids; ``actions``: id -> (connector, enabled); ``rules_by_id``: id -> its actions.

    What is refused costs a target nothing, and whoever creates pays for the deletion as well. So a program spends what
    it may on few things that meet often, and deletes them in the end.
    """

    efforts = EFFORTS

    def __init__(self) -> None:
        super().__init__()
        self.connectors: set[str] = set()
        self.actions: dict[str, tuple[str, bool]] = {}
        self.rules_by_id: dict[str, frozenset[str]] = {}
        self._may_write = self.effort.writes - ENDING_WRITES
        self._writes_looked_at = -1
        self._begun = False

    @initialize(
        things=st.sampled_from([*range(len(THINGS)), *[len(THINGS)] * 40]),
        uses=st.tuples(*[st.sampled_from(_USES)] * len(THINGS)),
    )
    def begin(self, things: int, uses: tuple[Uses, ...]) -> None:
        self._begun = things > 0
        for (kind, number), of_rule in zip(THINGS[:things], uses, strict=False):
            self._take(f"create {kind}", number, of_rule, number == 2)

    # One rule draws what to do: hypothesis leaves some rules out of each program, and there are few programs.
    @rule(
        step=st.sampled_from([step for step, often in STEPS.items() for _ in range(often)]),
        number=st.integers(0, _LAST),
        uses=st.sampled_from(_USES),
        flag=st.booleans(),
    )
    def step(self, step: str, number: int, uses: Uses, flag: bool) -> None:
        if self._begun:
            self._take(step, number, uses, flag)

    def _take(self, step: str, number: int, uses: Uses, flag: bool) -> None:
        """Take a step with what has a number; ``flag``: enabled, cascading, or on the second connector."""
        connector = f"http:{self._name('con', number % 2)}"
        action, its_connector = self._action(number), f"http:{self._name('con', int(flag))}"
        rule_id, actions = self._name("rule", number), [self._action(other) for other in uses]
        match step:
            case "create connector" if self._pays(2 * (connector not in self.connectors)):
                self._create_connector(connector)
            case "create action" if self._pays(2 * (action not in self.actions and its_connector in self.connectors)):
                self._create_action(action, its_connector)
            case "create rule" if self._pays(2 * (rule_id not in self.rules_by_id)):
                self._create_rule(rule_id, actions)
            case "change rule" if rule_id in self.rules_by_id and self._pays(1):
                self._change_rule(rule_id, actions)
            case "enable action" if self._pays(action in self.actions):
                self._enable_action(action, flag)
            case "delete rule":
                self._delete_rule(rule_id)
            case "delete action":
                self._delete_action(action, flag)
            case "delete connector":
                self._delete_connector(connector)

    def _action(self, number: int) -> str:
        return f"http:{self._name('act', number)}"

    def _name(self, kind: str, number: int) -> str:
        """The names of smaller numbers, which are created first, begin with those of larger ones."""
        return self.name(kind + "x" * (_LAST - number))

    def end(self) -> None:
        """Let rules use what there is, and delete everything, with what must be refused before and after."""
        self._may_write += ENDING_WRITES
        for step, most, flag in ENDING if self._begun else ():
            uses = tuple(number for number in range(3) if self._action(number) in self.actions)[:2]
            for number in reversed(range(most)):
                self._take(step, number, uses, flag)
                self.lists_are_the_model()

    def _pays(self, writes: int) -> bool:
        """Whether so many more writes may be spent, which then they are."""
        pays = writes <= self._may_write
        self._may_write -= writes * pays
        return pays

    def _create_connector(self, connector: str) -> None:
        answer = self.target.api.call("POST /connectors", json=self.target.connectors.body(name=name(connector)))
        if connector in self.connectors:
            answer.expect(400, code="ALREADY_EXISTS")
        else:
            answer.expect(201)
            self.connectors.add(connector)

    def _create_action(self, action: str, connector: str) -> None:
        body = self.target.actions.body(name=name(action), connector=connector)
        answer = self.target.api.call("POST /actions", json=body)
        if action in self.actions:
            answer.expect(400, code="ALREADY_EXISTS")
        elif connector not in self.connectors:
            answer.expect(400)
        else:
            answer.expect(201)
            self.actions[action] = (connector, True)

    def _create_rule(self, rule_id: str, actions: list[str]) -> None:
        answer = self.target.api.call("POST /rules", json=self.target.rules.body(id=rule_id, actions=actions))
        if rule_id in self.rules_by_id:
            answer.expect(400)
        else:
            answer.expect(201)
            self.rules_by_id[rule_id] = frozenset(actions)

    def _change_rule(self, rule_id: str, actions: list[str]) -> None:
        self.target.rules.put(rule_id, {"actions": actions}).expect(200)
        self.rules_by_id[rule_id] = frozenset(actions)

    def _enable_action(self, action: str, enabled: bool) -> None:
        answer = self.target.actions.enable(action, enabled)
        if action not in self.actions:
            answer.expect(404)
        else:
            answer.expect(204)
            self.actions[action] = (self.actions[action][0], enabled)

    def _delete_rule(self, rule_id: str) -> None:
        known = self.rules_by_id.pop(rule_id, None)
        self.target.rules.delete(rule_id).expect(404 if known is None else 204)

    def _delete_action(self, action: str, cascade: bool) -> None:
        answer = self.target.actions.delete(action, **{"also_delete_dep_actions": "true"} if cascade else {})
        users = sorted(rule_id for rule_id, actions in self.rules_by_id.items() if action in actions)
        if action not in self.actions:
            answer.expect(404)
        elif users and not cascade:
            refused = answer.expect(400).json
            assert sorted(refused.get("rules", [])) == users, f"the refusal names {refused.get('rules')}, not {users}"
        else:
            answer.expect(204)
            del self.actions[action]
            self.rules_by_id = {rule_id: actions - {action} for rule_id, actions in self.rules_by_id.items()}

    def _delete_connector(self, connector: str) -> None:
        answer = self.target.connectors.delete(connector)
        if connector not in self.connectors:
            answer.expect(404)
        elif any(used == connector for used, _ in self.actions.values()):
            answer.expect(400)
        else:
            answer.expect(204)
            self.connectors.remove(connector)

    @invariant()
    def lists_are_the_model(self) -> None:
        """Each list holds exactly what the model holds, with its references in both directions."""
        if len(self.writes) == self._writes_looked_at:
            return
        self._writes_looked_at = len(self.writes)
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
