"""The controller of a run: starts it, gathers what the workers report, and ends it with a verdict."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from conformance import __version__
from conformance.contract import load_contract
from conformance.exit_codes import INCONCLUSIVE, USAGE_ERROR
from conformance.report.decoding import item_from
from conformance.report.errors import ReportError, UnwritableError
from conformance.report.text import seeds_told, visible
from conformance.report.writers import Written, write_reports
from conformance.result import ItemResult, PartSelected, RunResult, Shard
from conformance.run import allure_results, internal_error
from conformance.run.baseline import Baseline, read_baseline
from conformance.run.beginning import Beginning, StartError, begin, check_names
from conformance.run.choice import Choice, check_choice, make_choice, tags_of
from conformance.run.costs import Costs, shipped_costs
from conformance.run.deciding import Decided, decide_run, version_left_out
from conformance.run.dispatch import Dispatch, known_costs
from conformance.run.ending import EndOfRun
from conformance.run.gathered import Gathered, unfinished
from conformance.run.item_life import REPORT_KEY
from conformance.run.postponed import send_postponed
from conformance.run.run_reports import write_run
from conformance.run.sharding import share
from conformance.run.unstarted import report_unstarted
from conformance.run.workers import sentence as workers_told
from conformance.target.errors import ConfigurationError, Unwritable
from conformance.target.leftovers.cleanup import Left
from conformance.target.settings.config import names_target, report_directory
from conformance.waivers import load_waivers
from conformance.worker.context import redactor, state_folder, stop_flag
from conformance.worker.stopping import INTERRUPTED
from emqx_conformance_extensions import installed


class Controller:
    """Pytest hooks of the process that owns the run."""

    def __init__(
        self,
        beginning: Beginning,
        choice: Choice | None = None,
        baseline: Baseline | None = None,
        costs: Costs | None = None,
    ) -> None:
        self.plan = plan = beginning.plan
        self.baseline = baseline
        self.choice = choice or Choice()
        self.directory = beginning.directory
        self.before = beginning.before
        self.embedded = beginning.embedded
        self.interrupts = beginning.interrupts
        self.started = beginning.started
        self.contract = load_contract(plan.configuration.contract, plan.contract_version)
        self.dispatch = Dispatch(plan, self.contract, self.choice, costs or shipped_costs())
        self.redact = redactor(plan.configuration, self.contract)
        self.gathered = Gathered(
            config_cleanup=Counter(plan.preflight_writes),
            shard=Shard(*self.choice.shard) if self.choice.shard is not None else None,
        )
        self.decided: Decided | None = None
        self.written = Written()
        self.wrong_usage = False
        self.abandoned: StartError | None = None
        self.progress: Any = None
        self._has_internal_error = False
        self.interrupts.ask(self._interrupted)

    @classmethod
    def start(
        cls,
        options: Mapping[str, Any],
        chosen: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        demanding: bool = True,
    ) -> Controller:
        """Begin a run; raises `StartError`.

        ``options``, ``environment`` and ``demanding`` as in `conformance.run.beginning.begin`, ``chosen`` as in
        `conformance.run.choice.make_choice`.
        """
        try:
            directory = report_directory(options, environment)
            choice = make_choice(chosen or {}, directory, elsewhere=names_target(options, environment))
            # A slip of the pen must not cost the report of the run before. Every version has the same operations.
            check_choice(choice, load_contract())
            baseline = read_baseline(options, environment)
            costs = known_costs(directory)
        except ConfigurationError as error:
            raise StartError(str(error), USAGE_ERROR) from None
        return cls(begin(options, environment, shard=choice.shard, demanding=demanding), choice, baseline, costs)

    def check_names(self) -> None:
        """Raise `StartError` if a waiver or an extension names something that does not exist."""
        check_names(self.plan)

    def number_chosen(self, items: Sequence[pytest.Item]) -> int:
        """How many of ``items`` the user chose, about."""
        return share(self.choice.of(items, tags_of(self.contract))[0], self.choice.shard)

    @property
    def result(self) -> RunResult | None:
        """The result of the run, once it is over."""
        return None if self.decided is None else self.decided.result

    def stop(self) -> None:
        """End the embedded deployment, if there is one."""
        if self.embedded is not None:
            self.embedded.stop()

    def abandon(self, error: StartError) -> None:
        """End a run that has begun, but cannot start after all."""
        self.abandoned = error
        self.stop()
        duration_s = time.monotonic() - self.started
        configuration = self.plan.configuration
        report_unstarted(error.reason, self.directory.path, configuration, duration_s, self.choice.shard)
        self._remove_state()

    def exit_code(self) -> int:
        """The exit code of the run, once it is over."""
        if self.decided is None or self.written.problem is not None:
            return INCONCLUSIVE
        return USAGE_ERROR if self.wrong_usage else self.decided.exit_code

    def headline(self, workers: int) -> str:
        """What is about to run, in one line, and with how many ``workers``."""
        plan = self.plan
        target = "embedded reference deployment" if self.embedded else plan.configuration.base_url
        version = visible(plan.capabilities.version or "of unknown version")
        extensions = "".join(f", extension {extension}" for extension in installed())
        shard = self.gathered.shard
        part = f", {shard.words}" if shard is not None else ""
        other_version = version_left_out(plan, self.contract) is not None
        against = f" (checked against the contract of {self.contract.version})" if other_version else ""
        return (
            f"emqx-conformance {__version__}: {target}, EMQX {version}{against}, profile {plan.configuration.profile}, "
            f"{plan.configuration.mode.words}, {seeds_told(plan.seeds)}, run {plan.run_id}{part}, "
            f"{workers_told(plan, workers)}{extensions}"
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["conformance"] = self.plan.as_json()
        node.workerinput["conformance_choice"] = self.choice.as_json()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        self.gathered.expect(ids)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.gathered.selection = self.gathered.selection or PartSelected()
        self.gathered.whole = self.gathered.whole or PartSelected()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.gathered.expect(item.nodeid for item in session.items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        value = getattr(report, REPORT_KEY, None)
        if value is not None:  # plain data, if another process ran the item
            self._finished(value if isinstance(value, ItemResult) else item_from(value))
        elif str(report.when) == "???":  # what xdist reports for the item a dying worker ran
            reason = f"the worker that ran it died: {str(report.longrepr).strip()}"
            self.note(reason)
            self._finished(unfinished(report.nodeid, "error", reason))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        output = getattr(node, "workeroutput", {}).get("conformance")
        if output is not None:
            self.worker_finished(**output)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """An item that does not exist is wrong usage with our exit code, not with that of pytest."""
        try:
            return (yield)
        except pytest.UsageError as error:
            self.wrong_usage = True
            pytest.exit(str(error).partition("\n")[0], returncode=USAGE_ERROR)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.note(INTERRUPTED if excinfo.errisinstance(KeyboardInterrupt) else str(excinfo.value))

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Whoever prints tracebacks prints this one without secrets; pytest itself need not."""
        traceback = internal_error.conceal(excrepr, self.redact.hide)
        what = internal_error.sentence(excinfo.typename, self.redact.hide(str(excinfo.value)))
        kept = internal_error.keep(traceback, self.plan.configuration.report_dir, first=not self._has_internal_error)
        self._has_internal_error = True
        self.note(what + kept)
        return True

    def worker_finished(
        self,
        worker: str,
        left: list[dict[str, Any]],
        troubles: list[str],
        *,
        cleaned_up: bool,
        config_cleanup: Mapping[str, int],
        shard: Mapping[str, Any] | None = None,
    ) -> None:
        """A worker is done: what it could not delete, why it stopped early, if it did, and whether it cleaned up.

        ``config_cleanup``: the configuration writes of that, by operation. ``shard``: the part of a whole that it
        worked on.
        """
        if shard is not None:
            self.gathered.shard = Shard(**shard)
        self.gathered.cleaned_up([Left(**fields) for fields in left], troubles, config_cleanup)
        if cleaned_up:
            self.gathered.finished.append(worker)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.gathered.expected or self.gathered.has_nothing_to_do:
            self._end()
        elif not self.gathered.troubles:
            self.note("the selection matches no item")
            self.wrong_usage = True
        self.conclude(session.config)
        session.exitstatus = self.exit_code()

    def conclude(self, config: pytest.Config | None = None) -> None:
        """End the run with a verdict and its reports; ``config``: with results for allure, where pytest has them."""
        self.stop()
        self.decided = self._decide()
        if config is not None:
            try:
                allure_results.write_results(self.decided.about_the_run, config)
            except ReportError as error:
                self.decided = self._undecided(error)
        self.written = write_run(self.decided.result, self.plan, self.directory.path)
        if self.written.problem is not None:
            self.decided = self._undecided(self.written.problem)
            # Once more: what is there in the end says the same as the exit code.
            self.written.files = write_reports(self.decided.result, self.directory.path).files
        self._remove_state()

    def _decide(self) -> Decided:
        return decide_run(
            self.plan,
            self.contract,
            self.gathered,
            stop_flag(self.plan),
            started=self.started,
            embedded=self.embedded is not None,
            baseline=self.baseline,
        )

    def _undecided(self, error: ReportError) -> Decided:
        """A verdict that nobody can look into is none."""
        if isinstance(error, UnwritableError):
            self.note(str(Unwritable(self.directory.path, error.error)))
        else:
            self.note(str(error))
        decided = self._decide()
        return replace(decided, result=replace(decided.result, verdict="inconclusive"))

    def _remove_state(self) -> None:
        shutil.rmtree(state_folder(self.plan.configuration, self.plan.run_id), ignore_errors=True)

    def pytest_unconfigure(self) -> None:
        self.interrupts.restore()
        self.directory.release()

    def pytest_report_header(self, config: pytest.Config) -> list[str]:
        workers = getattr(config.option, "numprocesses", None) or 0
        return [self.headline(workers), *(f"warning: {warning}" for warning in self.plan.configuration.warnings)]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.result is not None:
            terminalreporter.section(f"verdict: {self.result.verdict}, {self.result.extent}", bold=True)
            for reason in self.result.reasons:
                terminalreporter.write_line(f"  {reason}")
            if (report := self.written.best()) is not None:
                terminalreporter.write_line(f"  report: {report}")

    def _interrupted(self) -> None:
        stop_flag(self.plan).set(INTERRUPTED)
        self.note(INTERRUPTED)
        self.interrupts.say("interrupted: cleaning up and writing the report (once more leaves the rest to sweep)")

    def note(self, trouble: str) -> None:
        """Something spoils the run as a whole."""
        self.gathered.note(trouble)

    def _finished(self, item: ItemResult) -> None:
        self.gathered.items[item.id] = item
        most = self.choice.max_failures
        if most is not None and sum(one.outcome == "failed" for one in self.gathered.items.values()) == most:
            stop_flag(self.plan).set(f"ended after {most} failed item{'' if most == 1 else 's'} (--max-failures)")
        if self.progress is not None:
            self.progress.item(item)

    def _end(self) -> None:
        """Do what comes last, clean up, and look at the target once more, unless the user does not want to wait."""
        try:
            with self.interrupts.interruptible():
                self._send_postponed()
                self._look_again()
        except KeyboardInterrupt:
            self._look_again(lost=INTERRUPTED)

    def _look_again(self, lost: str = "") -> None:
        gathered = self.gathered
        ending = EndOfRun(self.plan, gathered.finished, gathered.left, gathered.troubles, lost=lost)
        gathered.aftermath = ending.conclude(self.before, gathered.results(stop_flag(self.plan).reason()))
        gathered.troubles = ending.troubles
        gathered.config_cleanup.update(ending.config_cleanup)

    def _send_postponed(self) -> None:
        if stop_flag(self.plan).reason() is None and not self.gathered.troubles:
            waivers = load_waivers(*self.plan.configuration.waivers)
            self.gathered.cleaned_up(*send_postponed(self.plan, self.gathered.items.values(), waivers))
