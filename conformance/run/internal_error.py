"""An error of the suite itself: one sentence for the report, the traceback for a file, and no secret in either."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILE_NAME = "internal-error.txt"


def conceal(representation: Any, hide: Callable[[str], str]) -> str:
    """Make pytest print a traceback without secrets; returns it.

    ``representation``: what the hook ``pytest_internalerror`` gets as ``excrepr``.
    """
    text = hide(str(representation))
    representation.toterminal = lambda writer: writer.line(text)
    return text


def sentence(name: str, message: str) -> str:
    """What happened, in one line.

    An error of a worker arrives as a failed assertion of xdist, whose message is the worker's traceback.
    """
    lines = [line.strip() for line in message.splitlines()]
    lines = [line for line in lines if line not in ("", "assert False")]
    if len(lines) > 1:
        return f"internal error of the suite: {lines[-1]}"
    return f"internal error of the suite: {name}: {''.join(lines)}"


def keep(text: str, report_dir: Path, *, first: bool) -> str:
    """Write the traceback into the report directory; returns where it is, in words.

    ``first``: of the run; later ones, which it often causes, are written below it.
    """
    with contextlib.suppress(OSError):
        with (report_dir / FILE_NAME).open("w" if first else "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text + "\n")
        return f", see {report_dir / FILE_NAME}"
    return ""
