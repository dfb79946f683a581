"""API keys, roles and bearer tokens, and the answers to bad ones (behaviour 0.3)."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import time
from dataclasses import dataclass, field

from conformance.reference.rest.http import ApiError

TOKEN_LIFETIME = 3600.0
ROLES = ("administrator", "viewer", "publisher")
_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_CACHED_HEADERS = 64


class MalformedAuthorization(ValueError):
    """The Authorization header cannot be parsed: answered 400 without a body."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``expires_at``: seconds since the epoch, None for never."""

    secret: str = field(repr=False)
    role: str = "administrator"
    enabled: bool = True
    expires_at: float | None = None

    @property
    def valid(self) -> bool:
        return self.enabled and (self.expires_at is None or self.expires_at > time.time())


@dataclass(slots=True)
class _Token:
    role: str
    expires_at: float | None


class Credentials:
    """Who may call the REST API.

    ``users`` are dashboard users (name -> password): they can `log_in` for a token but not use Basic.
    """

    def __init__(self, api_key: str, api_secret: str, bearer_token: str | None = None) -> None:
        self._keys = {api_key: ApiKey(api_secret)}
        self._tokens: dict[str, _Token] = {}
        self._accepted: dict[str, str] = {}
        self.users: dict[str, str] = {}
        if bearer_token is not None:
            self._tokens[bearer_token] = _Token("administrator", None)

    def put_key(self, name: str, key: ApiKey) -> None:
        """Create or replace an API key; raises ValueError for an unknown role."""
        if key.role not in ROLES:
            raise ValueError(f"unknown role {key.role!r}: one of {', '.join(ROLES)}")
        self._keys[name] = key
        self._accepted.clear()

    def remove_key(self, name: str) -> bool:
        """Forget an API key; False if there was none."""
        self._accepted.clear()
        return self._keys.pop(name, None) is not None

    def issue_token(self, role: str = "administrator", lifetime: float = TOKEN_LIFETIME) -> str:
        """A new bearer token, valid for ``lifetime`` seconds after its last use."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = _Token(role, time.time() + lifetime)
        return token

    def log_in(self, user: str, password: str) -> str | None:
        """A new bearer token for a dashboard user, or None if name or password is wrong."""
        known = self.users.get(user)
        if known is None or not _same(known, password):
            return None
        return self.issue_token()

    def role(self, header: str | None) -> str:
        """Role of the caller behind an Authorization header.

        Raises `ApiError` 401, or `MalformedAuthorization` for a header that cannot be parsed.
        """
        if header is None:
            raise ApiError(401, "AUTHORIZATION_HEADER_ERROR", "Support authorization: basic/bearer ")
        role = self._accepted.get(header)
        return role if role is not None else self._check(header)

    def _check(self, header: str) -> str:
        scheme, _, parameters = header.partition(" ")
        match scheme.lower():
            case "basic":
                return self._check_basic(header, *_name_and_secret(parameters))
            case "bearer":
                if not _TOKEN68.fullmatch(parameters):
                    raise MalformedAuthorization
                return self._check_bearer(parameters)
            case "digest" if "=" in parameters:
                raise ApiError(401, "AUTHORIZATION_HEADER_ERROR", "Support authorization: basic/bearer ")
        raise MalformedAuthorization

    def _check_basic(self, header: str, name: str, secret: str) -> str:
        key = self._keys.get(name)
        if key is None or not key.valid or not _same(key.secret, secret):
            raise ApiError(401, "BAD_API_KEY_OR_SECRET", "Check api_key/api_secret")
        if key.expires_at is None:
            if len(self._accepted) >= _CACHED_HEADERS:
                self._accepted.clear()
            self._accepted[header] = key.role
        return key.role

    def _check_bearer(self, text: str) -> str:
        token = self._tokens.get(text)
        if token is None:
            raise ApiError(401, "BAD_TOKEN", "Get a token from POST /login")
        if token.expires_at is not None:
            now = time.time()
            if token.expires_at < now:
                raise ApiError(401, "TOKEN_TIME_OUT", "Token expired, get a new one from POST /login")
            token.expires_at = now + TOKEN_LIFETIME
        return token.role


def _name_and_secret(parameters: str) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(parameters, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError) as error:
        raise MalformedAuthorization from error
    name, colon, secret = decoded.partition(":")
    if not colon:
        raise MalformedAuthorization
    return name, secret


def _same(known: str, given: str) -> bool:
    return secrets.compare_digest(known.encode(), given.encode("utf-8", "surrogateescape"))


def check_role(role: str, label: str) -> None:
    """Raise `ApiError` 403 unless ``role`` may call the operation ``label``."""
    if role == "administrator":
        return
    allowed = label.startswith("GET ") if role == "viewer" else label in ("POST /publish", "POST /publish/bulk")
    if not allowed:
        raise ApiError(403, "UNAUTHORIZED_ROLE", "This API Key don't have permission to access this resource")
