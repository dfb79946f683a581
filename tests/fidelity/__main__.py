"""``python -m tests.fidelity [--mode recorded|default] [--lines N] [script ...]``: the fidelity table."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from tests.fidelity.listed import Mode
from tests.fidelity.live import reports_on_demand
from tests.fidelity.recording import load_script, script_names
from tests.fidelity.replay import Outcome, replay


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 0 if everything is equal, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.fidelity", description="Replay recorded scripts.")
    parser.add_argument("--mode", choices=get_args(Mode), default="recorded")
    parser.add_argument("--lines", type=int, default=4, help="differences shown per script (0: all)")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("script", nargs="*", help="names of scripts (default: all); a prefix ending in * is fine")
    options = parser.parse_args(arguments)
    names = _selected(options.script)
    started = time.monotonic()
    with reports_on_demand(), ThreadPoolExecutor(options.workers) as pool:
        outcomes = list(pool.map(lambda name: replay(load_script(name), options.mode), names))
    for outcome in outcomes:
        _print(outcome, options.lines)
    exchanges, equal = (sum(getattr(outcome, name) for outcome in outcomes) for name in ("exchanges", "equal"))
    print(
        f"\n{len(outcomes)} scripts, {exchanges} exchanges, {equal} equal, {_percent(equal, exchanges)}, "
        f"{time.monotonic() - started:.1f} s"
    )
    return 0 if equal == exchanges else 1


def _selected(patterns: list[str]) -> list[str]:
    names = script_names()
    if not patterns:
        return names
    chosen = [name for name in names if any(_fits(name, pattern) for pattern in patterns)]
    if not chosen:
        sys.exit(f"no script is named like {' '.join(patterns)}")
    return chosen


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _print(outcome: Outcome, limit: int) -> None:
    percent = _percent(outcome.equal, outcome.exchanges)
    print(f"{outcome.script:40} {outcome.equal:4}/{outcome.exchanges:<4} {percent:>7}")
    for difference in outcome.differences[: limit or None]:
        print(f"    {difference.step.number} {difference.step.name}")
        for line in difference.lines[:3]:
            print(f"        {line}")


def _percent(equal: int, exchanges: int) -> str:
    return f"{100 * equal / exchanges:.1f} %" if exchanges else "-"


if __name__ == "__main__":
    sys.exit(main())
