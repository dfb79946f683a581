"""Files that hold secrets: how they are read, and who else could read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from conformance.target.errors import ConfigurationError


def read_secret_file(path: Path, source: str) -> str:
    """The one line a secret file holds; ``source`` names the option in the `ConfigurationError`."""
    try:
        secret = path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: {path} cannot be read: {getattr(error, 'strerror', error)}") from error
    if not secret or "\n" in secret:
        raise ConfigurationError(f"{source}: {path} must hold exactly one line, the secret")
    return secret


def exposure(path: Path) -> str | None:
    """One sentence if others than its owner can read a secret file, None otherwise."""
    try:
        mode = path.expanduser().stat().st_mode
    except OSError:
        return None
    return f"others can read the secret in {path}: chmod 600 it" if _others_can_read(mode) else None


def is_private(status: os.stat_result) -> bool:
    """Whether a file belongs to the current user and nobody else can read it."""
    return status.st_uid == os.geteuid() and not _others_can_read(status.st_mode)


def _others_can_read(mode: int) -> bool:
    return bool(mode & (stat.S_IRGRP | stat.S_IROTH))
