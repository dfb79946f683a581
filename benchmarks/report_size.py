"""How large the report folder of a run is, and what in it.

Run: python -m benchmarks.report_size [REPORT_DIR]; without a folder that of a smoke run.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.runs import run, target


def told(folder: Path) -> None:
    sizes: defaultdict[str, list[int]] = defaultdict(list)
    for file in folder.rglob("*"):
        if file.is_file():
            sizes[file.relative_to(folder).parts[0]].append(file.stat().st_size)
    for name, files in sorted(sizes.items(), key=lambda entry: -sum(entry[1])):
        print(f"{sum(files) / 1e6:8.2f} MB {len(files):6} files  {name}")
    files = [size for own in sizes.values() for size in own]
    print(f"{sum(files) / 1e6:8.2f} MB {len(files):6} files  in all")


def main(arguments: list[str]) -> None:
    if arguments:
        told(Path(arguments[0]))
        return
    with target() as environment, tempfile.TemporaryDirectory() as folder:
        run(environment, Path(folder), "--profile", "smoke")
        told(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
