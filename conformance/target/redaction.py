"""Keep secrets out of everything that is printed, reported or written to disk."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

REDACTED = "[redacted]"
SHORTEST_SECRET = 4

_AUTHORIZATION = re.compile(r"(?i)(authorization\W{1,6})(basic|bearer)\s+[A-Za-z0-9+/=_.~-]+")


class Redactor:
    """Replaces known secrets, in clear, percent-encoded or base64, and every Authorization value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Redact ``secret`` from now on; a secret too short to search for is not replaced."""
        if len(secret) < SHORTEST_SECRET:
            return
        self._forms |= {secret, quote(secret, safe=""), *_base64_forms(secret.encode())}
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def add_basic(self, user: str, secret: str) -> None:
        """Redact a secret and the value of the Authorization header it makes with ``user``."""
        self.add(secret)
        self.add(base64.b64encode(f"{user}:{secret}".encode()).decode())

    def __call__(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(REDACTED, text)
        return _AUTHORIZATION.sub(lambda match: f"{match[1]}{match[2]} {REDACTED}", text)


def _base64_forms(secret: bytes) -> set[str]:
    """The base64 of a secret at the three possible offsets, without the characters that depend on its neighbours."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret).decode().rstrip("=")
        form = encoded[(0, 2, 3)[offset] :]
        stable = form[:-1] if (len(secret) + offset) % 3 else form
        if len(stable) >= SHORTEST_SECRET:
            forms |= {stable, stable.translate(str.maketrans("+/", "-_"))}
    return forms
