"""The built-in database authenticator and its users (behaviour 5)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.reference.access.ordering import Place, descending, place
from conformance.reference.access.passwords import Algorithm, PasswordHash
from conformance.reference.defects import NO_TRAITS, Defect, Traits
from conformance.reference.mqtt.gatekeeper import Authenticated, Refused

AUTHENTICATOR_ID = "password_based:built_in_database"

BAD_USERNAME_OR_PASSWORD = 0x86
NOT_AUTHORIZED = 0x87


@dataclass(frozen=True, slots=True)
class OddId:
    """An id that is an object or an array, by its JSON: an import of EMQX 5.8 stores it, and no path leads to it."""

    text: str

    @classmethod
    def of(cls, value: dict[str, Any] | list[Any]) -> OddId:
        return cls(json.dumps(value, sort_keys=True, separators=(",", ":")))

    @property
    def value(self) -> Any:
        """The id as lists show it."""
        return json.loads(self.text)


# Some defects store what is neither: numbers, objects and arrays for ids, strings for flags (AUTN-08, AUTN-12).
UserId = str | int | OddId
Flag = bool | str | None

_DEFAULT_CONFIG: Mapping[str, Any] = {
    "backend": "built_in_database",
    "bootstrap_file": "${EMQX_ETC_DIR}/auth-built-in-db-bootstrap.csv",
    "bootstrap_type": "plain",
    "enable": True,
    "mechanism": "password_based",
    "password_hash_algorithm": {"name": "sha256", "salt_position": "suffix"},
    "user_id_type": "username",
}
_FIELDS = frozenset((*_DEFAULT_CONFIG, "precondition"))


@dataclass(frozen=True, slots=True)
class User:
    """One user; the password is only kept hashed."""

    user_id: UserId
    password: PasswordHash
    is_superuser: Flag = False

    def shown(self) -> dict[str, Any]:
        """The user as REST answers show it, without the password."""
        user_id = self.user_id.value if isinstance(self.user_id, OddId) else self.user_id
        return {"user_id": user_id, "is_superuser": self.is_superuser}


@dataclass(slots=True)
class ImportCounts:
    """What an import did, row by row; ``failed`` stays 0, because a bad row refuses the whole batch."""

    total: int = 0
    success: int = 0
    override: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(slots=True)
class Authenticator:
    """The authenticator ``password_based:built_in_database``: its configuration and its users.

    ``config`` is what GET /authentication/{id} answers, without ``id``.
    """

    config: dict[str, Any]
    users: dict[UserId, User] = field(default_factory=dict)
    traits: Traits = NO_TRAITS

    @classmethod
    def create(cls, given: Mapping[str, Any], traits: Traits = NO_TRAITS) -> Authenticator:
        """An authenticator with defaults filled; raises ValueError for a configuration that cannot be."""
        unknown = sorted(set(given) - _FIELDS)
        if unknown:
            raise ValueError(f"unknown fields: {', '.join(unknown)}")
        config = {**_DEFAULT_CONFIG, **given}
        Algorithm.parse(config["password_hash_algorithm"])
        if config["user_id_type"] not in ("username", "clientid"):
            raise ValueError("user_id_type must be username or clientid")
        if not isinstance(config["enable"], bool):
            raise ValueError("enable must be true or false")
        return cls(config, traits=traits)

    @property
    def enabled(self) -> bool:
        return bool(self.config["enable"])

    @property
    def algorithm(self) -> Algorithm:
        return Algorithm.parse(self.config["password_hash_algorithm"])

    def add(self, user_id: UserId, password: str, is_superuser: Flag) -> User:
        """Store a new user; raises KeyError if the id is taken."""
        if user_id in self.users:
            raise KeyError(user_id)
        user = self.users[user_id] = User(user_id, self.algorithm.hash(password), is_superuser)
        return user

    def update(self, user_id: UserId, password: str, is_superuser: Flag) -> User:
        """Replace password and flag; ``is_superuser`` None keeps the stored flag. Raises KeyError if unknown."""
        known = self.users[user_id]
        flag = known.is_superuser if is_superuser is None else is_superuser
        user = self.users[user_id] = replace(known, password=self.algorithm.hash(password), is_superuser=flag)
        return user

    def load(self, rows: Iterable[User]) -> ImportCounts:
        """Store imported users, overwriting those that exist (a row equal to the stored user is skipped)."""
        counts = ImportCounts()
        for row in rows:
            counts.total += 1
            known = self.users.get(row.user_id)
            if known is None:
                counts.success += 1
            elif known == row:
                counts.skipped += 1
            else:
                counts.override += 1
            self.users[row.user_id] = row
        return counts

    def listed(self) -> list[User]:
        """All users in the order EMQX walks its table."""
        return [self.users[user_id] for user_id in descending(self.users, _place)]

    def authenticate(self, clientid: str, username: str | None, password: bytes | None) -> Authenticated | Refused:
        """Decide about a CONNECT (AUTN-01): no password or a wrong one 0x86, an unknown user 0x87."""
        if password is None:
            return Refused(BAD_USERNAME_OR_PASSWORD)
        user_id = clientid if self.config["user_id_type"] == "clientid" else username
        user = self.users.get(user_id) if user_id is not None else None
        if user is None:
            return Refused(NOT_AUTHORIZED)
        if not self._is_right(user.password, password):
            return Refused(BAD_USERNAME_OR_PASSWORD)
        # `Defect.SUPERUSER_FLAG_AS_TEXT` lets a flag be a text, and any text raises privileges, "false" too (AUTN-11).
        return Authenticated(bool(user.is_superuser))

    def _is_right(self, stored: PasswordHash, password: bytes) -> bool:
        if self.algorithm.verify(stored, password):
            return True
        # 5.8.9 compares hashes without their case, and that of a plain password is the password itself.
        caseless = self.algorithm.name == "plain" and Defect.PLAIN_PASSWORD_IN_ANY_CASE in self.traits
        return caseless and stored.digest.encode("utf-8", "surrogateescape").lower() == password.lower()


def _place(user_id: UserId) -> Place:
    """Objects stand before arrays, and both between numbers and texts."""
    if isinstance(user_id, OddId):
        return (1 if user_id.text.startswith("{") else 2), 0, user_id.text.encode()
    return place(user_id)
