"""The life of one item in a worker: begin, run, judge, clean up, report."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, NoReturn

import pytest

from conformance.catalogue.profiles import counts
from conformance.checks.consequences import outcome_without
from conformance.checks.sightings import refused_read
from conformance.fuzz.repair import Repair
from conformance.omission import why_skipped as why_skipped_itself
from conformance.requirements import REQUIREMENTS
from conformance.result import PROVISIONAL, Failure, ItemResult, Omission, Outcome, Shard
from conformance.run import allure_results
from conformance.run.node_ids import operation_of, requirements_of
from conformance.run.skips import Skip, why_skipped
from conformance.target.capabilities import Capabilities
from conformance.target.errors import Inapplicable, RunStopped, SafetyViolation, TargetChanged, TargetLost, Unwritable
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Deviation, NotJson
from conformance.target.http.session import NoAnswer, Undelivered
from conformance.target.http.writes import Taken
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.cleanup import Left
from conformance.target.mqtt import MqttError
from conformance.target.resources.collection import ArrangeFailed
from conformance.waivers import WaiverFile
from conformance.worker.context import Context
from conformance.worker.stopping import INTERRUPTED, Interrupts

REPORT_KEY = "conformance"

NOT_YET = "what it sends comes when all other items are done, and the run ended before"
"""Why an item is undecided that has only sent postponed requests, until those are sent."""

_LOCKS = pytest.StashKey[ExitStack]()
_KEPT = pytest.StashKey[frozenset[Resource]]()
_SKIP = pytest.StashKey[Skip | None]()
_WRITES = pytest.StashKey[tuple[Taken, Taken]]()
_RESULT = pytest.StashKey[ItemResult]()


class NonConformance(AssertionError):
    """What an item found wrong, as text; the findings themselves are in the recorder."""


class SuiteError(Exception):
    """An error of the suite itself whose own text holds a secret."""


class ItemRunner:
    """Pytest hooks around each item of the suite; registered in every process that runs items."""

    def __init__(self, context: Context, waivers: WaiverFile | None, interrupts: Interrupts) -> None:
        self.context = context
        self.waivers = waivers
        self.interrupts = interrupts
        self.lost: str | None = None
        self.troubles: list[str] = []
        self.left: list[Left] = []
        self.shard: Shard | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Once the run is over no item begins; the controller accounts for those that did not.

        Many are left out, and are told of at once where pytest has nothing to set up or to tear down for them.
        """
        if self.context.stop.reason() is not None:
            return True
        skip = item.stash[_SKIP] = why_skipped(item, self.context)
        attended = allure_results.wanted(item.config) or nextitem is None or nextitem.parent is not item.parent
        if skip is None or attended:
            return None
        self._begin(item)
        result = self._omit(item, "skipped", skip.reason, skip.why, skip.needed)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in _reports_of_skipped(item, result.reason):
            if report.when == "teardown":
                setattr(report, REPORT_KEY, result)
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    # Innermost, so that the wrappers of pytest itself have begun before an item is skipped here.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        self._begin(item)
        item.stash[_KEPT] = frozenset(self.context.journal)
        item.stash[_LOCKS] = ExitStack()
        if (skip := item.stash.get(_SKIP, None)) is not None:
            self._skip(item, "skipped", skip.reason, skip.why, skip.needed)
        try:
            # Held from the first fixture's set-up to the last one's end: fixtures change global state, too.
            shared, alone = _locks(item, ruled=self.context.capabilities.profile.ruled)
            item.stash[_LOCKS].enter_context(self.context.locks.hold(shared, alone))
            return (yield)
        except (Exception, SafetyViolation, RunStopped, pytest.skip.Exception) as error:
            self._judge(item, error)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        error: BaseException | None = None
        try:
            yield
        except (Exception, SafetyViolation, RunStopped, pytest.skip.Exception) as caught:
            error = caught
        self._judge(item, error)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        try:
            return (yield)
        finally:
            taken = self.context.adapter.writes.since()
            if self.lost is None:
                try:
                    self.context.tidy_up(keep=item.stash[_KEPT] | self.context.lasting_resources)
                except (TargetLost, SafetyViolation, Unwritable) as error:
                    self._lose(error)
            item.stash[_WRITES] = taken, self.context.adapter.writes.since()
            item.stash[_LOCKS].close()

    # Innermost, so that other plugins see no more of an exception than the report may tell.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        report = yield
        if call.excinfo is not None and call.excinfo.errisinstance(NonConformance):
            report.longrepr = str(call.excinfo.value)
        elif report.failed:
            report.longrepr = self.context.recorder.hide(report.longreprtext)
        elif report.skipped and isinstance(report.longrepr, tuple):
            report.longrepr = _skipped(item, self.context.recorder.hide(report.longrepr[2]))
        if call.excinfo is not None and _RESULT not in item.stash:
            self._conclude(item, "error", f"{call.excinfo.typename}: {_first_line(call.excinfo.value)}")
        report.sections = [(name, self.context.recorder.hide(text)) for name, text in report.sections]
        if call.when == "teardown":
            result = item.stash.get(_RESULT, None) or self._result(item, "error", "the item ended without a verdict")
            if call.excinfo is not None:
                result.outcome = "error"
                result.reason = self.context.recorder.hide(f"teardown: {call.excinfo.value}")
            taken, cleaned = item.stash.get(_WRITES, (Taken(), Taken()))
            result.config_writes, result.config_cleanup = dict(taken.counts), dict(cleaned.counts)
            result.config_write_s = round(taken.seconds + cleaned.seconds, 3)
            setattr(report, REPORT_KEY, result)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self, report: pytest.TestReport) -> Generator[None, Any, Any]:
        """On its way to another process a result is plain data."""
        data = yield
        if isinstance(result := getattr(report, REPORT_KEY, None), ItemResult):
            data[REPORT_KEY] = asdict(result)
        return data

    def unwritable(self, error: OSError) -> None:
        """Something of the report is lost: nothing begins that could not be reported."""
        reason = str(Unwritable(self.context.configuration.report_dir, error))
        if reason not in self.troubles:
            self.troubles.append(reason)
            self.context.stop.set(reason)

    def finish(self) -> None:
        """Look at the target a last time, and delete what is left of this worker's creations."""
        if self.lost is None:
            try:
                with self.interrupts.interruptible():
                    if (restart := self.context.api.health.restart()) and str(restart) not in self.troubles:
                        self.troubles.append(str(restart))
                    self.left += self.context.clean_up()
            except (TargetLost, SafetyViolation, Unwritable) as error:
                self._lose(error)
            except KeyboardInterrupt:
                self.lost = INTERRUPTED
        self.context.close()

    def summary(self) -> dict[str, Any]:
        """What the controller must know of this worker: arguments of `Controller.worker_finished`."""
        return {
            "worker": self.context.sandbox.worker,
            "left": [asdict(left) for left in self.left],
            "troubles": self.troubles,
            "cleaned_up": self.lost is None,
            "config_cleanup": dict(self.context.adapter.writes.since().counts),
            "shard": None if self.shard is None else asdict(self.shard),
        }

    def _lose(self, error: BaseException) -> None:
        """Cleaning up failed for good: stop sending, and say so at the end."""
        self.lost = str(error)
        self.troubles.append(self.lost)
        self.context.stop.set(self.lost)

    def _begin(self, item: pytest.Item) -> None:
        self.context.recorder.begin(item.nodeid, requirements_of(item.nodeid), operation_of(item.nodeid))

    def _judge(self, item: pytest.Item, error: BaseException | None) -> None:
        """Decide the item's outcome and raise what makes pytest agree with it."""
        recorder = self.context.recorder
        main = recorder.requirements[0] if recorder.requirements else "GEN-31"
        check = item.name.partition("[")[0].removeprefix("test_")
        error = self._lost(error) or error
        if isinstance(error, pytest.skip.Exception):
            if not recorder.failures:
                self._skip(item, "skipped", str(error.msg), why_skipped_itself(error))
        elif isinstance(error, Inapplicable):
            if not recorder.failures:
                self._skip(item, "skipped", str(error), "chosen")
        elif isinstance(error, TargetLost):
            recorder.forget()
            if not isinstance(error, TargetChanged):
                self.lost = str(error)
            self._stop(item, "not_run", str(error))
        elif isinstance(error, Unwritable):
            self._stop(item, "not_run", str(error))
        elif isinstance(error, RunStopped):
            if not self._unwaived():
                self._skip(item, "not_run", str(error))
        elif isinstance(error, SafetyViolation):
            self._stop(item, "error", f"the safety guard stopped the run: {error}")
        elif isinstance(error, Undelivered):
            if not recorder.failures:
                self._skip(item, "not_run", f"undecided: {error}")
        elif isinstance(error, NoAnswer):
            what = f"{error.sent.method} {error.sent.path}: no answer: {error.reason}"
            recorder.failed("GEN-31", "answered", what, error.sent, operation=error.operation, by_itself=True)
        elif isinstance(error, ArrangeFailed):
            recorder.failed(main, "arrange", str(error), error.answer, attribution="undecided")
        elif isinstance(error, AssertionError):
            answer = error.answer if isinstance(error, Deviation) else None
            sighting = refused_read(answer) if answer is not None else None
            failure = recorder.failed(main, check, _first_line(error), answer, sighting=sighting)
            if isinstance(error, Deviation) and error.refused:
                Repair(self.context).accepted(error.answer, failure)
        elif isinstance(error, NotJson | MqttError):
            recorder.failed(main, check, _first_line(error))
        elif error is None and item.get_closest_marker("fuzz") is None and not recorder.postponed:
            # A scenario that came to its end has decided; fuzz items, and what comes last, decide request by request.
            if all(failure.requirement != main for failure in recorder.failures):
                recorder.passed(main, check, recorder.operation)
        elif error is not None:
            self._raise_findings(item, error)
        self._raise_findings(item)

    def _lost(self, error: BaseException | None) -> TargetLost | None:
        """Why an item that is about to fail must not: the target is no longer there, or no longer the same."""
        spoiled = isinstance(error, Exception) and not isinstance(error, TargetLost)
        if isinstance(error, SafetyViolation) or not (spoiled or self.context.recorder.failures):
            return None
        return self.context.api.health.problem()

    def _stop(self, item: pytest.Item, outcome: Outcome, reason: str) -> NoReturn:
        """End the run: nothing after this item can be trusted, what it found before can."""
        self._unwaived()
        self.context.stop.set(reason)
        self.troubles.append(self.context.recorder.hide(reason))
        self._skip(item, outcome, reason)

    def _unwaived(self) -> list[Failure]:
        """The item's failures that stand for themselves and that no waiver covers; marks the others."""
        self.context.recorder.settle()
        return unwaived(self.context.recorder.failures, self.waivers, self.context.capabilities)

    def _raise_findings(self, item: pytest.Item, error: BaseException | None = None) -> None:
        """Conclude from what was recorded; an ``error`` counts unless the item stumbled over a failure it recorded."""
        recorder = self.context.recorder
        failures = recorder.failures
        if allure_results.wanted(item.config):
            allure_results.describe(recorder, self.context.contract)
        counting = self._unwaived()
        if counting:
            self._conclude(item, "failed", counting[0].message)
            raise NonConformance("\n\n".join(
                f"{failure.requirement} {failure.operation or ''} [{failure.check}] {failure.message}"
                f"\n  {failure.curl or ''}" for failure in counting
            ))  # fmt: skip
        if recorder.doubted:
            self._skip(item, "not_run", f"undecided: {recorder.doubted[0]}")
        missing = [identifier for identifier in recorder.requirements if not recorder.evidence[identifier]]
        if error is not None:
            self._conclude(item, "error", f"{type(error).__name__}: {_first_line(error)}")
            text = recorder.hide(str(error))
            raise error if text == str(error) else SuiteError(text).with_traceback(error.__traceback__) from None
        outcome, reason = outcome_without(failures, missing, recorder.causes)
        if outcome == "waived":
            self._conclude(item, "waived", reason)
            pytest.xfail(reason)
        elif outcome == "not_run" and recorder.causes:
            self._skip(item, "not_run", reason)
        elif outcome == "not_run" and recorder.postponed:
            self._skip(item, "not_run", NOT_YET)
        elif outcome == "not_run" and recorder.withheld:
            needed = min(recorder.withheld)
            why = "a defective target could not undo what is left of it"
            self._skip(item, "skipped", f"{why}: needs --{needed.words}", "chosen", needed)
        elif outcome == "not_run":
            self._skip(item, "not_run", f"nothing was decided: the antecedent of {', '.join(missing)} never happened")
        else:
            self._conclude(item, "passed", "")

    def _skip(
        self, item: pytest.Item, outcome: Outcome, reason: str, why: Omission | None = None, needed: Mode | None = None
    ) -> NoReturn:
        pytest.skip(self._omit(item, outcome, reason, why, needed).reason)

    def _omit(
        self, item: pytest.Item, outcome: Outcome, reason: str, why: Omission | None, needed: Mode | None
    ) -> ItemResult:
        """Conclude an item that has not decided anything; returns its result."""
        requirements = [REQUIREMENTS[identifier] for identifier in self.context.recorder.requirements]
        if why is not None and requirements and not counts(requirements):
            why, reason = "not_demanded", f"provisional, and {reason}"
        self._conclude(item, outcome, reason)
        result = item.stash[_RESULT]
        result.omission, result.needs_mode = why, None if needed is None else needed.words
        return result

    def _conclude(self, item: pytest.Item, outcome: Outcome, reason: str) -> None:
        item.stash[_RESULT] = self._result(item, outcome, reason)

    def _result(self, item: pytest.Item, outcome: Outcome, reason: str) -> ItemResult:
        result = self.context.recorder.result()
        result.id, result.outcome, result.reason = item.nodeid, outcome, self.context.recorder.hide(reason)
        return result


def unwaived(failures: list[Failure], waivers: WaiverFile | None, target: Capabilities) -> list[Failure]:
    """The failures that stand for themselves and that no waiver covers; marks the others."""
    if waivers is not None:
        waivers.apply(failures, target.version, target.profile.sentences())
    for failure in failures:
        entry = REQUIREMENTS.get(failure.requirement)
        if entry is not None and entry.provisional and failure.waived_by is None:
            failure.waived_by = PROVISIONAL
    return [failure for failure in failures if failure.counts]


def _reports_of_skipped(item: pytest.Item, reason: str) -> Iterator[pytest.TestReport]:
    """What pytest reports of an item that is skipped before it is set up."""
    why = _skipped(item, f"Skipped: {reason}")
    yield pytest.TestReport(item.nodeid, item.location, {}, "skipped", why, "setup")
    yield pytest.TestReport(item.nodeid, item.location, {}, "passed", None, "teardown")


def _skipped(item: pytest.Item, reason: str) -> tuple[str, int, str]:
    """As pytest tells of an item that is skipped: where it stands, not where that was found out."""
    path, line, _ = item.location
    return path, (line or 0) + 1, reason


def _locks(item: pytest.Item, *, ruled: bool) -> tuple[set[str], set[str]]:
    """Names of global state the item relies on, and of those it changes for everybody (marker ``state``).

    ``ruled``: MQTT clients may do something only as long as nobody deletes the authorization rules of everybody.
    """
    shared: set[str] = set()
    alone: set[str] = set()
    for marker in item.iter_markers("state"):
        (alone if marker.kwargs.get("alone") else shared).update(marker.args)
    if ruled and any("mqtt" in marker.args for marker in item.iter_markers("needs")):
        shared.add("authorization")
    return shared, alone


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
