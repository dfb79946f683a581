"""Seeded faults that only a sequence of operations shows. How to add one: see `tests.faults.seeded`."""

from __future__ import annotations

from typing import Any

from conformance.contract import paths
from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.resources import Connector
from conformance.reference.rules.engine import RuleEngine
from tests.faults.proxy import Reply
from tests.faults.seeded import EMPTY, broken, edit, in_each, json_reply, on, seed, swallow

MODELS = "conformance/models/"

seed(
    "a deleted action still blocks its connector",
    swallow("DELETE /connectors/{id}", json_reply(400, {"code": "BAD_REQUEST", "message": "in use"})),
    f"{MODELS}test_bridges.py::test_references",
    "MDL-01",
)
seed(
    "an action does not know the rules that use it",
    on("GET /actions", in_each(None, lambda action: action.update(rules=[])), 200),
    f"{MODELS}test_bridges.py::test_references",
    "MDL-01",
)


def taken_from_the_first_only(_original: Any) -> Any:
    def remove_action(self: RuleEngine, action_id: str) -> None:
        for rule_id in self.ids_using_action(action_id)[:1]:
            self._rules[rule_id] = self._rules[rule_id].without_action(action_id)

    return remove_action


def unless_enabled(original: Any) -> Any:
    async def remove_connector(self: Bridges, connector: Connector) -> None:
        if any(action.enabled for action in self.actions_of(connector)):
            await original(self, connector)
        else:
            del self.connectors[connector.id]
            await connector.stop()

    return remove_connector


seed(
    "a deleted action is taken out of one rule",
    broken(RuleEngine, "remove_action", taken_from_the_first_only),
    f"{MODELS}test_bridges.py::test_references",
    "MDL-01",
)
seed(
    "a connector of disabled actions is deleted",
    broken(Bridges, "remove_connector", unless_enabled),
    f"{MODELS}test_bridges.py::test_references",
    "MDL-01",
)


def one_superuser(reply: Reply) -> Reply:
    """Every listed user but the first looks like an ordinary one."""

    def change(body: dict[str, Any]) -> None:
        for user in body["data"][1:]:
            user["is_superuser"] = False

    return edit(change)(reply)


seed(
    "a list shows one superuser at most",
    on(f"GET {paths.USERS}", one_superuser, 200),
    f"{MODELS}test_users.py::test_people",
    "MDL-02",
)
seed(
    "rules of a user are written, not replaced",
    swallow(f"PUT {paths.RULES_OF_USER}", EMPTY),
    f"{MODELS}test_users.py::test_people",
    "MDL-02",
)
seed(
    "a ban without end ends tomorrow",
    on("GET /banned", in_each("data", lambda ban: ban.update(until="2030-01-01T00:00:00+00:00")), 200),
    f"{MODELS}test_bans.py::test_bans",
    "MDL-03",
)
seed(
    "lifting a ban does nothing",
    swallow(f"DELETE {paths.BAN}", EMPTY),
    f"{MODELS}test_bans.py::test_bans",
    "MDL-03",
)
seed(
    "deleting a retained message does nothing",
    swallow(f"DELETE {paths.RETAINED_MESSAGE}", EMPTY),
    f"{MODELS}test_retained.py::test_retained",
    "MDL-04",
)
seed(
    "unsubscribing in bulk does nothing",
    swallow("POST /clients/{clientid}/unsubscribe/bulk", EMPTY),
    f"{MODELS}test_subscriptions.py::test_subscriptions",
    "MDL-05",
)
