"""Users, authorization rules and bans: who may connect, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.contract import kinds
from conformance.target.resources.collection import Collection

PASSWORD = "p-of-the-sandbox"


class Users(Collection):
    """Users of the built-in authenticator."""

    kind = kinds.USER

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"user_id": self.sandbox.name("user"), "password": PASSWORD}


class Rulings(Collection):
    """Authorization rules of users or clients; an entry allows everything on one topic of the sandbox by default."""

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        rule = {"topic": self.sandbox.topic("acl"), "permission": "allow", "action": "all"}
        return {self.parameter: self.sandbox.name("authz"), "rules": [rule]}

    def payload(self, body: dict[str, Any]) -> Any:
        return [body]


class UserRules(Rulings):
    kind = kinds.USER_RULES


class ClientRules(Rulings):
    kind = kinds.CLIENT_RULES


class Bans(Collection):
    """``/banned``. A ban is named ``as/who``; by default it hits a client id of the sandbox."""

    kind = kinds.BAN

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        # The reason tells a later sweep whose ban of an address it is.
        return {"as": "clientid", "who": self.sandbox.name("banned"), "reason": self.sandbox.prefix}

    def body(self, **fields: Any) -> dict[str, Any]:
        """As for every collection; ``kind`` stands for the field ``as``, a keyword of Python."""
        if "kind" in fields:
            fields["as"] = fields.pop("kind")
        return super().body(**fields)
