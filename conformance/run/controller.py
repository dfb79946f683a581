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
from conformance.catalogue.coverage import account_values
from conformance.catalogue.registry import catalogue
from conformance.checks.consequences import settle
from conformance.checks.whole_run import Aftermath, inventory_result, waive
from conformance.contract import load_contract
from conformance.exit_codes import INCONCLUSIVE, USAGE_ERROR
from conformance.report import har
from conformance.report.comparison import Comparison
from conformance.report.decoding import item_from
from conformance.report.errors import ReportError, UnwritableError
from conformance.report.formats import FORMATS
from conformance.report.left_out import of_version
from conformance.report.statement import write_statement
from conformance.report.text import seeds_told, visible
from conformance.report.verdict import Selection, decide, exit_code
from conformance.report.writers import Written, write_reports
from conformance.result import ItemResult, LeftOut, PartSelected, RunResult, Shard
from conformance.run import allure_results, internal_error
from conformance.run.baseline import Baseline, exit_code_since, read_baseline
from conformance.run.beginning import Beginning, StartError, begin, check_names
from conformance.run.choice import Choice, check_choice, make_choice, tags_of
from conformance.run.costs import Costs, shipped_costs
from conformance.run.dispatch import Dispatch, known_costs
from conformance.run.ending import EndOfRun
from conformance.run.item_life import REPORT_KEY
from conformance.run.node_ids import operation_of, requirements_of
from conformance.run.postponed import send_postponed
from conformance.run.sharding import share
from conformance.run.unstarted import report_unstarted
from conformance.run.workers import sentence as workers_told
from conformance.target.errors import ConfigurationError, Unwritable
from conformance.target.leftovers.cleanup import Left
from conformance.target.settings.config import report_directory
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
        self.since: Comparison | None = None
        self.choice = choice or Choice()
        self.directory = beginning.directory
        self.before = beginning.before
        self.embedded = beginning.embedded
        self.interrupts = beginning.interrupts
        self.started = beginning.started
        self.contract = load_contract(plan.configuration.contract, plan.contract_version)
        self.dispatch = Dispatch(plan, self.contract, self.choice, costs or shipped_costs())
        self.redact = redactor(plan.configuration, self.contract)
        self.items: dict[str, ItemResult] = {}
        self.expected: dict[str, None] = {}
        self.selection: PartSelected | None = None
        self.whole: PartSelected | None = None
        self.shard: Shard | None = Shard(*self.choice.shard) if self.choice.shard is not None else None
        self.troubles: list[str] = []
        self.left: list[Left] = []
        self.finished: list[str] = []
        self.config_cleanup: Counter[str] = Counter(plan.preflight_writes)
        self.aftermath: Aftermath | None = None
        self.about_the_run: list[ItemResult] = []
        self.result: RunResult | None = None
        self.written = Written()
        self.wrong_usage = False
        self.abandoned: StartError | None = None
        self.progress: Any = None
        self.unneeded_waivers: list[str] = []
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
            choice = make_choice(chosen or {}, directory)
            baseline = read_baseline(options, environment)
            costs = known_costs(directory)
        except ConfigurationError as error:
            raise StartError(str(error), USAGE_ERROR) from None
        return cls(begin(options, environment, shard=choice.shard, demanding=demanding), choice, baseline, costs)

    def check_names(self) -> None:
        """Raise `StartError` if a waiver, an extension or the choice of items names something that does not exist."""
        check_names(self.plan)
        try:
            check_choice(self.choice, {entry.id for entry in catalogue()}, self.contract)
        except ConfigurationError as error:
            raise StartError(str(error), USAGE_ERROR) from None

    def number_chosen(self, items: Sequence[pytest.Item]) -> int:
        """How many of ``items`` the user chose, about."""
        return share(self.choice.of(items, tags_of(self.contract))[0], self.choice.shard)

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
        if self.result is None or self.written.problem is not None:
            return INCONCLUSIVE
        if self.wrong_usage or self.unneeded_waivers:
            return USAGE_ERROR
        code = exit_code(self.result.verdict, self.result.left_out)
        return code if self.since is None else exit_code_since(code, self.since)

    def headline(self, workers: int) -> str:
        """What is about to run, in one line, and with how many ``workers``."""
        plan = self.plan
        target = "embedded reference deployment" if self.embedded else plan.configuration.base_url
        version = visible(plan.capabilities.version or "of unknown version")
        extensions = "".join(f", extension {extension}" for extension in installed())
        part = f", {self.shard.words}" if self.shard is not None else ""
        against = f" (checked against the contract of {self.contract.version})" if self._of_version() else ""
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
        self._expect(ids)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.selection = self.selection or PartSelected()
        self.whole = self.whole or PartSelected()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect([item.nodeid for item in session.items])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        value = getattr(report, REPORT_KEY, None)
        if value is not None:
            self._finished(item_from(value))
        elif str(report.when) == "???":  # what xdist reports for the item a dying worker ran
            reason = f"the worker that ran it died: {str(report.longrepr).strip()}"
            self.troubles.append(reason)
            self._finished(self._unfinished(report.nodeid, "error", reason))

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
            self.shard = Shard(**shard)
        self.config_cleanup.update(config_cleanup)
        self.left += [Left(**fields) for fields in left]
        for trouble in troubles:
            self.note(trouble)
        if cleaned_up:
            self.finished.append(worker)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.expected or self._has_nothing_to_do:
            self._end()
        elif not self.troubles:
            self.troubles.append("the selection matches no item")
            self.wrong_usage = True
        self.conclude(session.config)
        session.exitstatus = self.exit_code()

    def conclude(self, config: pytest.Config | None = None) -> None:
        """End the run with a verdict and its reports; ``config``: with results for allure, where pytest has them."""
        self.stop()
        self.result = self._decide()
        if config is not None:
            try:
                allure_results.write_results(self.about_the_run, config)
            except ReportError as error:
                self._unreported(error)
        self.written = write_reports(self.result, self.directory.path)
        if self.plan.configuration.har and self.written.problem is None:
            self._keep_exchanges(self.result)
        if self.written.problem is None and self.shard is None:
            self._state()
        if self.written.problem is not None:
            self._unreported(self.written.problem)
            # Once more: what is there in the end says the same as the exit code.
            self.written.files = write_reports(self.result, self.directory.path).files
        self._remove_state()

    def _state(self) -> None:
        """Say what the reports rest on; nobody accepts a part of a run."""
        try:
            self.written.files.append(write_statement(self.directory.path, self.plan.configuration.waivers))
        except ReportError as error:
            self.written.problem = error

    def _keep_exchanges(self, result: RunResult) -> None:
        parts = state_folder(self.plan.configuration, self.plan.run_id).glob("exchanges-*.jsonl")
        try:
            har.gather(parts, self.directory.path)
            self.written.files.append(FORMATS["har"].write(result, self.directory.path))
        except ReportError as error:
            self.written.problem = error

    def _unreported(self, error: ReportError) -> None:
        """A verdict that nobody can look into is none."""
        if isinstance(error, UnwritableError):
            self.note(str(Unwritable(self.directory.path, error.error)))
        else:
            self.note(str(error))
        self.result = replace(self._decide(), verdict="inconclusive")

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
        if trouble not in self.troubles:
            self.troubles.append(trouble)

    def _expect(self, ids: list[str]) -> None:
        self.expected.update(dict.fromkeys(ids))

    def _finished(self, item: ItemResult) -> None:
        self.items[item.id] = item
        most = self.choice.max_failures
        if most is not None and sum(one.outcome == "failed" for one in self.items.values()) == most:
            stop_flag(self.plan).set(f"ended after {most} failed item{'' if most == 1 else 's'} (--max-failures)")
        if self.progress is not None:
            self.progress.item(item)

    def _unfinished(self, node_id: str, outcome: Any, reason: str) -> ItemResult:
        return ItemResult(node_id, requirements_of(node_id), operation_of(node_id), outcome, reason)

    def _end(self) -> None:
        """Do what comes last, clean up, and look at the target once more, unless the user does not want to wait."""
        try:
            with self.interrupts.interruptible():
                self._send_postponed()
                ending = EndOfRun(self.plan, self.finished, self.left, self.troubles)
                self.aftermath = ending.conclude(self.before, self._items())
        except KeyboardInterrupt:
            ending = EndOfRun(self.plan, self.finished, self.left, self.troubles, lost=INTERRUPTED)
            self.aftermath = ending.conclude(self.before, self._items())
        self.troubles = ending.troubles
        self.config_cleanup.update(ending.config_cleanup)

    def _send_postponed(self) -> None:
        if stop_flag(self.plan).reason() is None and not self.troubles:
            waivers = load_waivers(*self.plan.configuration.waivers)
            left, troubles, cleanup = send_postponed(self.plan, self.items.values(), waivers)
            self.left += left
            self.troubles += troubles
            self.config_cleanup.update(cleanup)

    def _items(self) -> list[ItemResult]:
        """A result for every item that was selected."""
        list(catalogue())  # the requirements of items that only workers have imported
        why = stop_flag(self.plan).reason() or next(iter(self.troubles), "the run ended before it")
        for node_id in self.expected:
            if node_id not in self.items:
                self.items[node_id] = self._unfinished(node_id, "not_run", why)
        return list(self.items.values())

    @property
    def _has_nothing_to_do(self) -> bool:
        """Whether other shards have all the items."""
        return self.shard is not None and bool(self.shard.items) and not self.expected

    def _of_version(self) -> LeftOut | None:
        told, named = self.plan.capabilities.version, self.plan.configuration.emqx_version
        return of_version(told, named, self.contract.version)

    def _decide(self) -> RunResult:
        requirements = list(catalogue())
        plan = self.plan
        waivers = load_waivers(*plan.configuration.waivers)
        items = self._items()
        settle(items)
        if self.aftermath is not None:
            self.about_the_run = self.aftermath.results()
            if waivers is not None:
                for item in self.about_the_run:
                    waive(item, waivers, plan.capabilities.version)
            items += self.about_the_run
        selection = Selection(
            catalogue=requirements,
            operations=list(self.contract.operations),
            complete=self.selection is None,
            mode=plan.configuration.mode,
            part=self.selection.words if self.selection is not None else "",
            of_run=[entry for entry in [self._of_version()] if entry is not None],
            tags=tags_of(self.contract),
            may_be_empty=self._has_nothing_to_do,
        )
        if self.shard is not None:
            self.shard.selection = self.whole
        decision = decide(items, selection, self.troubles)
        failures = [failure for item in items for failure in item.failures]
        result = RunResult(
            verdict=decision.verdict,
            reasons=decision.reasons,
            suite=f"emqx-conformance {__version__}",
            run_id=plan.run_id,
            contract_digest=self.contract.digest,
            contract_variant=self.contract.variant,
            described_version=self.contract.version,
            base_url=plan.configuration.base_url or "",
            target_version=plan.capabilities.version,
            deployment=[*plan.capabilities.profile.sentences(), *plan.configuration.bounds.sentences()],
            seed=plan.seed,
            more_seeds=list(plan.more_seeds),
            troubles=list(dict.fromkeys(self.troubles)),
            profile=plan.configuration.profile,
            started_at=plan.started_at,
            duration_s=round(time.monotonic() - self.started, 3),
            items=items,
            requirements=decision.requirements,
            operations=decision.operations,
            failures=failures,
            waivers=waivers.uses(failures, plan.capabilities.version) if waivers else [],
            mode=plan.configuration.mode.words,
            selection=self.selection,
            left_out=decision.left_out,
            warnings=list(plan.capabilities.warnings),
            inventory=inventory_result(self.aftermath) if self.aftermath is not None else None,
            extensions=[str(extension) for extension in installed()],
            embedded=self.embedded is not None,
            values=account_values(self.contract, items),
            shard=self.shard,
            config_cleanup=dict(self.config_cleanup),
        )
        if self.baseline is not None and result.verdict != "inconclusive":
            self.since = self.baseline.compare(result)
            result.reasons.append(self.baseline.sentence(self.since))
        if waivers is not None and plan.configuration.strict_waivers:
            random = {requirement.id for requirement in requirements if requirement.random}
            self.unneeded_waivers = waivers.unneeded(result, random)
            result.reasons += [
                f"Waiver {identifier} is not needed any more: what it waives was checked and nothing failed."
                for identifier in self.unneeded_waivers
            ]
        return result
