"""``python -m tests.matrix [NAME]...``: run against configured deployments and write the table of docs/targets.md.

All of them, or those that are named, whose rows are written anew. ``--whole`` is for the night: the whole profile smoke
on each of them, and on the combinations that hold every pair of settings. It prints its table, writes none, and ends
with status 1 if any deployment was called non-conformant.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.matrix.deployments import DEPLOYMENTS, Configured, pairwise
from tests.matrix.document import DOCUMENT, HEALTHY, Row, beginning, rows_of, with_real_runs, with_rows
from tests.matrix.trial import DATA_PLANE, run_on, told


def main(arguments: list[str]) -> int:
    names = [argument for argument in arguments if argument != "--whole"]
    whole = len(names) < len(arguments)
    known = (*DEPLOYMENTS, *_pairs()) if whole else DEPLOYMENTS
    unknown = set(names) - {configured.name for configured in known}
    if unknown:
        print(f"no such deployment: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = [configured for configured in known if not names or configured.name in names]
    return _whole(chosen) if whole else _written(chosen)


def _pairs() -> Iterator[Configured]:
    for number, settings in enumerate(pairwise(), start=1):
        yield Configured(f"pairs-{number}", settings, "several settings at once")


def _whole(chosen: Iterable[Configured]) -> int:
    healthy = True
    for configured in chosen:
        row = _row(configured)
        print(row.line, flush=True)
        healthy &= row.verdict in HEALTHY and not row.failed
    return 0 if healthy else 1


def _written(chosen: list[Configured]) -> int:
    known = rows_of(DOCUMENT.read_text(encoding="utf-8"))
    lines = []
    for configured in DEPLOYMENTS:
        line = next((line for line in known if line.startswith(f"| {beginning(configured)} |")), None)
        if line is None or configured in chosen:
            line = _row(configured, *DATA_PLANE, *configured.items).line
            print(line, flush=True)
        lines.append(line)
    document = with_real_runs(with_rows(DOCUMENT.read_text(encoding="utf-8"), lines))
    DOCUMENT.write_text(document, encoding="utf-8")
    return 0


def _row(configured: Configured, *items: str) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        run = run_on(configured.settings, Path(folder), *items, workers=2)
    if run.failures:
        print(told(run), file=sys.stderr, flush=True)
    return Row.of(configured, run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
