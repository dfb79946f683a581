"""Write report files so that a reader never meets half of one."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conformance.report.errors import ReportError, UnwritableError


def write_atomically(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in UTF-8; what UTF-8 cannot say (lone surrogates) is written as an escape.

    Raises `UnwritableError`; a file that was there before stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", errors="backslashreplace"))
            # mkstemp makes files only their owner can read; reports are meant to be shared.
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise UnwritableError(path, error) from error


def read_json(path: Path) -> Any:
    """What a report file in JSON holds; raises `ReportError`."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ReportError):
            raise
        raise ReportError(f"{path} is not JSON: {error}") from error


def replace_files(folder: Path, files: Mapping[str, str], owns: Callable[[str], bool]) -> None:
    """Write ``files`` (name -> text) into ``folder``, and remove what else it holds of names that ``owns`` knows.

    Raises `UnwritableError`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.name not in files and owns(path.name):
                path.unlink()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UnwritableError(folder, error) from error


def read_text(path: Path) -> str:
    """The text of a report file; raises `ReportError`."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReportError(f"there is no {path}") from None
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"{path} is not UTF-8 (byte {error.start})") from error
