"""What a terminal shows: progress while a run goes on, a summary at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from conformance.report.json_report import attribution, sentence
from conformance.report.left_out import sentence as sentence_of
from conformance.report.left_out import summed_up
from conformance.report.text import visible
from conformance.result import Failure, ItemResult, Outcome, RunResult, Verdict

VERDICT_STYLES: dict[Verdict, str] = {
    "conformant": "bold green",
    "conformant_with_waivers": "bold green",
    "partial": "bold yellow",
    "non_conformant": "bold red",
    "inconclusive": "bold yellow",
}
OUTCOME_STYLES: dict[Outcome, str] = {
    "passed": "green",
    "failed": "red",
    "waived": "cyan",
    "skipped": "dim",
    "error": "yellow",
    "not_run": "yellow",
    "not_selected": "dim",
}

MOST_FAILURES_SHOWN = 30
MOST_UNOBSERVED_SHOWN = 3
MOST_REASONS_SHOWN = 10
MOST_CONSEQUENCES_SHOWN = 3
CLEANING_UP = "cleaning up"
"""Shown once every item is done: workers delete what their items shared, 0.2 s each on a real server."""
_PLAIN_STEPS = 10
_REFRESH_PER_SECOND = 8


class Progress:
    """Progress of a run: a live line in a terminal, elsewhere a plain line each time a tenth is done.

    Call `start` once, `item` for each result, `finish` at the end, also after an interrupt. ``clock`` returns seconds.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console()
        self._clock = clock
        self._live: Live | None = None
        self._total = 0
        self._started = 0.0
        self._requests = 0
        self._outcomes: Counter[Outcome] = Counter()
        self._current = ""
        self._next_line = 1

    def start(self, total_items: int) -> None:
        """Begin to show progress over ``total_items`` items."""
        self._total = total_items
        self._started = self._clock()
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
        self._current = result.operation or result.id.rpartition("::")[2]
        if self._live is None and self._done * _PLAIN_STEPS >= self._next_line * self._total:
            self._next_line = self._done * _PLAIN_STEPS // max(self._total, 1) + 1
            self._console.print(Text(self._plain_line()), soft_wrap=True)

    def finish(self) -> None:
        """Stop the display; calling it again does nothing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

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
        counts = Text()
        for outcome, count in self._counts():
            style = OUTCOME_STYLES[outcome] if count else "dim"
            counts.append(f"{count} {outcome.replace('_', ' ')}  ", style=style)
        counts.append(f"{self._requests / self._elapsed:.0f} req/s", style="dim")
        line = Table.grid(padding=(0, 2))
        line.add_row(
            ProgressBar(total=max(self._total, 1), completed=self._done, width=24),
            f"{self._done}/{self._total}",
            counts,
            Text(f"{duration(self._elapsed)} < {self._remaining}", style="dim"),
            Text(
                CLEANING_UP if self._done == self._total else self._current,
                style="dim",
                no_wrap=True,
                overflow="ellipsis",
            ),
        )
        return line


def summary(run: RunResult, console: Console, report: Path | None = None) -> None:
    """Print how a run ended: verdict, reasons, failures by requirement and operation, which file is its ``report``."""
    _Summary(run, console).show(report)


class _Summary:
    def __init__(self, run: RunResult, console: Console) -> None:
        self.run = run
        self.console = console

    def show(self, report: Path | None) -> None:
        self._failures()
        self._waivers()
        self._left_out()
        self._inventory()
        self._verdict()
        if report is not None:
            self._line(Text(f"Report: {report}", style="dim"))

    def _verdict(self) -> None:
        run, totals = self.run, self.run.totals()
        self.console.print()
        style = VERDICT_STYLES[run.verdict]
        word = run.verdict.replace("_", " ").upper()
        self._line(Text.assemble("Verdict: ", (f"{word}, {run.extent}, {run.operations_extent}", style)))
        if run.values:
            self._line(Text(f"Values: {run.values_extent} of the contract were sent and taken", style="dim"))
        if run.deployment:
            self._line(Text(f"Target: {'; '.join(run.deployment)}", style="dim"))
        for reason in run.reasons:
            self._line(Text(f"- {reason}"), indent=2)
        counts = ", ".join(f"{count} {name}" for name, count in totals.items() if name != "requests")
        self._line(
            Text(
                f"{len(run.items)} items ({counts}), {totals['requests']} requests in {duration(run.duration_s)}, "
                f"seed {run.seed}, profile {run.profile}, {run.mode}",
                style="dim",
            )
        )

    def _failures(self) -> None:
        unwaived = sorted(
            (failure for failure in self.run.failures if failure.counts),
            key=lambda failure: (failure.requirement, failure.operation or "", failure.check),
        )
        titles = {requirement.id: requirement.title for requirement in self.run.requirements}
        shown = unwaived[:MOST_FAILURES_SHOWN]
        for requirement, of_requirement in groupby(shown, key=lambda failure: failure.requirement):
            self.console.print()
            self._line(Text.assemble((requirement, "bold red"), f" {titles.get(requirement, '')}"))
            for operation, failures in groupby(of_requirement, key=lambda failure: failure.operation):
                self._line(Text(operation or "(no single operation)", style="bold"), indent=2)
                for failure in failures:
                    self._failure(failure)
        if len(unwaived) > len(shown):
            self.console.print()
            self._line(Text(f"... and {len(unwaived) - len(shown)} more failures, all of them in the report."))

    def _failure(self, failure: Failure) -> None:
        seen = f" (seen {failure.seen} times)" if failure.seen > 1 else ""
        message = sentence(failure.message + seen)
        text = Text.assemble((f"[{failure.check}] ", "red"), message, (f" {attribution(failure)}", "dim"))
        self._line(text, indent=4)
        self._consequences(failure)
        if failure.request_id:
            self._line(Text(f"request id {failure.request_id}", style="dim"), indent=4)
        if failure.curl:
            # Logical lines however narrow the terminal is, without indent: they must survive copy and paste.
            self.console.print(Text(visible(failure.curl), style="dim"), soft_wrap=True)

    def _consequences(self, cause: Failure) -> None:
        found = self.run.consequences_of(cause)
        for failure in found[:MOST_CONSEQUENCES_SHOWN]:
            what = f"in consequence: {failure.operation or failure.item} [{failure.check}] {sentence(failure.message)}"
            self._line(Text(what, style="dim"), indent=6)
        if len(found) > MOST_CONSEQUENCES_SHOWN:
            self._line(Text(f"and {len(found) - MOST_CONSEQUENCES_SHOWN} more in consequence", style="dim"), indent=6)

    def _waivers(self) -> None:
        if self.run.waivers:
            self.console.print()
            self._line(Text("Waivers", style="bold"))
        styles = {"reproduced": "cyan", "unobserved": "dim", "expired": "yellow"}
        unobserved = [use for use in self.run.waivers if use.state == "unobserved"]
        few = len(unobserved) <= MOST_UNOBSERVED_SHOWN
        for use in self.run.waivers:
            if use.state == "unobserved" and not few:
                continue
            count = f", {use.failures} failure{'' if use.failures == 1 else 's'}" if use.failures else ""
            state = Text(f"{use.state}{count}", style=styles[use.state])
            self._line(
                Text.assemble(f"{use.id}: ", state, f", until {use.expires}, {use.owner}: {use.reason}"), indent=2
            )

        if not few:
            self._line(
                Text(f"{len(unobserved)} more were not needed in this run, see the report", style="dim"), indent=2
            )

    def _left_out(self) -> None:
        for line, entries in summed_up(self.run.left_out):
            self.console.print()
            self._line(Text(line, style="bold"))
            self._some([sentence_of(entry) for entry in entries])
        if self.run.warnings:
            self.console.print()
            self._line(Text("Warnings", style="bold"))
            self._some(self.run.warnings)
        not_run = Counter(item.reason for item in self.run.items if item.outcome == "not_run")
        if not_run:
            self.console.print()
            self._line(Text("Not run", style="bold"))
            self._some([f"{count:5d} {reason}" for reason, count in not_run.most_common()])

    def _some(self, lines: Sequence[str]) -> None:
        for line in lines[:MOST_REASONS_SHOWN]:
            self._line(Text(line), indent=2)
        if len(lines) > MOST_REASONS_SHOWN:
            self._line(Text(f"and {len(lines) - MOST_REASONS_SHOWN} other reasons"), indent=2)

    def _inventory(self) -> None:
        if self.run.inventory is not None:
            self.console.print()
            self._line(Text("What the run left", style="bold"))
            for sentence in self.run.inventory.sentences():
                self._line(Text(sentence), indent=2)

    def _line(self, text: Text, indent: int = 0) -> None:
        """Print a line, wrapped and indented in a terminal, as one long line where a log is searched."""
        if visible(text.plain) != text.plain:
            text = Text(visible(text.plain), style=text.style)
        if self.console.is_terminal:
            self.console.print(Padding(text, (0, 0, 0, indent), expand=False), highlight=False)
        else:
            self.console.print(Text(" " * indent) + text, soft_wrap=True)


def duration(seconds: float) -> str:
    """``75.3`` -> ``1m15s``; below a minute with one decimal."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"
