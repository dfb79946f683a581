"""Minutes and configuration writes of smoke and standard where a write takes 0.2 s, as a real server does.

Run: python -m benchmarks.write_price [PROFILE...]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.runs import run, target

PRICE_S = 0.2


def main(arguments: list[str]) -> None:
    for profile in arguments or ["smoke", "standard"]:
        with target(write_s=PRICE_S) as environment, tempfile.TemporaryDirectory() as folder:
            cost = run(environment, Path(folder), "--profile", profile)
        print(
            f"{profile}: {cost.seconds / 60:.1f} minutes, {cost.writes} accepted writes "
            f"({cost.writes * PRICE_S:.0f} s), {cost.requests} requests, {cost.cpu_s:.0f} s of processor"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
