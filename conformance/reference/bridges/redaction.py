"""Secrets of connectors and actions: shown as ``******``, kept when ``******`` comes back (CON-07 to CON-09)."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
_SENSITIVE_HEADERS = frozenset(("authorization", "proxy-authorization"))
_VARIABLE = re.compile(r"\$\{[^{}]+\}")


class Unprintable(TypeError):
    """A secret that is no text. Listing it kills the recorded server (real-server.md, numeric secrets)."""


def is_sensitive(name: str) -> bool:
    """Whether the value under a key or header of this name is a secret."""
    return name in _SENSITIVE or name.lower() in _SENSITIVE_HEADERS


def _is_shown(value: Any) -> bool:
    """References to files and pure variables are no secrets; an empty text hides like any other."""
    return isinstance(value, str) and (value.startswith("file://") or bool(_VARIABLE.fullmatch(value)))


def redact(config: Any) -> Any:
    """``config`` with every secret replaced; raises `Unprintable` for a secret that is a number."""
    if isinstance(config, Mapping):
        return {name: _redacted(name, value) for name, value in config.items()}
    return [redact(item) for item in config] if isinstance(config, list) else config


def _redacted(name: str, value: Any) -> Any:
    if not is_sensitive(name) or isinstance(value, Mapping | list):
        return redact(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Unprintable(name)
    return value if value is None or _is_shown(value) else REDACTED


def restore(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> dict[str, Any]:
    """``new`` with each ``******`` replaced by the secret ``old`` has there; dropped if ``old`` has none."""
    old = old or {}
    restored: dict[str, Any] = {}
    for name, value in new.items():
        stored = old.get(name)
        if is_sensitive(name) and value == REDACTED:
            if stored is not None:
                restored[name] = stored
        elif isinstance(value, Mapping):
            restored[name] = restore(value, stored if isinstance(stored, Mapping) else None)
        else:
            restored[name] = value
    return restored
