"""The table of docs/targets.md: what a smoke run says about each configured deployment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance.result import RunResult
from tests.matrix.deployments import Configured

HEALTHY = ("conformant", "partial")
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "targets.md"

_BEGIN, _END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
_HEAD = "| deployment | settings | verdict | passed | failed | skipped |\n|---|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    configured: Configured
    verdict: str
    passed: int
    failed: int
    skipped: int

    @classmethod
    def of(cls, configured: Configured, run: RunResult) -> Row:
        outcomes = Counter(item.outcome for item in run.items)
        return cls(configured, run.verdict, outcomes["passed"], outcomes["failed"], outcomes["skipped"])

    @property
    def line(self) -> str:
        counts = f"{self.passed} | {self.failed} | {self.skipped}"
        return f"| {beginning(self.configured)} | {self.verdict} | {counts} |"


def beginning(configured: Configured) -> str:
    """The columns of a row that no run decides."""
    settings = "<br>".join(f"`{setting}`" for setting in configured.settings) or "none"
    return f"**{configured.name}**: {configured.what} | {settings}"


def with_rows(document: str, lines: Iterable[str]) -> str:
    """``document`` with another table."""
    table = "\n".join((_HEAD, *lines))
    return re.sub(f"{_BEGIN}.*{_END}", lambda _: f"{_BEGIN}\n{table}\n{_END}", document, flags=re.DOTALL)


def rows_of(document: str) -> list[str]:
    """The lines of the table."""
    return document.partition(_BEGIN)[2].partition(_END)[0].strip().splitlines()[2:]
