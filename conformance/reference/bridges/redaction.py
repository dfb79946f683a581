"""Secrets of connectors and actions: shown as ``******``, kept when ``******`` comes back (CON-07 to CON-09)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

REDACTED = "******"

_SENSITIVE = frozenset(
    (
        "access_key_id",
        "access_key_secret",
        "account_key",
        "aws_secret_access_key",
        "bind_password",
        "credentials",
        "jwt",
        "password",
        "private_key",
        "private_key_password",
        "pwd",
        "secret",
        "secret_access_key",
        "secret_key",
        "security_token",
        "sp_token",
        "token",
    )
)
AUTHORIZING_HEADERS = frozenset(("authorization", "proxy-authorization"))
"""All that the recorded server takes for secrets in a map of headers (CON-22)."""
CREDENTIAL_HEADERS = AUTHORIZING_HEADERS | {"api-key", "cookie", "x-api-key", "x-auth-token"}
_HEADERS = "headers"
Sensitive = Callable[[str], bool]
_VARIABLE = re.compile(r"\$\{[^{}]+\}")


class Unprintable(TypeError):
    """A secret that is no text. Listing it kills the recorded server (real-server.md, numeric secrets)."""


def is_sensitive(name: str) -> bool:
    """Whether the value under a key of this name is a secret, outside of headers."""
    return name in _SENSITIVE


def _within(name: str, headers: frozenset[str]) -> Sensitive:
    """What is sensitive below a key: in a map of headers some of them, elsewhere certain names."""
    return (lambda header: header.strip().lower() in headers) if name == _HEADERS else is_sensitive


def _is_shown(value: Any) -> bool:
    """References to files and pure variables are no secrets; an empty text hides like any other."""
    return isinstance(value, str) and (value.startswith("file://") or bool(_VARIABLE.fullmatch(value)))


def redact(config: Any, *, headers: frozenset[str] = CREDENTIAL_HEADERS) -> Any:
    """``config`` with every secret replaced; raises `Unprintable` for a secret that is a number.

    ``headers``: names, in lower case, of those whose values are secrets.
    """
    return _redacted(config, is_sensitive, headers)


def _redacted(node: Any, sensitive: Sensitive, headers: frozenset[str]) -> Any:
    if isinstance(node, Mapping):
        return {name: _shown(name, value, sensitive, headers) for name, value in node.items()}
    return [_redacted(item, sensitive, headers) for item in node] if isinstance(node, list) else node


def _shown(name: str, value: Any, sensitive: Sensitive, headers: frozenset[str]) -> Any:
    if not sensitive(name) or isinstance(value, Mapping | list):
        return _redacted(value, _within(name, headers), headers)
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Unprintable(name)
    return value if value is None or _is_shown(value) else REDACTED


def restore(
    new: Mapping[str, Any], old: Mapping[str, Any] | None, *, headers: frozenset[str] = CREDENTIAL_HEADERS
) -> dict[str, Any]:
    """``new`` with each ``******`` replaced by the secret ``old`` has there; dropped if ``old`` has none."""
    return _restored(new, old or {}, is_sensitive, headers)


def _restored(
    new: Mapping[str, Any], old: Mapping[str, Any], sensitive: Sensitive, headers: frozenset[str]
) -> dict[str, Any]:
    restored: dict[str, Any] = {}
    for name, value in new.items():
        stored = old.get(name)
        if sensitive(name) and value == REDACTED:
            if stored is not None:
                restored[name] = stored
        elif isinstance(value, Mapping):
            kept = stored if isinstance(stored, Mapping) else {}
            restored[name] = _restored(value, kept, _within(name, headers), headers)
        else:
            restored[name] = value
    return restored
