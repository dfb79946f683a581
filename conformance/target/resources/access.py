"""Users, authorization rules and bans: who may connect, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.contract import paths
from conformance.target.resources.collection import Collection

PASSWORD = "p-of-the-sandbox"


class Users(Collection):
    """Users of the built-in authenticator."""

    path = paths.USERS
    item = paths.USER
    parameter = "user_id"

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"user_id": self.sandbox.name("user"), "password": PASSWORD}

    def identify(self, body: Mapping[str, Any]) -> str:
        return str(body["user_id"])


class Rulings(Collection):
    """Authorization rules of users or clients; an entry allows everything on one topic of the sandbox by default."""

    created = 204

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        rule = {"topic": self.sandbox.topic("acl"), "permission": "allow", "action": "all"}
        return {self.parameter: self.sandbox.name("authz"), "rules": [rule]}

    def identify(self, body: Mapping[str, Any]) -> str:
        return str(body[self.parameter])

    def payload(self, body: dict[str, Any]) -> Any:
        return [body]


class UserRules(Rulings):
    path = paths.USER_RULES
    item = paths.RULES_OF_USER
    parameter = "username"


class ClientRules(Rulings):
    path = paths.CLIENT_RULES
    item = paths.RULES_OF_CLIENT
    parameter = "clientid"


class Bans(Collection):
    """``/banned``. A ban is named ``as/who``; by default it hits a client id of the sandbox."""

    path = "/banned"
    item = paths.BAN
    created = 200

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        # The reason tells a later sweep whose ban of an address it is.
        return {"as": "clientid", "who": self.sandbox.name("banned"), "reason": self.sandbox.prefix}

    def body(self, **fields: Any) -> dict[str, Any]:
        """As for every collection; ``kind`` stands for the field ``as``, a keyword of Python."""
        if "kind" in fields:
            fields["as"] = fields.pop("kind")
        return super().body(**fields)

    def identify(self, body: Mapping[str, Any]) -> str:
        return f"{body['as']}/{body['who']}"

    def owns(self, identifier: str) -> bool:
        return self.sandbox.owns_name(identifier.partition("/")[2].removeprefix("^"))

    def path_of(self, identifier: str) -> dict[str, str]:
        kind, _, who = identifier.partition("/")
        return {"as": kind, "who": who}
