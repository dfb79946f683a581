"""How a request is signed: with the configured credentials, or deliberately wrong."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Literal

Signature = Literal[
    "default", "basic", "bearer", "viewer", "publisher", "none", "wrong_secret", "unknown_token", "literal"
]

WRONG_SECRET = "wrong-secret-of-the-conformance-suite"
UNKNOWN_TOKEN = "unknown.token.of-the-conformance-suite"


class Credentials:
    """Authorization headers for one target; basic is the default where both kinds are configured.

    ``keys``: API keys with their secrets, by the signature they make ("basic", "viewer", "publisher").
    """

    def __init__(self, keys: Mapping[str, tuple[str, str]], token: str | None) -> None:
        key, _ = keys.get("basic", ("no-such-key", ""))
        self._headers: dict[str, str] = {"wrong_secret": f"Basic {_basic(key, WRONG_SECRET)}"}
        self._headers["unknown_token"] = f"Bearer {UNKNOWN_TOKEN}"
        self._headers |= {signature: f"Basic {_basic(*pair)}" for signature, pair in keys.items()}
        if token is not None:
            self._headers["bearer"] = f"Bearer {token}"
        self.default: Signature = "basic" if "basic" in self._headers else "bearer"

    def has(self, signature: Signature) -> bool:
        return signature in self._headers

    def headers(self, signature: Signature) -> Mapping[str, str]:
        """The header that makes a request carry ``signature`` (empty for "none" and "literal")."""
        if signature in ("none", "literal"):
            return {}
        return {"Authorization": self._headers[self.resolve(signature)]}

    def resolve(self, signature: Signature) -> Signature:
        return self.default if signature == "default" else signature


def _basic(user: str, secret: str) -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()
