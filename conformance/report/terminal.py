"""What a terminal shows at the end of a run, on one screen: verdict, counts, the gravest causes, where the rest is."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from conformance.report.causes import Cause, causes, failing, overview
from conformance.report.json_report import attribution, sentence
from conformance.report.left_out import sentence as sentence_of
from conformance.report.left_out import summed_up
from conformance.report.load import ConfigWrites, most_expensive
from conformance.report.one_line import cut, plain, print_cause
from conformance.report.text import IN_CONSEQUENCE, WHAT_IS_LEFT, counted, duration, seeds_told, visible, words
from conformance.result import Failure, RunResult, Verdict

VERDICT_STYLES: dict[Verdict, str] = {
    "conformant": "bold green",
    "conformant_with_waivers": "bold green",
    "partial": "bold yellow",
    "non_conformant": "bold red",
    "inconclusive": "bold yellow",
}

MOST_CAUSES_SHOWN = 5
MOST_UNOBSERVED_SHOWN = 3
MOST_REASONS_SHOWN = 5
MOST_CONSEQUENCES_SHOWN = 3


def summary(run: RunResult, console: Console, report: Path | None = None, *, quiet: bool = False) -> None:
    """Print how a run ended: the gravest causes, what was left out, and last verdict, counts and where the rest is.

    ``report``: the file to look into. ``quiet``: nothing but the end.
    """
    _Summary(run, console).show(report, quiet=quiet)


def costs(run: RunResult, console: Console, most: int) -> None:
    """Print the ``most`` items that cost the target most: configuration writes, requests, seconds."""
    _Summary(run, console).costs(most)


def details(run: RunResult, console: Console) -> None:
    """Print every cause with the lines that show it again."""
    _Summary(run, console).cards(len(run.failures))


class _Summary:
    def __init__(self, run: RunResult, console: Console) -> None:
        self.run = run
        self.console = console
        self.causes = failing(causes(run))

    def show(self, report: Path | None, *, quiet: bool) -> None:
        if not quiet:
            self.cards(MOST_CAUSES_SHOWN)
            self._waivers()
            self._left_out()
            self._inventory()
        self._verdict()
        self._first_causes()
        self._where_next(report)

    def _verdict(self) -> None:
        run, totals = self.run, self.run.totals()
        self.console.print()
        style = VERDICT_STYLES[run.verdict]
        word = words(run.verdict).upper()
        self._line(Text.assemble("Verdict: ", (f"{word}, {run.extent}, {run.operations_extent}", style)))
        if run.values:
            self._line(Text(f"Values: {run.values_extent} of the contract were sent and taken", style="dim"))
        if run.deployment:
            self._short(Text(f"Target: {'; '.join(run.deployment)}", style="dim"))
        told = {sentence(cause.headline) for cause in self.causes}
        reasons = [reason for reason in run.reasons if reason not in told and not self._is_about_causes(reason)]
        for reason in reasons[:MOST_REASONS_SHOWN]:
            self._short(Text(f"  - {reason}"))
        if len(reasons) > MOST_REASONS_SHOWN:
            self._short(Text(f"  - and {len(reasons) - MOST_REASONS_SHOWN} more reasons, all of them in the report"))
        counts = ", ".join(f"{count} {name}" for name, count in totals.items() if name != "requests")
        self._line(
            Text(
                f"{len(run.items)} items ({counts}), {totals['requests']} requests in {duration(run.duration_s)}, "
                f"{seeds_told(run.seeds)}, profile {run.profile}, {run.mode}",
                style="dim",
            )
        )

    def _is_about_causes(self, reason: str) -> bool:
        """Whether a reason says what the list of causes says as well."""
        return bool(self.causes) and (
            reason == f"{overview(self.causes)}." or (reason.startswith("And ") and reason.endswith(" more causes."))
        )

    def _first_causes(self) -> None:
        if not self.causes:
            return
        shown = self.causes[:MOST_CAUSES_SHOWN]
        first = "" if len(shown) == len(self.causes) else f"; the {len(shown)} gravest"
        self._line(Text(f"{overview(self.causes)}{first}:", style="bold"))
        for cause in shown:
            print_cause(self.console, cause, f"  {cause.level} ")

    def costs(self, most: int) -> None:
        """The most expensive items, a line each."""
        writes = ConfigWrites.of(self.run)
        self.console.print()
        total = f"{counted(writes.accepted, 'configuration write')} in all, {writes.cleanup} in the clean-up"
        self._line(Text(f"Most expensive items ({total}):", style="bold"))
        for cost in most_expensive(self.run, most):
            told = f"{counted(cost.writes, 'write')}, {counted(cost.requests, 'request')}, {cost.seconds:.1f} s"
            self._line(Text.assemble(f"{cost.item}: ", (told, "dim")), indent=2)

    def _where_next(self, report: Path | None) -> None:
        if self.causes:
            lead = next((failure.id for failure in self.causes[0].counting if failure.id), "")
            folder = "" if report is None or report.parent == Path("reports") else f" {shlex.quote(str(report.parent))}"
            where = f" --report-dir{folder}" if folder else ""
            named = "" if self.run.embedded else " (and the options that name the target)"
            self._line(Text(f"Again: emqx-conformance run --last-failed{where}{named}", style="dim"))
            if lead:
                needed = "" if self.run.embedded else " (and its credentials and listener)"
                self._line(Text(f"One of them: emqx-conformance run --replay {lead}{folder}{needed}", style="dim"))
        if report is not None:
            rest = f" (all {len(self.causes)} causes)" if len(self.causes) > MOST_CAUSES_SHOWN else ""
            self._line(Text(f"Report{rest}: {report}", style="dim"))

    def cards(self, most: int) -> None:
        """The first causes, each with the failure that tells most of it."""
        for cause in self.causes[:most]:
            self.console.print()
            self._line(Text.assemble((cause.sentence, "bold red"), (f" {cause.facts}", "dim")))
            self._line(Text(", ".join(cause.operations) or cause.where, style="bold"), indent=2)
            self._failure(cause)

    def _failure(self, cause: Cause) -> None:
        failure = cause.lead
        seen = f" (seen {failure.seen} times)" if failure.seen > 1 else ""
        message = sentence(failure.message + seen)
        text = Text.assemble(message, (f" {attribution(failure)}", "dim"))
        self._line(text, indent=2)
        breaks = ", ".join(cause.requirements)
        self._line(Text(f"breaks {breaks}; cause {cause.id}, failure {failure.id or '-'}", style="dim"), indent=2)
        self._consequences(cause.consequences)
        if failure.request_id:
            self._line(Text(f"request id {failure.request_id}", style="dim"), indent=2)
        if failure.curl:
            # Logical lines however narrow the terminal is, without indent: they must survive copy and paste.
            self.console.print(Text(visible(failure.curl), style="dim"), soft_wrap=True)

    def _consequences(self, found: Sequence[Failure]) -> None:
        for failure in found[:MOST_CONSEQUENCES_SHOWN]:
            what = (
                f"{IN_CONSEQUENCE}: {failure.operation or failure.item} [{failure.check}] {sentence(failure.message)}"
            )
            self._line(Text(what, style="dim"), indent=4)
        if len(found) > MOST_CONSEQUENCES_SHOWN:
            self._line(Text(f"and {len(found) - MOST_CONSEQUENCES_SHOWN} more {IN_CONSEQUENCE}", style="dim"), indent=4)

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
            count = f", {counted(use.failures, 'failure')}" if use.failures else ""
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

    def _some(self, lines: Sequence[str], most: int = 10) -> None:
        for line in lines[:most]:
            self._line(Text(line), indent=2)
        if len(lines) > most:
            self._line(Text(f"and {len(lines) - most} other reasons"), indent=2)

    def _inventory(self) -> None:
        if self.run.inventory is not None:
            self.console.print()
            self._line(Text(WHAT_IS_LEFT, style="bold"))
            for told in self.run.inventory.sentences():
                self._line(Text(told), indent=2)

    def _short(self, text: Text) -> None:
        """Print a line that is cut where a terminal ends, so that the end of a run fits on one screen."""
        if self.console.is_terminal:
            text = Text(cut(_plain_start(text.plain), self.console.width), style=text.style)
        self._line(text)

    def _line(self, text: Text, indent: int = 0) -> None:
        """Print a line, wrapped and indented in a terminal, as one long line where a log is searched."""
        if visible(text.plain) != text.plain:
            text = Text(visible(text.plain), style=text.style)
        if self.console.is_terminal:
            self.console.print(Padding(text, (0, 0, 0, indent), expand=False), highlight=False)
        else:
            self.console.print(Text(" " * indent) + text, soft_wrap=True)


def _plain_start(text: str) -> str:
    """In one line, indented as it was."""
    return " " * (len(text) - len(text.lstrip(" "))) + plain(text)
