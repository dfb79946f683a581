"""``python -m tests.matrix``: run against every configured deployment and write the table of docs/targets.md."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.matrix.deployments import DEPLOYMENTS
from tests.matrix.document import DOCUMENT, Row, with_rows
from tests.matrix.trial import DATA_PLANE, run_on


def main() -> None:
    rows = []
    for configured in DEPLOYMENTS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(Row.of(configured, run_on(configured.settings, Path(folder), *DATA_PLANE, workers=2)))
        print(rows[-1].line, flush=True)
    DOCUMENT.write_text(with_rows(DOCUMENT.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main()
