"""1,000 targets in a day's night: what a fleet takes with so many workers, and what it asks of the scheduler.

The work of a run is what its items cost (the shipped table) at the distance of a target and at its price of a
configuration write; what Dask takes for a job is measured here, with jobs that do nothing. Workers die now and then.

Run: python benchmarks/fleet_simulation.py [TARGETS]
"""

from __future__ import annotations

import heapq
import json
import logging
import pickle
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from statistics import fmean, median

from conformance.fleet import engine
from conformance.fleet.job import Job
from conformance.report.fleet import TargetRun
from conformance.run.costs import TABLE

REQUESTS = 19_000
"""Of a standard run (docs/cost.md)."""
STARTS_S = 6.0
"""A run that does nothing: its process, what it looks at before and after."""
CPU_S = 100.0
"""CPU time of a standard run on the side of the suite."""
DIES_EVERY_S = 48 * 3600.0
"""How long a worker lives, in the mean: preemptible machines."""
REQUIREMENTS = 292
SHAPES = {"same": 0.0, "varied": 1.0}
"""How much targets differ in distance: the standard deviation of its logarithm."""


@dataclass(frozen=True)
class Shape:
    """What a run costs before its target is known."""

    seconds: float
    writes: float

    @classmethod
    def of_table(cls) -> Shape:
        """The costs of all items together."""
        measured = json.loads(files("conformance.run").joinpath(TABLE).read_text(encoding="utf-8"))["measured"]
        return cls(measured["seconds"], measured["writes"])

    def run_s(self, distance_s: float, price_s: float) -> float:
        """Seconds of a run in one process (`-n 0`), which does one thing after the other."""
        return STARTS_S + self.seconds + REQUESTS * distance_s + self.writes * price_s


def targets(number: int, spread: float, chance: random.Random) -> list[float]:
    """Seconds of a run against each: 20 ms away in the median, writes of 0.15 to 0.4 s."""
    shape = Shape.of_table()
    return [
        shape.run_s(0.02 * (chance.lognormvariate(0, spread) if spread else 1), chance.uniform(0.15, 0.4))
        for _ in range(number)
    ]


def simulate(runs: Sequence[float], workers: int, overhead_s: float, chance: random.Random) -> tuple[float, int]:
    """Seconds until all runs are done in that order, and how many had to begin again.

    The scheduler hands out one job after the other, ``overhead_s`` each; a worker that dies is there again at once.
    """
    free = [(0.0, number) for number in range(workers)]
    handed, again, done = 0.0, 0, 0.0
    waiting = list(reversed(runs))
    while waiting:
        at, number = heapq.heappop(free)
        run = waiting.pop()
        handed = max(handed, at) + overhead_s
        end = handed + run
        dies = chance.expovariate(1 / DIES_EVERY_S)
        if dies < run:
            again += 1
            waiting.append(run)
            end = handed + dies
        done = max(done, end)
        heapq.heappush(free, (end, number))
    return done, again


def overhead(number: int) -> tuple[float, float, int]:
    """Of Dask: seconds and CPU seconds for a job that does nothing, and the bytes of what comes back."""
    from distributed import Client

    result = TargetRun(
        "t", "http://t/api/v5", "partial", requirements=dict.fromkeys(map(str, range(REQUIREMENTS)), "passed")
    )
    nothing: Callable[..., TargetRun] = lambda job, *_: result  # noqa: E731
    engine.run_job = nothing  # type: ignore[assignment]
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with Client(processes=False, n_workers=1, threads_per_worker=8, dashboard_address=None) as client:
        rows = [[Job("f", f"t{index}", f"http://t{index}/api/v5", "targets.toml", "t")] for index in range(number)]
        wall, cpu = time.perf_counter(), time.process_time()
        going = engine.Engine(client, "local", 8).begin(rows, lambda *event: None)
        count = sum(1 for _ in iter(going.next, None))
        assert count == number
        return (
            (time.perf_counter() - wall) / number,
            (time.process_time() - cpu) / number,
            len(pickle.dumps(result)),
        )


def main(number: int = 1000) -> None:
    per_job, cpu, size = overhead(number)
    print(f"Dask: {per_job * 1000:.1f} ms a job ({cpu * 1000:.1f} ms of CPU), {size:,} bytes come back of each")
    shape = Shape.of_table()
    near, far = (shape.run_s(distance_s, 0.2) / 60 for distance_s in (0.0, 0.02))
    print(f"a standard run: {shape.writes:.0f} writes, {near:.1f} min without distance, {far:.1f} min at 20 ms")
    print(f"{number} runs: {number * CPU_S / 3600:.0f} core hours of the suite")
    print("\n| targets | workers | at best | as they come | longest first | begun again | jobs per s | cores |")
    print("|---|---|---|---|---|---|---|---|")
    for name, spread in SHAPES.items():
        runs = targets(number, spread, random.Random(1))
        for workers in (10, 50, 100, 250, 500, 1000):
            best = max(sum(runs) / workers, max(runs))
            came = [simulate(runs, workers, per_job, random.Random(seed)) for seed in range(5)]
            first = [simulate(sorted(runs, reverse=True), workers, per_job, random.Random(seed)) for seed in range(5)]
            took = median(end for end, _ in first)
            cores = CPU_S * workers / fmean(runs)
            row = [name, workers, f"{best / 60:.0f} min", f"{median(end for end, _ in came) / 60:.0f} min"]
            row += [f"{took / 60:.0f} min", f"{fmean(again for _, again in first):.0f}"]
            row += [f"{number / took:.2f}", f"{cores:.0f}"]
            print(f"| {' | '.join(map(str, row))} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
