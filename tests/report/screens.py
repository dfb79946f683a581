"""Consoles of tests."""

from __future__ import annotations

import io

from rich.console import Console


def console_of(
    file: io.StringIO, *, terminal: bool = False, environment: dict[str, str] | None = None, width: int = 100
) -> Console:
    return Console(
        file=file, force_terminal=terminal, width=width, height=30, color_system="standard" if terminal else None,
        _environ={"TERM": "xterm-256color", **(environment or {})},
    )  # fmt: skip
