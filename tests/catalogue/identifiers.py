"""Ids of requirements: those that were ever given, by the list that is kept of them and by the history."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "tests" / "data" / "requirement_ids.txt"
"""Every id ever given, one a line: a checkout without history must notice a loss as well."""

ID = re.compile(r"\b[A-Z]{3,4}-\d\d\b")

# Where ids are given: rows of the catalogue's document, code marks of the changelog, declarations of tests and checks.
_GIVEN = {
    "docs/requirements.md": re.compile(r"^\| ([A-Z]{3,4}-\d\d) \|"),
    "CHANGELOG.md": re.compile(r"`([A-Z]{3,4}-\d\d)`"),
    ":(glob)conformance/**/*.py": re.compile(r"\"([A-Z]{3,4}-\d\d)\""),
}


def kept() -> list[str]:
    return KEPT.read_text(encoding="utf-8").split()


def has_history(root: Path) -> bool:
    """Whether ``root`` is a checkout by git, of whatever depth, on a machine with git."""
    return (root / ".git").exists() and shutil.which("git") is not None


def given_in_history(root: Path) -> set[str]:
    """The ids that any commit of a checkout gave, also those that a later one took away."""
    return {identifier for place, pattern in _GIVEN.items() for identifier in _added(root, place, pattern)}


def _added(root: Path, place: str, pattern: re.Pattern[str]) -> Iterable[str]:
    # -m: what a merge itself adds counts as well.
    command = ["git", "log", "-m", "-p", "-U0", "--no-renames", "--no-ext-diff", "--no-color", "--format=", "--", place]
    completed = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", errors="replace", check=True)
    for line in completed.stdout.splitlines():
        if line.startswith("+"):
            yield from pattern.findall(line[1:])


def vanished(given: Iterable[str], catalogue: Iterable[str], retired: Iterable[str]) -> list[str]:
    """Ids that were given, and are neither in the catalogue nor retired with a reason."""
    return sorted(set(given) - set(catalogue) - set(retired))
