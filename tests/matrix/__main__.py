"""``python -m tests.matrix [NAME]...``: run against configured deployments and write the table of docs/targets.md.

All of them, or those that are named, whose rows are written anew.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.matrix.deployments import DEPLOYMENTS
from tests.matrix.document import DOCUMENT, Row, beginning, rows_of, with_rows
from tests.matrix.trial import DATA_PLANE, run_on


def main(names: list[str]) -> None:
    unknown = set(names) - {configured.name for configured in DEPLOYMENTS}
    if unknown:
        sys.exit(f"no such deployment: {', '.join(sorted(unknown))}")
    known = rows_of(DOCUMENT.read_text(encoding="utf-8"))
    lines = []
    for configured in DEPLOYMENTS:
        line = next((line for line in known if line.startswith(f"| {beginning(configured)} |")), None)
        if line is None or not names or configured.name in names:
            with tempfile.TemporaryDirectory() as folder:
                line = Row.of(configured, run_on(configured.settings, Path(folder), *DATA_PLANE, workers=2)).line
            print(line, flush=True)
        lines.append(line)
    DOCUMENT.write_text(with_rows(DOCUMENT.read_text(encoding="utf-8"), lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
