"""Keep secrets out of everything that is printed, reported or written to disk.

Two kinds: secrets that are known by value, in every form they could take, and the values of fields that the contract
marks as secret, such as the password of a connector that a request creates.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
SHORTEST_SECRET = 4

SHORTEST_FIELD_VALUE = 6
"""A shorter value of a secret field is hidden in the field, but not looked for elsewhere: it is in too many words."""

# Names of fields and headers that hold secrets, besides those the contract marks (``format: password``).
SECRET_FIELDS = frozenset(
    {
        "api_secret", "auth_token", "authorization", "bind_password", "connection_string", "credentials", "jwt",
        "password", "passphrase", "private_key", "private_key_password", "proxy-authorization", "pwd", "secret",
        "service_account_json", "sp_token", "token",
    }
)  # fmt: skip

_AUTHORIZATION = re.compile(r"(?i)(authorization\W{1,6})(basic|bearer)\s+[A-Za-z0-9+/=_.~-]+")
_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)
_USER_OF_URL = re.compile(r"(://[^\s/:@\"'\\]*:)[^\s/@\"'\\]+@")
_SHARED_KEY = re.compile(r"(?i)((?:SharedAccessKey|SharedAccessSignature|AccountKey)=)[^;&\s\"'\\]+")
_NO_SECRET = re.compile(r"\**|\$\{[^{}]+\}|file://.*", re.DOTALL)


class Redactor:
    """Replaces known ``secrets``, every Authorization value and, where asked to `hide`, the values of secret fields.

    ``fields``: names of secret fields besides `SECRET_FIELDS`.
    """

    def __init__(self, secrets: Iterable[str] = (), fields: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._fields = _FieldPatterns(SECRET_FIELDS | set(fields))
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Redact ``secret`` from now on; a secret too short to search for is not replaced."""
        if len(secret) >= SHORTEST_SECRET:
            self._forms |= _forms_of(secret)
            self._pattern = _any_of(self._forms)

    def add_basic(self, user: str, secret: str) -> None:
        """Redact a secret and the value of the Authorization header it makes with ``user``."""
        self.add(secret)
        self.add(base64.b64encode(f"{user}:{secret}".encode()).decode())

    def known(self, text: str) -> str:
        """``text`` without the known secrets."""
        return text if self._pattern is None else self._pattern.sub(REDACTED, text)

    def __call__(self, text: str) -> str:
        return _AUTHORIZATION.sub(lambda match: f"{match[1]}{match[2]} {REDACTED}", self.known(text))

    def hide(self, text: str, values: Collection[str] = ()) -> str:
        """As calling it, and also without ``values`` and whatever stands in a secret field.

        Not used to find out whether a target tells secrets: a field may be shown for what it is.
        """
        text = self(text)
        lower = _lower(text)  # what is replaced only takes from what it holds
        for marker, pattern, replacement in _SECRETS_IN_TEXTS:
            if lower is None or marker in lower:
                text = pattern.sub(replacement, text)
        if self._fields.may_be_in(lower):
            text = self._fields.hide(text)
        return _any_of_values(frozenset(values)).sub(REDACTED, text) if values else text

    def secrets_in(self, body: bytes) -> set[str]:
        """The values of the secret fields of a body, whether it is correct JSON or not, that can be looked for."""
        return {value for value in self._fields.values(body) if len(value) >= SHORTEST_FIELD_VALUE}


_SECRETS_IN_TEXTS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("private key-----", _PRIVATE_KEY, rf"\1{REDACTED}\2"),
    ("://", _USER_OF_URL, rf"\1{REDACTED}@"),
    ("=", _SHARED_KEY, rf"\1{REDACTED}"),
)
"""What every text that a pattern matches holds in lower case, the pattern, and what comes in its place."""


def _lower(text: str) -> str | None:
    """A text in lower case, to see at once which words it cannot hold: nearly all hold no secret.

    None beyond ASCII, where a pattern that ignores case takes more letters for the same than `str.lower` does.
    """
    return text.lower() if text.isascii() else None


class _FieldPatterns:
    """Finds fields by name: in JSON, in a printed dictionary, in JSON inside of a string, in the terms of a server."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = tuple(sorted(name.lower() for name in names))
        name = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        self._patterns = tuple(
            re.compile(pattern, re.IGNORECASE)
            for pattern in (
                rf'(?P<before>(?<!\\)"(?:{name})"\s*:\s*")(?P<value>(?:[^"\\]|\\.)*)',
                rf"(?P<before>'(?:{name})'\s*:\s*')(?P<value>(?:[^'\\]|\\.)*)",
                rf'(?P<before>\\+"(?:{name})\\+"\s*:\s*\\+")(?P<value>.*?)(?=\\+")',
                rf'(?P<before>\b(?:{name})\b(?:">>|\\">>)?\s*(?:=>|,|=)\s*(?:<<\\?)?")(?P<value>(?:[^"\\]|\\[^"])*)',
            )
        )

    def may_be_in(self, lower: str | None) -> bool:
        """Whether a text may name any of the fields, by what `_lower` makes of it."""
        return lower is None or any(name in lower for name in self._names)

    def hide(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(_hidden, text)
        return text

    def values(self, body: bytes) -> Iterator[str]:
        text = body.decode("utf-8", errors="replace")
        if not self.may_be_in(_lower(text)):
            return
        for match in self._patterns[0].finditer(text):
            value = match["value"]
            if not _NO_SECRET.fullmatch(value):
                yield _unescaped(value)


def _hidden(match: re.Match[str]) -> str:
    value = match["value"]
    return match[0] if _NO_SECRET.fullmatch(value) or value == REDACTED else match["before"] + REDACTED


def _unescaped(value: str) -> str:
    try:
        text: str = json.loads(f'"{value}"', strict=False)
    except ValueError:
        return value
    return text


@lru_cache(maxsize=64)
def _any_of_values(values: frozenset[str]) -> re.Pattern[str]:
    forms: set[str] = set()
    for value in values:
        forms |= _forms_of(value)
    return _any_of(forms)


def _any_of(forms: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))


_SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda secret: quote(secret, safe=""),
    quote,
    quote_plus,
    lambda secret: re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), quote(secret, safe="")),
    lambda secret: json.dumps(secret)[1:-1],
    lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1],
    lambda secret: repr(secret)[1:-1],
)


def _forms_of(secret: str) -> set[str]:
    """A secret as it may be written: as it is, escaped in a URL or in JSON, in hexadecimal, in base64."""
    octets = secret.encode("utf-8", "surrogatepass")
    forms = {secret, octets.hex(), octets.hex().upper(), *_base64_forms(octets)}
    with contextlib.suppress(UnicodeEncodeError):  # no URL can hold a lone surrogate
        forms |= {spell(secret) for spell in _SPELLINGS}
    return forms


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
