"""A file that a session's observers append lines to while a run goes on."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from conformance.target.errors import Unwritable


class LineFile:
    """Appends lines, each of which is there once it is written; raises `Unwritable` where there is no room.

    ``mode``: "w" in place of what there was, "a" behind it.
    """

    def __init__(self, path: Path, mode: Literal["a", "w"]) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open(mode, encoding="utf-8", errors="backslashreplace")

    def append(self, *lines: str) -> None:
        """Write lines, given without their ends."""
        try:
            self._file.writelines(f"{line}\n" for line in lines)
            self._file.flush()
        except OSError as error:
            raise Unwritable(self._path.parent, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
