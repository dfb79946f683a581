"""Values that are costly to make, kept in the user's cache directory from one run to the next.

Any number of processes may share a cache: an entry appears whole, under its final name, or not at all, and one whose
digest is not that of its content is as good as none. A cache that can be neither read nor written makes things slower
and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """Where everything is kept: the user's cache directory, as the platform has it; RuntimeError if there is none."""
    if sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "emqx-conformance"


def code_digest(folder: Path, names: Iterable[str]) -> str:
    """Over modules in ``folder``, for keys: a change of what makes a value is not hidden by the cache."""
    return hashlib.sha256(b"\0".join(_bytes(folder / name) for name in names)).hexdigest()


def read(key: str, folder: str = "") -> Any:
    """The JSON value that is kept under ``key`` (a name of a file) in a ``folder`` of the cache; None if none is."""
    try:
        digest, _, content = (cache_folder() / folder / f"{key}.json").read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return None
        entry = json.loads(content)
    except (OSError, ValueError, RuntimeError):
        return None
    return entry.get("value") if isinstance(entry, dict) and entry.get("key") == key else None


def keep(key: str, value: Any, folder: str = "", *, most: int | None = None) -> None:
    """Keep a JSON value, of which ``read`` returns an equal one; the oldest entries beyond ``most`` are forgotten.

    Raises ValueError or TypeError for what is no JSON.
    """
    content = json.dumps({"key": key, "value": value}, separators=(",", ":"), allow_nan=False).encode("ascii")
    with suppress(OSError, RuntimeError):
        place = cache_folder() / folder
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if most is not None:
            _forget(place.glob("*.json"), most)
        descriptor, temporary = tempfile.mkstemp(dir=place, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            Path(temporary).replace(place / f"{key}.json")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def folder_for(name: str) -> Path | None:
    """Folder ``name`` of the cache, for a library that keeps files there by itself; None if it cannot be written."""
    try:
        place = cache_folder() / name
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        return place if os.access(place, os.W_OK) else None
    except (OSError, RuntimeError):
        return None


def use_folder(name: str, most: int) -> None:
    """Say that folder ``name`` (``kind/what``) of the cache is in use: of its kind the ``most`` used last are kept."""
    with suppress(OSError, RuntimeError):
        place = cache_folder() / name
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.utime(place)
        _forget(place.parent.iterdir(), most)


def _forget(entries: Iterable[Path], most: int) -> None:
    newest_first = sorted(entries, key=_used_at, reverse=True)
    for entry in newest_first[most:]:
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _used_at(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:  # another process forgot it
        return 0.0


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # the package is imported from an archive: its version has to do
        return b""
