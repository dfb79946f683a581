"""How a request is signed: with the configured credentials, or deliberately wrong."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Literal

Signature = Literal["default", "basic", "bearer", "none", "wrong_secret", "unknown_token", "literal"]

WRONG_SECRET = "wrong-secret-of-the-conformance-suite"
UNKNOWN_TOKEN = "unknown.token.of-the-conformance-suite"


class Credentials:
    """Authorization headers for one target; basic is the default where both kinds are configured."""

    def __init__(self, api_key: str | None, api_secret: str | None, token: str | None) -> None:
        self._headers: dict[str, str] = {"wrong_secret": f"Basic {_basic(api_key or 'no-such-key', WRONG_SECRET)}"}
        self._headers["unknown_token"] = f"Bearer {UNKNOWN_TOKEN}"
        if api_key is not None and api_secret is not None:
            self._headers["basic"] = f"Basic {_basic(api_key, api_secret)}"
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
