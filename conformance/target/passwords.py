"""How a target keeps the passwords of its users: what their hashes are, and what these cannot tell apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from conformance.target.errors import Inapplicable

_SIMPLE = {"md5": "md5", "sha": "sha1", "sha256": "sha256", "sha512": "sha512"}
_MACS = {"sha": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}


@dataclass(frozen=True, slots=True)
class PasswordHashing:
    """``password_hash_algorithm`` of the built-in authenticator, by EMQX's names; what it does not say has a default.

    ``name``: plain, bcrypt, pbkdf2 or one of the simple digests, which have a ``salt_position`` (disable, prefix,
    suffix). The others are those of PBKDF2.
    """

    name: str = "sha256"
    salt_position: str = "suffix"
    mac_fun: str = "sha256"
    iterations: int = 1
    dk_length: int | None = None

    @classmethod
    def parse(cls, settings: object) -> PasswordHashing:
        """Read what GET /authentication shows; what has another shape is left at its default."""
        given = settings if isinstance(settings, Mapping) else {}
        known: dict[str, Any] = {}
        for entry in fields(cls):
            kind = int if entry.name in ("iterations", "dk_length") else str
            if isinstance(given.get(entry.name), kind):
                known[entry.name] = given[entry.name]
        return cls(**known)

    @property
    def salted(self) -> bool:
        """Whether the same password is stored in another way each time."""
        return self.name in ("bcrypt", "pbkdf2") or (self.name != "plain" and self.salt_position != "disable")

    def stored(self, password: str, salt: str) -> str:
        """The hash of a password; raises `Inapplicable` where the suite cannot compute it."""
        if self.name == "pbkdf2" and self.mac_fun in _MACS:
            arguments = _MACS[self.mac_fun], password.encode(), salt.encode(), self.iterations, self.dk_length
            return hashlib.pbkdf2_hmac(*arguments).hex()
        joined = {"prefix": salt + password, "suffix": password + salt}.get(self.salt_position, password)
        if self.name == "plain":
            return joined
        if self.name not in _SIMPLE:
            raise Inapplicable(f"the suite does not compute hashes of {self.name} (password_hash_algorithm)")
        return hashlib.new(_SIMPLE[self.name], joined.encode(), usedforsecurity=False).hexdigest()

    def confuses(self, password: str, other: str) -> bool:
        """Whether both have the same hash: bcrypt reads up to U+0000, and PBKDF2 fills its key up with zeros."""
        if self.name == "bcrypt":
            return other.partition("\0")[0] == password
        return self.name == "pbkdf2" and other.rstrip("\0") == password
