"""The table of docs/targets.md: what a smoke run says about each configured deployment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from conformance.result import RunResult
from tests.matrix.deployments import Configured
from tests.matrix.real import REAL_RUNS

HEALTHY = ("conformant", "partial")
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "targets.md"

_BEGIN, _END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
_REAL_BEGIN, _REAL_END = "<!-- real: begin -->", "<!-- real: end -->"
_REAL_HEAD = "| deployment | settings | passed | waived | failed | skipped |\n|---|---|---|---|---|---|"
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
    return _between(_BEGIN, "\n".join((_HEAD, *lines)), _END, document)


def with_real_runs(document: str) -> str:
    """``document`` with the table of real nodes."""
    return _between(_REAL_BEGIN, "\n".join((_REAL_HEAD, *(run.line for run in REAL_RUNS))), _REAL_END, document)


def _between(begin: str, text: str, end: str, document: str) -> str:
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", document, flags=re.DOTALL)


def rows_of(document: str) -> list[str]:
    """The lines of the table."""
    return document.partition(_BEGIN)[2].partition(_END)[0].strip().splitlines()[2:]
