"""Progress while a run goes on: a live line in a terminal, elsewhere a plain one for each tenth and after each minute.

A cause is named, in one line, when its first failure comes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from conformance.report.causes import Grouping, causes_of
from conformance.report.one_line import print_cause
from conformance.report.remaining import Remaining
from conformance.report.text import duration
from conformance.result import Failure, ItemResult, Outcome, RequirementResult

OUTCOME_STYLES: dict[Outcome, str] = {
    "passed": "green",
    "failed": "red",
    "waived": "cyan",
    "skipped": "dim",
    "error": "yellow",
    "not_run": "yellow",
    "not_selected": "dim",
}

CLEANING_UP = "cleaning up"
"""Shown once every item is done: workers delete what their items shared, 0.2 s each on a real server."""

_PLAIN_STEPS = 10
_PLAIN_S = 60.0
"""A tenth of a run against a slow target takes minutes: who reads its log must see that it goes on."""
_REFRESH_PER_SECOND = 8


class Progress:
    """Progress of a run.

    Call `start` once, `item` for each result, `finish` at the end, also after an interrupt. ``clock`` returns seconds,
    ``requirements`` those that say level and sentence of a failure.
    """

    def __init__(
        self,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        requirements: Callable[[], list[RequirementResult]] = list,
    ) -> None:
        self._console = console or Console()
        self._clock = clock
        self._live: Live | None = None
        self._total = 0
        self._started = 0.0
        self._requests = 0
        self._outcomes: Counter[Outcome] = Counter()
        self._current = ""
        self._next_line = 1
        self._line_at = 0.0
        self._remaining_time: Remaining | None = None
        self._requirements = requirements
        self._grouping = Grouping()

    def start(self, total_items: int, remaining: Remaining | None = None) -> None:
        """Begin to show progress over ``total_items`` items.

        ``remaining``: estimates the time left; without it each item is taken for as long as any other.
        """
        self._total = total_items
        self._remaining_time = remaining
        self._started = self._line_at = self._clock()
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self._render,
                refresh_per_second=_REFRESH_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def item(self, result: ItemResult) -> None:
        """Count a finished item."""
        self._outcomes[result.outcome] += 1
        self._requests += result.requests
        if self._remaining_time is not None:
            self._remaining_time.done(result)
        self._current = result.operation or result.id.rpartition("::")[2]
        for failure in result.failures:
            number = self._grouping.add(failure)
            if failure.counts and self._grouping.root(number) == number:
                self._name(failure)
        is_tenth = self._done * _PLAIN_STEPS >= self._next_line * self._total
        if self._live is None and (is_tenth or self._clock() - self._line_at >= _PLAIN_S):
            self._next_line = self._done * _PLAIN_STEPS // max(self._total, 1) + 1
            self._line_at = self._clock()
            self._console.print(Text(self._plain_line()), soft_wrap=True)

    def finish(self) -> None:
        """Stop the display; calling it again does nothing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _name(self, failure: Failure) -> None:
        """Name a cause whose first failure has come: one line, cut where a terminal ends, whole in a log."""
        (cause,) = causes_of([failure], self._requirements())
        print_cause(self._console, cause, "failing: ")

    @property
    def _done(self) -> int:
        return self._outcomes.total()

    @property
    def _elapsed(self) -> float:
        return max(self._clock() - self._started, 1e-9)

    @property
    def _remaining(self) -> str:
        if not self._done:
            return "?"
        if self._remaining_time is not None:
            return duration(self._remaining_time.seconds(self._elapsed))
        return duration(self._elapsed / self._done * max(self._total - self._done, 0))

    def _counts(self) -> Iterator[tuple[Outcome, int]]:
        """Passed and failed always, other outcomes where there are some."""
        for outcome in OUTCOME_STYLES:
            if self._outcomes[outcome] or outcome in ("passed", "failed"):
                yield outcome, self._outcomes[outcome]

    def _plain_line(self) -> str:
        counts = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in self._counts())
        percent = 100 * self._done // max(self._total, 1)
        return (
            f"{percent:3d} % {self._done}/{self._total} items: {counts}; {self._requests} requests, "
            f"{self._requests / self._elapsed:.0f}/s; {duration(self._elapsed)} elapsed, "
            f"{CLEANING_UP if self._done == self._total else f'{self._remaining} to go'}"
        )

    def _render(self) -> Table:
        counts = Text(no_wrap=True, overflow="ellipsis")
        for outcome, count in self._counts():
            style = OUTCOME_STYLES[outcome] if count else "dim"
            counts.append(f"{count} {outcome.replace('_', ' ')}  ", style=style)
        counts.append(f"{self._requests / self._elapsed:.0f} req/s", style="dim")
        line = Table.grid(padding=(0, 2))
        line.add_row(
            ProgressBar(total=max(self._total, 1), completed=self._done, width=24),
            f"{self._done}/{self._total}",
            counts,
            Text(f"{duration(self._elapsed)} < {self._remaining}", style="dim", no_wrap=True),
            Text(
                CLEANING_UP if self._done == self._total else self._current,
                style="dim",
                no_wrap=True,
                overflow="ellipsis",
            ),
        )
        return line
