"""Make the suite's own MQTT clients welcome on a target that does not let in, or allow, whoever comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.target.deployment_profile import DeploymentProfile
from conformance.target.guard.sandbox import Sandbox
from conformance.target.resources.access import PASSWORD, ClientRules, Rulings, UserRules, Users


class Welcome:
    """Users and authorization rules for clients of the sandbox, through the operations under test.

    They are journalled and deleted like everything an item creates. On a target that needs none it does nothing.
    """

    def __init__(
        self,
        profile: DeploymentProfile,
        sandbox: Sandbox,
        users: Users,
        user_rules: UserRules,
        client_rules: ClientRules,
    ) -> None:
        self._profile = profile
        self._sandbox = sandbox
        self._users = users
        self._user_rules = user_rules
        self._client_rules = client_rules
        self._known: set[str] = set()
        self._allowed: set[str] = set()

    @property
    def rules(self) -> list[dict[str, Any]]:
        """What a client of the sandbox needs to use its topics: behind rules of an item, these decide nothing else.

        Empty where everything is allowed that no rule speaks of.
        """
        if not self._profile.ruled:
            return []
        return [{"topic": f"{self._sandbox.topic_root}#", "permission": "allow", "action": "all"}]

    def login(self, client_id: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """``username`` and ``password`` to connect with; ``options`` are those the item gave, which stay."""
        identity = self._profile.identity
        if identity == "anonymous" or (identity == "username" and "username" in options):
            return {}
        if not self._profile.one_name:
            return {"username": self._users.create(), "password": PASSWORD}
        if client_id not in self._known:
            self._known.add(client_id)
            self._users.create(user_id=client_id, password=options.get("password", PASSWORD))
        # Who connects without a name cannot give a password, which a client of MQTT 3.1.1 needs.
        return {"username": options.get("username") or client_id, "password": options.get("password", PASSWORD)}

    def allow_client(self, client_id: str) -> None:
        """Rules for a client id."""
        self._allow(self._client_rules, client_id)

    def allow_user(self, username: str) -> None:
        """Rules for a user name, which come after those for a client id."""
        self._allow(self._user_rules, username)

    def _allow(self, collection: Rulings, identifier: str) -> None:
        if self.rules and identifier not in self._allowed:
            self._allowed.add(identifier)
            collection.create(**{collection.parameter: identifier, "rules": self.rules})
