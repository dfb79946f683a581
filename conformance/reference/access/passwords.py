"""Password hashes of built-in database users, as EMQX's ``password_hash_algorithm`` writes them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALGORITHMS = {"plain": None, "md5": "md5", "sha": "sha1", "sha256": "sha256", "sha512": "sha512"}
SALT_POSITIONS = ("disable", "prefix", "suffix")
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """``digest`` is hex (the text itself under ``plain``); ``salt`` is what was joined to the password."""

    digest: str
    salt: str


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How passwords are hashed; the default is the one EMQX gives a new authenticator (sha256, salt behind)."""

    name: str = "sha256"
    salt_position: str = "suffix"

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Algorithm:
        """Read ``{"name", "salt_position"}``; raises ValueError for what the reference deployment cannot compute."""
        name = config.get("name", "sha256")
        position = config.get("salt_position", "prefix")
        if name not in ALGORITHMS:
            raise ValueError(f"password_hash_algorithm.name must be one of {', '.join(ALGORITHMS)}, not {name!r}")
        if position not in SALT_POSITIONS:
            raise ValueError(f"salt_position must be one of {', '.join(SALT_POSITIONS)}, not {position!r}")
        return cls(name, position)

    def hash(self, password: str) -> PasswordHash:
        """Hash a new password with a fresh salt."""
        salt = "" if self.name == "plain" or self.salt_position == "disable" else secrets.token_hex(_SALT_BYTES)
        return PasswordHash(self._digest(password.encode("utf-8", "surrogatepass"), salt), salt)

    def verify(self, stored: PasswordHash, password: bytes) -> bool:
        """Whether ``password``, as a CONNECT packet carries it, is the one behind ``stored``.

        Hexadecimal digits of a hash are the same in either case (AUTN-18).
        """
        digest = stored.digest if ALGORITHMS[self.name] is None else stored.digest.lower()
        return secrets.compare_digest(self._digest(password, stored.salt).encode(), digest.encode())

    def _digest(self, password: bytes, salt: str) -> str:
        salt_bytes = salt.encode()
        match self.salt_position:
            case "prefix":
                password = salt_bytes + password
            case "suffix":
                password = password + salt_bytes
        hash_name = ALGORITHMS[self.name]
        if hash_name is None:
            return password.decode("utf-8", "surrogateescape")
        return hashlib.new(hash_name, password, usedforsecurity=False).hexdigest()
