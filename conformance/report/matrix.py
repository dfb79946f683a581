"""Operations x checks: what was decided about each operation, and how."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from conformance.result import OperationResult, RunResult

CellState = Literal["passed", "failed", "waived", "not_decided"]

MOST_COLUMNS = 16
OTHERS = "other checks"


@dataclass(slots=True)
class Cell:
    """Decisions of one check (or several) on one operation; ``failed`` and ``waived`` count failures, not answers."""

    decided: int = 0
    failed: int = 0
    waived: int = 0

    @property
    def state(self) -> CellState:
        if self.failed:
            return "failed"
        if self.waived:
            return "waived"
        return "passed" if self.decided else "not_decided"


@dataclass(frozen=True, slots=True)
class Matrix:
    """``columns``: check names, the last one `OTHERS` if there are too many to show; ``rows``: operation and cells.

    ``others`` names the checks that share the last column.
    """

    columns: list[str]
    others: list[str]
    rows: list[tuple[OperationResult, list[Cell]]]


def build_matrix(run: RunResult) -> Matrix:
    """The matrix of a run: a row per operation, the checks that failed or concern most operations as columns."""
    cells: dict[str, dict[str, Cell]] = {operation.operation: {} for operation in run.operations}
    for item in run.items:
        for label, checks in item.decided.items():
            for check, count in checks.items():
                if label in cells:
                    cells[label].setdefault(check, Cell()).decided += count
    for failure in run.failures:
        if failure.operation in cells and failure.consequence_of is None:
            cell = cells[failure.operation].setdefault(failure.check, Cell())
            if failure.waived_by is None:
                cell.failed += 1
            else:
                cell.waived += 1
    columns, others = _columns(cells)
    rows = []
    for operation in run.operations:
        row = [cells[operation.operation].get(check, Cell()) for check in columns]
        if others:
            row.append(_merged([cells[operation.operation].get(check, Cell()) for check in others]))
        rows.append((operation, row))
    return Matrix([*columns, OTHERS] if others else columns, others, rows)


def _columns(cells: dict[str, dict[str, Cell]]) -> tuple[list[str], list[str]]:
    """The checks that failed first, then those that concern most operations; and those that share the last column."""
    spread = Counter(check for checks in cells.values() for check in checks)
    failed = Counter(check for checks in cells.values() for check, cell in checks.items() if cell.failed)
    ranked = sorted(spread, key=lambda check: (-failed[check], -spread[check], check))
    if len(ranked) <= MOST_COLUMNS:
        return ranked, []
    return ranked[: MOST_COLUMNS - 1], sorted(ranked[MOST_COLUMNS - 1 :])


def _merged(cells: list[Cell]) -> Cell:
    return Cell(*(sum(getattr(cell, name) for cell in cells) for name in ("decided", "failed", "waived")))
