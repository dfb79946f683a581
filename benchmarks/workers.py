"""What workers are worth: two beside none nearby, eight beside one at a target that is 50 ms away.

Pairs run one after the other, once each unless TIMES says more; options (a profile, -k) may follow.

Run: python -m benchmarks.workers [TIMES [OPTION...]]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.runs import Cost, run, target

FAR_S = 0.05


def pair(round_trip_s: float, many: int, few: int, options: list[str]) -> tuple[Cost, Cost]:
    """A run with many workers and one with few."""
    with target(round_trip_s) as environment, tempfile.TemporaryDirectory() as folder:
        return (
            run(environment, Path(folder, "many"), "-n", str(many), *options),
            run(environment, Path(folder, "few"), "-n", str(few), *options),
        )


def main(arguments: list[str]) -> None:
    times = int(arguments[0]) if arguments else 1
    options = arguments[1:] or ["--profile", "smoke"]
    for where, round_trip_s, many, few in (("nearby", 0.0, 2, 0), ("50 ms away", FAR_S, 8, 1)):
        pairs = [pair(round_trip_s, many, few, options) for _ in range(times)]
        ratio = median(one.seconds / other.seconds for other, one in pairs)
        faster, slower = (median(cost.seconds for cost in costs) for costs in zip(*pairs, strict=True))
        cpu = [median(cost.cpu_s for cost in costs) for costs in zip(*pairs, strict=True)]
        print(
            f"{where}: -n {many} {faster:.1f} s ({cpu[0]:.1f} s of processor), "
            f"-n {few} {slower:.1f} s ({cpu[1]:.1f} s): {ratio:.1f} times as fast",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
