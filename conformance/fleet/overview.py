"""What a terminal shows while a fleet runs: a line for each target that is done, and below what goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from conformance.fleet.targets import FleetTarget
from conformance.report.fleet import TargetRun
from conformance.report.terminal import VERDICT_STYLES
from conformance.report.text import duration, visible, words

MOST_SHOWN = 12
_WIDEST = 40


class Overview:
    """Shows a fleet; without a terminal it prints the lines of targets that are done, and nothing else."""

    def __init__(self, console: Console, targets: Sequence[FleetTarget], *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._total = len(targets)
        self._done: list[TargetRun] = []
        self._going: dict[str, tuple[str, str, float]] = {}
        self._lock = threading.Lock()
        shown = console.is_terminal and not quiet
        self._live = Live(get_renderable=self.table, console=console, transient=True) if shown else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def told(self, target: str, state: str, worker: str) -> None:
        """A worker says what it does; called from a thread of the engine."""
        with self._lock:
            self._going[target] = state, worker, time.monotonic()

    def done(self, run: TargetRun) -> None:
        """A target is done."""
        with self._lock:
            self._going.pop(run.name, None)
            self._done.append(run)
        if not self._quiet:
            self._console.print(self._line(run), soft_wrap=True)

    def say(self, text: str) -> None:
        self._console.print(Text(visible(text)), soft_wrap=True)

    def _line(self, run: TargetRun) -> Text:
        verdict = words(run.verdict).upper() if run.verdict is not None else "NOT RUN"
        style = VERDICT_STYLES[run.verdict] if run.verdict is not None else "bold red"
        told = [f"{run.requests:,} requests"] if run.verdict is not None else []
        told += [duration(run.duration_s)]
        told += [f"attempt {run.attempts}"] if run.attempts > 1 else []
        told += ["what the one before left was swept"] if run.swept else []
        why = f": {visible(run.causes[0] if run.causes else run.reason)}" if run.causes or run.reason else ""
        count = f"[{len(self._done)}/{self._total}] "
        return Text.assemble(count, (visible(run.name), "bold"), " ", (verdict, style), f" ({', '.join(told)}){why}")

    def table(self) -> Table:
        """What goes on now: the longest first."""
        with self._lock:
            going = sorted(self._going.items(), key=lambda entry: entry[1][2])
            waiting = self._total - len(self._done) - len(going)
            bad = sum(run.verdict in ("non_conformant", None) for run in self._done)
        head = f"{len(self._done)} of {self._total} done, {bad} of them bad; {len(going)} going on, {waiting} waiting"
        table = Table(title=head, title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, (state, worker, since) in going[:MOST_SHOWN]:
            table.add_row(visible(name)[:_WIDEST], state, duration(time.monotonic() - since), visible(worker))
        if len(going) > MOST_SHOWN:
            table.add_row(f"and {len(going) - MOST_SHOWN} more", "", "", "")
        return table
