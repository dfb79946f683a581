"""``python -m tests.matrix [NAME]...``: run all items, of some types, against configured deployments and write the
table of docs/targets.md.

All of them, each setting alone and the combinations that hold every pair of settings, or those that are named, whose
rows are written anew. Takes about half an hour. Ends with status 1 if any deployment was called non-conformant, and
says why.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.matrix.deployments import ALL, Configured
from tests.matrix.document import DOCUMENT, HEALTHY, Row, beginning, rows_of, with_real_runs, with_rows
from tests.matrix.trial import run_on, told


def main(names: list[str]) -> int:
    unknown = set(names) - {configured.name for configured in ALL}
    if unknown:
        print(f"no such deployment: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    healthy = True
    for configured in ALL:
        if not names or configured.name in names:
            row = _row(configured)
            print(row.line, flush=True)
            _write(row)
            healthy &= row.verdict in HEALTHY and not row.failed
    return 0 if healthy else 1


def _row(configured: Configured) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        run = run_on(configured.settings, Path(folder), workers=2)
    if run.failures:
        print(told(run), file=sys.stderr, flush=True)
    return Row.of(configured, run)


def _write(row: Row) -> None:
    """Put a row in its place; rows of deployments that there are no more go."""
    document = DOCUMENT.read_text(encoding="utf-8")
    lines = {beginning(row.configured): row.line}
    for configured in ALL:
        known = (line for line in rows_of(document) if line.startswith(f"| {beginning(configured)} |"))
        lines.setdefault(beginning(configured), next(known, ""))
    ordered = [line for configured in ALL if (line := lines[beginning(configured)])]
    DOCUMENT.write_text(with_real_runs(with_rows(document, ordered)), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
